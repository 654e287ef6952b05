//! Invites.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::invite::InviteId;
use openindex_domain::user::Role;

use crate::server::body::Body;
use crate::server::path::PathId;
use crate::server::query::{Page, Query};
use crate::server::state::Shared;
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{CreateInvite, CreatedInvite, InviteList, PageQuery, PlainSecret};

/// List invites
///
/// Lists invites, newest first, one page at a time. Includes claimed, withdrawn, replaced and expired
/// invites, without their links.
#[utoipa::path(get, path = "/admin/invites", tag = "admin", operation_id = "listInvites",
    params(PageQuery),
    responses((status = 200, description = "The invites, without secrets", body = InviteList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    Query(page, ()): Query<Page<InviteId>>,
) -> Result<Json<InviteList>, Problem> {
    let page = state
        .invites
        .list(&principal, page.after, page.limit)
        .await?;
    let now = state.tokens.now();
    let items = page.invites.iter();
    Ok(Json(InviteList {
        items: items.map(|invite| to_wire::invite(invite, now)).collect(),
        damaged: to_wire::damaged(&page.invites),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Create an invite
///
/// The response contains the link to send to the invited person. It replaces an earlier open invite
/// for the same email address.
#[utoipa::path(post, path = "/admin/invites", tag = "admin", operation_id = "createInvite",
    request_body = CreateInvite,
    responses(
        (status = 201, description = "The invite with its link, which is shown only once",
            body = CreatedInvite),
    ))]
pub(in crate::server) async fn create(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    Body(CreateInvite { email, role }): Body<CreateInvite>,
) -> Result<(StatusCode, Json<CreatedInvite>), Problem> {
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

/// Withdraw an invite
///
/// Its link stops working immediately.
#[utoipa::path(delete, path = "/admin/invites/{id}", tag = "admin",
    operation_id = "withdrawInvite",
    params(("id" = String, Path, description = "Invite id (`inv_…`)")),
    responses(
        (status = 204, description = "Withdrawn"),
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
