//! `/settings/admin/tokens`: all tokens.

use askama::Template;
use http::StatusCode;
use openindex_domain::admin_tokens::{OwnedToken, TokenFilter, TokenPage};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{TokenId, TokenKind};

use crate::web::{
    Administrator, At, Choice, DamagedRow, Done, Ending, Form, Invalid, Page, PageResult, Person,
    Query, Shown, TokenView, WebError, html, paths,
};

use super::people::People;
use super::{Back, PAGE, token_filter};

#[derive(Template)]
#[template(path = "admin/tokens.html")]
struct TokensPage {
    page: Page,
    tokens: Vec<OwnedView>,
    people: Vec<Choice>,
    has_more_people: bool,
    filter: Query,
    is_filtered: bool,
    errors: Invalid,
    live: u64,
    live_admin: u64,
    expired: u64,
    is_first: bool,
    first: String,
    next: Option<String>,
    bulk: String,
    back: Back,
}

#[derive(Template)]
#[template(path = "admin/token.html")]
struct ShowPage {
    page: Page,
    kind: &'static str,
    /// The name and path of the owner; `None` if they were deleted.
    owner: Option<(Shown, String)>,
    token: TokenView,
    can_be_revoked: bool,
    back: Back,
}

#[derive(Template)]
#[template(path = "admin/revoke.html")]
struct RevokePage {
    page: Page,
    owned: OwnedView,
    runs: Ending,
    back: Back,
}

/// A token with its owner.
pub(super) struct OwnedView {
    pub(super) token: TokenView,
    pub(super) owner_id: String,
    pub(super) owner: Shown,
    pub(super) is_owner_suspended: bool,
}

impl OwnedView {
    pub(super) fn of(owned: &OwnedToken, now: Timestamp) -> Self {
        let OwnedToken { token, owner } = owned;
        let (id, profile) = (owner.id.to_string(), owner.profile.as_ref());
        Self {
            token: TokenView::of_any(token, owner.role.highest_scope(), now),
            owner: Shown::of(profile.map_or(&id, |profile| profile.name.as_str())),
            owner_id: id,
            is_owner_suspended: !owner.active,
        }
    }
}

pub(in crate::web) async fn list(by: Administrator) -> PageResult {
    let principal = &by.principal;
    let admin_tokens = &by.admin_tokens;
    let chosen = token_filter::chosen(&by.query);
    let mut ignored = Vec::new();
    let after = by.query.cursor("after", &mut ignored);
    let (filter, errors) = match token_filter::parse(&by.query) {
        Ok(filter) => (Some(filter), Invalid::default()),
        Err(errors) => (None, errors),
    };
    let found = match &filter {
        Some(filter) => admin_tokens.list(principal, filter, after, PAGE).await?,
        None => TokenPage::default(),
    };
    let counts = admin_tokens.stats(principal).await?;
    let owner = filter.as_ref().and_then(|filter| filter.owner);
    let people = People::load(&by, owner).await?;
    let now = by.now();
    let tokens = found.tokens;
    let rows = tokens.iter();
    let here = chosen.to(paths::ALL_TOKENS, "after", &by.query.get("after"));
    let template = TokensPage {
        page: by.list_page("all-tokens", &tokens, ignored),
        tokens: rows.map(|owned| OwnedView::of(owned, now)).collect(),
        people: people.choices(chosen.get("user")),
        has_more_people: people.has_more,
        is_filtered: filter.is_none_or(|filter| !filter.is_empty()),
        errors,
        live: counts.tokens_live,
        live_admin: counts.tokens_live_admin,
        expired: counts.tokens_expired,
        is_first: after.is_none(),
        first: chosen.on(paths::ALL_TOKENS),
        next: found
            .next
            .map(|id| chosen.to(paths::ALL_TOKENS, "after", &id)),
        bulk: chosen.on(paths::BULK_REVOCATION),
        back: Back::to(&here, paths::ALL_TOKENS),
        filter: chosen,
    };
    html(template.errors.status(), &template)
}

async fn find(by: &Person, id: TokenId) -> Result<Option<OwnedToken>, WebError> {
    let filter = TokenFilter {
        token: Some(id),
        ..TokenFilter::default()
    };
    let found = by
        .admin_tokens
        .list(&by.principal, &filter, None, 1)
        .await?;
    if found.tokens.damaged().next().is_some() {
        return Err(WebError::damaged(DamagedRow::Token(id)));
    }
    Ok(found.tokens.first().cloned())
}

/// Shows any user's token or agent run. Revoked ones are shown until they are purged.
pub(in crate::web) async fn show(by: At<Administrator, TokenId>) -> PageResult {
    let principal = &by.principal;
    let found = by.admin_tokens.tokens_by_id(principal, vec![by.id]).await?;
    let token = found.get(&by.id).ok_or(WebError::NOT_FOUND)?;
    let people = People::load(&by, [token.owner]).await?;
    let owner = people.user(token.owner);
    let highest = owner.map_or(token.scope, |owner| owner.role.highest_scope());
    let view = TokenView::of_any(token, highest, by.now());
    let template = ShowPage {
        page: by.page("all-tokens"),
        kind: match by.id.kind() {
            TokenKind::Personal => "Personal access token",
            TokenKind::AgentRun => "Agent run",
        },
        owner: owner.map(|owner| {
            let name = Shown::of(owner.name.as_str());
            (name, format!("{}/{}", paths::USERS, owner.id))
        }),
        can_be_revoked: by.id.kind() == TokenKind::Personal && !view.is_revoked,
        token: view,
        back: Back::to(by.query.get("next"), paths::ALL_TOKENS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn confirm_revoke(by: At<Administrator, TokenId>) -> PageResult {
    let owned = find(&by, by.id).await?;
    let owned = owned.as_ref().ok_or(WebError::NOT_FOUND)?;
    let template = RevokePage {
        page: by.page("all-tokens"),
        runs: Ending::of(&by, owned.token.owner, Some(by.id)).await?,
        owned: OwnedView::of(owned, by.now()),
        back: Back::to(by.query.get("next"), paths::ALL_TOKENS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn revoke(by: At<Administrator, TokenId>, form: Form) -> PageResult {
    let principal = &by.principal;
    // A damaged token can still be revoked.
    let owned = find(&by, by.id).await.ok().flatten();
    by.admin_tokens
        .revoke(principal, by.id, &by.context)
        .await?;
    let about = owned.map_or_else(
        || by.id.to_string(),
        |owned| owned.token.name.as_str().to_owned(),
    );
    let back = Back::to(form.get("next"), paths::ALL_TOKENS);
    Ok(Done::TokenRevoked.to(&by.site, &back.path, &about))
}
