//! `/settings/admin/tokens`: all tokens.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::access::Principal;
use openindex_domain::admin_tokens::{OwnedToken, TokenFilter};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{TokenId, TokenKind};

use crate::web::access::Administrator;
use crate::web::done::Done;
use crate::web::error::{DamagedRow, WebError};
use crate::web::form::Sent;
use crate::web::invalid::Invalid;
use crate::web::page::{Page, html};
use crate::web::path::IdPath;
use crate::web::paths;
use crate::web::query::Query;
use crate::web::runs::Ending;
use crate::web::site::Web;
use crate::web::view::{Shown, TokenView};

use super::people::{Choice, People};
use super::token_filter::ChosenFilter;
use super::{Back, PAGE};

#[derive(Template)]
#[template(path = "admin/tokens.html")]
struct TokensPage {
    page: Page,
    tokens: Vec<OwnedView>,
    people: Vec<Choice>,
    has_more_people: bool,
    filter: ChosenFilter,
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
struct TokenPage {
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
        let id = owner.id.to_string();
        Self {
            token: TokenView::of_any(token, owner.role.highest_scope(), now),
            owner: Shown::of(
                owner
                    .profile
                    .as_ref()
                    .map_or(&id, |profile| profile.name.as_str()),
            ),
            owner_id: id,
            is_owner_suspended: !owner.active,
        }
    }
}

pub(in crate::web) async fn list(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    let admin_tokens = &web.api.admin_tokens;
    let chosen = ChosenFilter::of_query(&query);
    let mut ignored = Vec::new();
    let after: Option<TokenId> = query.place("after", |text| text.parse().ok(), &mut ignored);
    let (filter, errors) = match chosen.parse() {
        Ok(filter) => (Some(filter), Invalid::default()),
        Err(errors) => (None, errors),
    };
    let found = match &filter {
        Some(filter) => Some(admin_tokens.list(principal, filter, after, PAGE).await?),
        None => None,
    };
    let counts = admin_tokens.stats(principal).await?;
    let mut people = People::load(&web, principal).await?;
    if let Some(owner) = filter.as_ref().and_then(|filter| filter.owner) {
        people.meet(&web, principal, &[owner]).await?;
    }
    let now = web.api.tokens.now();
    let next = found.as_ref().and_then(|found| found.next);
    let tokens = found.map(|found| found.tokens).unwrap_or_default();
    let template = TokensPage {
        page: Page::of(&web, &by.0, "all-tokens")
            .with_damaged(&tokens)
            .with_ignored(ignored),
        tokens: tokens
            .iter()
            .map(|owned| OwnedView::of(owned, now))
            .collect(),
        people: people.choices(chosen.get("user")),
        has_more_people: people.has_more,
        is_filtered: filter.is_none_or(|filter| !filter.is_empty()),
        errors,
        live: counts.tokens_live,
        live_admin: counts.tokens_live_admin,
        expired: counts.tokens_expired,
        is_first: after.is_none(),
        first: chosen.to_query().on(paths::ALL_TOKENS),
        next: next.map(|id| {
            chosen
                .to_query()
                .with("after", id.to_string())
                .on(paths::ALL_TOKENS)
        }),
        bulk: chosen.to_query().on(paths::BULK_REVOCATION),
        back: Back::to(
            &chosen
                .to_query()
                .with("after", query.get("after"))
                .on(paths::ALL_TOKENS),
            paths::ALL_TOKENS,
        ),
        filter: chosen,
    };
    html(template.errors.status(), &template)
}

async fn find(web: &Web, by: &Principal, id: TokenId) -> Result<Option<OwnedToken>, WebError> {
    let filter = TokenFilter {
        token: Some(id),
        ..TokenFilter::default()
    };
    let found = web.api.admin_tokens.list(by, &filter, None, 1).await?;
    if found.tokens.damaged().next().is_some() {
        return Err(WebError::damaged(DamagedRow::Token(id)));
    }
    Ok(found.tokens.first().cloned())
}

/// Shows any user's token or agent run. Revoked ones are shown until they are purged.
pub(in crate::web) async fn show(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<TokenId>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    let found = web
        .api
        .admin_tokens
        .tokens_by_id(principal, vec![id])
        .await?;
    let token = found.get(&id).ok_or(WebError::NOT_FOUND)?;
    let mut people = People::load(&web, principal).await?;
    people.meet(&web, principal, &[token.owner]).await?;
    let owner = people.user(token.owner);
    let highest = owner.map_or(token.scope, |owner| owner.role.highest_scope());
    let view = TokenView::of_any(token, highest, web.api.tokens.now());
    let template = TokenPage {
        page: Page::of(&web, &by.0, "all-tokens"),
        kind: match id.kind() {
            TokenKind::Personal => "Personal access token",
            TokenKind::AgentRun => "Agent run",
        },
        owner: owner.map(|owner| {
            let name = Shown::of(owner.name.as_str());
            (name, format!("{}/{}", paths::USERS, owner.id))
        }),
        can_be_revoked: id.kind() == TokenKind::Personal && !view.is_revoked,
        token: view,
        back: Back::to(query.get("next"), paths::ALL_TOKENS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn confirm_revoke(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<TokenId>,
    query: Query,
) -> Result<Response, WebError> {
    let owned = find(&web, &by.0.principal, id).await?;
    let owned = owned.as_ref().ok_or(WebError::NOT_FOUND)?;
    let template = RevokePage {
        page: Page::of(&web, &by.0, "all-tokens"),
        runs: Ending::of(&web, &by.0, owned.token.owner, Some(id)).await?,
        owned: OwnedView::of(owned, web.api.tokens.now()),
        back: Back::to(query.get("next"), paths::ALL_TOKENS),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn revoke(
    by: Administrator,
    State(web): State<Web>,
    IdPath(id): IdPath<TokenId>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    // A damaged token can still be revoked.
    let owned = find(&web, principal, id).await.ok().flatten();
    web.api.admin_tokens.revoke(principal, id, &context).await?;
    let about = owned.map_or_else(
        || id.to_string(),
        |owned| owned.token.name.as_str().to_owned(),
    );
    let back = Back::to(form.get("next"), paths::ALL_TOKENS);
    Ok(Done::TokenRevoked.to(&web.site, &back.path, &about))
}
