//! Everybody's tokens.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::InvalidId;
use openindex_domain::inventory::TokenFilter;
use openindex_domain::token::{InvalidScope, Scope, Status, TokenId};
use openindex_domain::user::UserId;

use crate::server::api::Shared;
use crate::server::body::{Fields, JsonFields, QueryFields};
use crate::server::path::PathId;
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{AdminPatList, RevokePats, RevokedPats};

/// How many tokens an answer to a bulk revocation shows at most; their count is exact.
const MAX_SHOWN: usize = 1_000;

/// Takes the filters, which a query and a body spell alike.
fn filter(fields: &mut Fields) -> TokenFilter {
    TokenFilter {
        token: None,
        owner: fields.text("user", |text| {
            text.parse::<UserId>()
                .map_err(|InvalidId| "must be the id of a user (usr_…)")
        }),
        scope: fields.text("scope", |text| {
            text.parse::<Scope>()
                .map_err(|InvalidScope| "must be read_write or admin")
        }),
        status: fields.text("status", |text| {
            Status::parse(text).ok_or("must be live, expired or revoked")
        }),
        unused_since: fields.instant("unusedSince"),
        expiring_before: fields.instant("expiringBefore"),
    }
}

/// Everybody's tokens, the newest first, a page at a time.
///
/// Live and expired tokens, unless `status` says otherwise. A token must match every filter.
#[utoipa::path(get, path = "/admin/pats", tag = "admin", operation_id = "listAllPats",
    params(
        ("user" = Option<String>, Query, description = "Of this user (`usr_…`)"),
        ("scope" = Option<crate::wire::WireScope>, Query, description = "With this scope"),
        ("status" = Option<crate::wire::Status>, Query,
            description = "Where they stand; live and expired ones unless given"),
        ("unusedSince" = Option<String>, Query,
            description = "Not used since this date or date-time; one that was never used counts from its creation"),
        ("expiringBefore" = Option<String>, Query,
            description = "Ending by themselves before this date or date-time"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many at most; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses((status = 200, description = "The tokens, without secrets", body = AdminPatList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<AdminPatList>, Problem> {
    let filter = filter(&mut fields);
    let limit = fields.limit();
    let after = fields.cursor(|text| text.parse().ok());
    fields.finish()?;
    let page = state
        .inventory
        .list(&principal, &filter, after, limit)
        .await?;
    let now = state.tokens.now();
    let items = page.tokens.iter();
    Ok(Json(AdminPatList {
        items: items.map(|owned| to_wire::owned(owned, now)).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Revoke one token, whoever owns it.
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
    JsonFields(mut fields): JsonFields,
) -> Result<Json<RevokedPats>, Problem> {
    let filter = filter(&mut fields);
    let dry_run = fields.boolean("dryRun").unwrap_or(false);
    fields.finish()?;
    let now = state.tokens.now();
    let revocation = state
        .inventory
        .revoke_matching(&principal, &filter, dry_run, &context)
        .await?;
    let items = revocation.tokens.iter().take(MAX_SHOWN);
    Ok(Json(RevokedPats {
        dry_run,
        count: revocation.tokens.len() as u64,
        kept_own: revocation.kept_own,
        items: items.map(|owned| to_wire::owned(owned, now)).collect(),
    }))
}
