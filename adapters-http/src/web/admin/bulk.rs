//! `/settings/admin/tokens/revoke`: bulk revocation, after a review of the matching tokens.

use askama::Template;
use http::StatusCode;
use openindex_domain::admin_tokens::{AdminTokenError, ReviewPage, TokenFilter};
use openindex_domain::token::TokenId;

use crate::web::{Administrator, Done, Form, Page, PageResult, html, paths, redirect};

use super::token_filter;
use super::tokens::OwnedView;

/// Tokens per page of the review.
const PAGE: u32 = 200;

#[derive(Template)]
#[template(path = "admin/bulk.html")]
struct BulkPage {
    page: Page,
    /// The path of the form, with the filter.
    action: String,
    tokens: Vec<OwnedView>,
    count: usize,
    /// The digest of the reviewed tokens, including those on other pages.
    expected: String,
    kept_own: bool,
    /// The matching tokens have changed since the review.
    has_changed: bool,
    /// The numbers of the first and the last token on this page.
    shown: (usize, usize),
    previous: Option<String>,
    next: Option<String>,
    back: String,
}

pub(in crate::web) async fn preview(by: Administrator) -> PageResult {
    let Some(filter) = valid_filter(&by) else {
        return Ok(redirect(&list(&by)));
    };
    let principal = &by.principal;
    let review = |after| by.admin_tokens.review(principal, &filter, after, PAGE);
    let mut found = review(by.query.get("after").parse().ok()).await?;
    let reviewed = by.query.get("expected");
    let has_changed = !reviewed.is_empty() && reviewed != found.review.digest.to_string();
    if has_changed {
        found = review(None).await?;
    }
    render(&by, &found, has_changed)
}

pub(in crate::web) async fn revoke(by: Administrator, form: Form) -> PageResult {
    let list = list(&by);
    let Some(filter) = valid_filter(&by) else {
        return Ok(redirect(&list));
    };
    let (admin_tokens, principal) = (&by.admin_tokens, &by.principal);
    // Without a digest, nothing was reviewed.
    if let Ok(expected) = form.get("expected").parse() {
        let revoked = admin_tokens.revoke_matching(principal, &filter, Some(expected), &by.context);
        match revoked.await {
            Ok(revoked) => {
                return Ok(match revoked.tokens.count() {
                    1 => Done::OneTokenRevoked.on(&by.site, &list),
                    count => Done::TokensRevoked.to(&by.site, &list, &format!("{count} tokens")),
                });
            }
            Err(AdminTokenError::ReviewOutdated(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let found = admin_tokens.review(principal, &filter, None, PAGE).await?;
    render(&by, &found, true)
}

/// Returns the filter, or `None` if it is invalid or matches every token.
fn valid_filter(by: &Administrator) -> Option<TokenFilter> {
    let filter = token_filter::parse(&by.query).ok();
    filter.filter(|filter| !filter.is_empty())
}

/// Returns the path of the filtered list.
fn list(by: &Administrator) -> String {
    token_filter::chosen(&by.query).on(paths::ALL_TOKENS)
}

fn render(by: &Administrator, found: &ReviewPage, has_changed: bool) -> PageResult {
    let (now, chosen) = (by.now(), token_filter::chosen(&by.query));
    let expected = found.review.digest.to_string();
    let reviewed = chosen.clone().with("expected", &*expected);
    // An empty `after` is omitted, which leads to the first page.
    let page = |after: Option<TokenId>| {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        reviewed.to(paths::BULK_REVOCATION, "after", &after)
    };
    let tokens = found.tokens.iter();
    let template = BulkPage {
        page: by.page("all-tokens").with_damaged(&found.tokens),
        tokens: tokens.map(|owned| OwnedView::of(owned, now)).collect(),
        count: found.review.count,
        kept_own: found.kept_own,
        has_changed,
        shown: (found.skipped + 1, found.skipped + found.tokens.count()),
        previous: (found.skipped > 0).then(|| page(found.previous)),
        next: found.next.map(|next| page(Some(next))),
        back: list(by),
        action: chosen.on(paths::BULK_REVOCATION),
        expected,
    };
    // The review is outdated, so nothing was revoked.
    let status = if has_changed {
        StatusCode::CONFLICT
    } else {
        StatusCode::OK
    };
    html(status, &template)
}
