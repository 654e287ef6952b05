//! Invites.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::invite::InviteId;
use openindex_domain::user::{Email, Role};

use super::users::parse_role;
use crate::server::api::Shared;
use crate::server::body::{JsonFields, QueryFields};
use crate::server::path::PathId;
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{CreateInvite, CreatedInvite, InviteList, PlainSecret};

/// All invites, the newest first, a page at a time.
///
/// Includes claimed, withdrawn and expired invites, without their links.
#[utoipa::path(get, path = "/admin/invites", tag = "admin", operation_id = "listInvites",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many at most; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses((status = 200, description = "The invites, without secrets", body = InviteList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<InviteList>, Problem> {
    let limit = fields.limit();
    let after = fields.cursor(|text| text.parse().ok());
    fields.finish()?;
    let page = state.invites.list(&principal, after, limit).await?;
    let now = state.tokens.now();
    let items = page.invites.iter();
    Ok(Json(InviteList {
        items: items.map(|invite| to_wire::invite(invite, now)).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Invite somebody.
///
/// The answer holds the link to send them. An earlier open invite for the same address is void.
#[utoipa::path(post, path = "/admin/invites", tag = "admin", operation_id = "createInvite",
    request_body = CreateInvite,
    responses(
        (status = 201, description = "The invite with its link, which is never shown again",
            body = CreatedInvite),
    ))]
pub(in crate::server) async fn create(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    JsonFields(mut fields): JsonFields,
) -> Result<(StatusCode, Json<CreatedInvite>), Problem> {
    let email = fields.text("email", Email::parse);
    let email = fields.require("email", email);
    let role = fields.text("role", parse_role);
    fields.finish()?;
    let email = email.ok_or_else(Problem::internal)?;
    let role = role.unwrap_or(Role::Member);
    let new = state
        .invites
        .create(&principal, email, role, &context)
        .await?;
    let created = CreatedInvite {
        invite: to_wire::invite(&new.invite, state.tokens.now()),
        url: PlainSecret::new(&state.settings.invite_link(&new.secret)),
        code: PlainSecret::new(new.secret.expose()),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Withdraw an invite.
///
/// Its link is void at once.
#[utoipa::path(delete, path = "/admin/invites/{id}", tag = "admin",
    operation_id = "withdrawInvite",
    params(("id" = String, Path, description = "`inv_…`")),
    responses(
        (status = 204, description = "It is void"),
    ))]
pub(in crate::server) async fn withdraw(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<InviteId>,
) -> Result<StatusCode, Problem> {
    state.invites.withdraw(&principal, id, &context).await?;
    Ok(StatusCode::NO_CONTENT)
}
