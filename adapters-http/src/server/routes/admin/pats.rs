//! Everybody's tokens.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::inventory::TokenFilter;
use openindex_domain::token::TokenId;

use crate::server::api::Shared;
use crate::server::body::Body;
use crate::server::path::PathId;
use crate::server::query::{Page, Query};
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{AdminPatList, PageQuery, PatFilter, RevokePats, RevokedPats};

/// How many tokens an answer to a bulk revocation shows at most; their count is exact.
const MAX_SHOWN: usize = 1_000;

impl From<PatFilter> for TokenFilter {
    fn from(filter: PatFilter) -> Self {
        Self {
            token: None,
            owner: filter.user,
            scope: filter.scope,
            status: filter.status,
            unused_since: filter.unused_since,
            expiring_before: filter.expiring_before,
        }
    }
}

/// Everybody's tokens, the newest first, a page at a time.
///
/// Live and expired tokens, unless `status` says otherwise. A token must match every filter.
#[utoipa::path(get, path = "/admin/pats", tag = "admin", operation_id = "listAllPats",
    params(PatFilter, PageQuery),
    responses((status = 200, description = "The tokens, without secrets", body = AdminPatList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    Query(filter, page): Query<PatFilter, Page<TokenId>>,
) -> Result<Json<AdminPatList>, Problem> {
    let page = state
        .inventory
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

/// Revoke one token of any owner.
///
/// The agent runs that were started with it end as well.
#[utoipa::path(delete, path = "/admin/pats/{id}", tag = "admin", operation_id = "revokePat",
    params(("id" = String, Path, description = "`pat_…`")),
    responses(
        (status = 204, description = "It is gone"),
    ))]
pub(in crate::server) async fn revoke(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<TokenId>,
) -> Result<StatusCode, Problem> {
    state.inventory.revoke(&principal, id, &context).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke every token that all of the given filters want, as one change.
///
/// With `dryRun` it only answers which those are. The acting token itself is kept. The agent runs
/// that were started with them end with them.
#[utoipa::path(post, path = "/admin/pats/revoke", tag = "admin", operation_id = "revokePats",
    request_body = RevokePats,
    responses((status = 200, description = "What was ended, or would be", body = RevokedPats)))]
pub(in crate::server) async fn revoke_matching(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    Body(wanted): Body<RevokePats>,
) -> Result<Json<RevokedPats>, Problem> {
    let dry_run = wanted.dry_run;
    let filter = PatFilter::from(wanted).into();
    let now = state.tokens.now();
    let revocation = state
        .inventory
        .revoke_matching(&principal, &filter, dry_run, &context)
        .await?;
    let items = revocation.tokens.iter().take(MAX_SHOWN);
    let mut damaged = to_wire::damaged(&revocation.tokens);
    damaged.truncate(MAX_SHOWN);
    Ok(Json(RevokedPats {
        dry_run,
        count: revocation.tokens.count() as u64,
        kept_own: revocation.kept_own,
        damaged,
        items: items.map(|owned| to_wire::owned(owned, now)).collect(),
    }))
}
