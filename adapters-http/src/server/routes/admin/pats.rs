//! Tokens of all users.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::Listing;
use openindex_domain::admin_tokens::{AdminTokenError, OwnedToken, TokenFilter};
use openindex_domain::token::TokenId;

use crate::server::body::Body;
use crate::server::path::PathId;
use crate::server::query::{Page, Query};
use crate::server::state::Shared;
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{AdminPatList, PageQuery, PatFilter, RevokePats, RevokedPats};

/// Maximum number of tokens in a response to a bulk revocation; the count is exact.
const MAX_SHOWN: u32 = 1_000;

impl From<PatFilter> for TokenFilter {
    fn from(filter: PatFilter) -> Self {
        Self {
            token: None,
            owner: filter.user,
            search: None,
            scope: filter.scope,
            status: filter.status,
            unused_since: filter.unused_since,
            created_before: None,
            expiring_before: filter.expiring_before,
        }
    }
}

/// List tokens of all users
///
/// Lists tokens, newest first, one page at a time. Includes active and expired tokens unless
/// `status` is given. Tokens must match every filter.
#[utoipa::path(get, path = "/admin/pats", tag = "admin", operation_id = "listAdminPats",
    params(PatFilter, PageQuery),
    responses((status = 200, description = "The tokens, without secrets", body = AdminPatList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    Query(filter, page): Query<PatFilter, Page<TokenId>>,
) -> Result<Json<AdminPatList>, Problem> {
    let page = state
        .admin_tokens
        .list(&principal, &filter.into(), page.after, page.limit)
        .await?;
    let now = state.tokens.now();
    let items = page.tokens.iter();
    Ok(Json(AdminPatList {
        items: items.map(|owned| to_wire::owned(owned, now)).collect(),
        damaged: to_wire::damaged(&page.tokens),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Revoke a token of any user
///
/// Agent runs started with the token end as well.
#[utoipa::path(delete, path = "/admin/pats/{id}", tag = "admin", operation_id = "revokeAdminPat",
    params(("id" = String, Path, description = "Token id (`pat_…`)")),
    responses(
        (status = 204, description = "Revoked"),
    ))]
pub(in crate::server) async fn revoke(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<TokenId>,
) -> Result<StatusCode, Problem> {
    state.admin_tokens.revoke(&principal, id, &context).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke every token that matches the filters
///
/// All matching tokens are revoked in one step, and agent runs started with them end. The token
/// that makes this request is never revoked.
///
/// With `dryRun`, nothing is revoked: the response lists the matching tokens, one page at a time,
/// and an `expected` value that identifies exactly this set. Send it to revoke what was reviewed;
/// if other tokens match by then, nothing is revoked (409 `review_outdated`). Revoking more than
/// 200 tokens requires `expected` (409 `review_required`).
#[utoipa::path(post, path = "/admin/pats/revoke", tag = "admin", operation_id = "revokeAdminPats",
    request_body = RevokePats,
    responses(
        (status = 200, description = "The tokens that were revoked, or would be", body = RevokedPats),
    ))]
pub(in crate::server) async fn revoke_matching(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    Body(wanted): Body<RevokePats>,
) -> Result<Json<RevokedPats>, Problem> {
    let RevokePats {
        dry_run,
        expected,
        cursor,
        ..
    } = wanted;
    let (admin_tokens, filter) = (&state.admin_tokens, PatFilter::from(wanted).into());
    let now = state.tokens.now();
    let shown = |tokens: &Listing<OwnedToken>| {
        let items = tokens.iter().take(MAX_SHOWN as usize);
        items.map(|owned| to_wire::owned(owned, now)).collect()
    };
    if dry_run {
        let page = admin_tokens
            .review(&principal, &filter, cursor, MAX_SHOWN)
            .await?;
        if expected.is_some_and(|expected| expected != page.review.digest) {
            return Err(AdminTokenError::ReviewOutdated(page.review).into());
        }
        return Ok(Json(RevokedPats {
            dry_run,
            count: page.review.count as u64,
            kept_own: page.kept_own,
            expected: Some(page.review.digest.to_string()),
            items: shown(&page.tokens),
            damaged: to_wire::damaged(&page.tokens),
            next_cursor: page.next.map(|id| id.to_string()),
        }));
    }
    let revoked = admin_tokens
        .revoke_matching(&principal, &filter, expected, &context)
        .await?;
    let mut damaged = to_wire::damaged(&revoked.tokens);
    damaged.truncate(MAX_SHOWN as usize);
    Ok(Json(RevokedPats {
        dry_run,
        count: revoked.tokens.count() as u64,
        kept_own: revoked.kept_own,
        expected: None,
        items: shown(&revoked.tokens),
        damaged,
        next_cursor: None,
    }))
}
