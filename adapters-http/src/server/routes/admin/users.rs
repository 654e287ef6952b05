//! Everybody's accounts.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::session::SignInLinkUser;
use openindex_domain::user::{self, UserChange, UserCursor, UserId, UserSeek};

use crate::server::api::Shared;
use crate::server::body::Body;
use crate::server::path::PathId;
use crate::server::query::{Page, Query};
use crate::server::requests::user_change;
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{PageQuery, PatchUser, PlainSecret, SignInLink, User, UserList, UserQuery};

/// All users, in the order of their joining unless sorted otherwise, a page at a time.
///
/// Includes suspended users. A user is last seen when they last used a browser session or a personal
/// access token, or when the audit log last recorded them as the actor. A cursor belongs to the order
/// that it was returned for.
#[utoipa::path(get, path = "/admin/users", tag = "admin", operation_id = "listUsers",
    params(UserQuery, PageQuery),
    responses((status = 200, description = "The users", body = UserList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    Query(UserQuery { search, sort }, page): Query<UserQuery, Page<UserCursor>>,
) -> Result<Json<UserList>, Problem> {
    let sort = sort.unwrap_or_default();
    let query = user::UserQuery { search, sort };
    if page.after.as_ref().is_some_and(|after| after.sort != sort) {
        let message = "must be the nextCursor of a page in this order";
        return Err(Problem::invalid_field("cursor", &message));
    }
    let seek = page.after.map(UserSeek::After);
    let page = state
        .users
        .search(&principal, &query, seek, page.limit)
        .await?;
    let users = page.users.iter().map(|listed| &listed.user);
    Ok(Json(UserList {
        items: users.map(to_wire::user).collect(),
        damaged: to_wire::damaged(&page.users),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// One user.
///
/// Returns the user's role, and when they were suspended, if they are.
#[utoipa::path(get, path = "/admin/users/{id}", tag = "admin", operation_id = "getUser",
    params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 200, description = "The user", body = User),
    ))]
pub(in crate::server) async fn show(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    PathId(id): PathId<UserId>,
) -> Result<Json<User>, Problem> {
    let user = state.users.get(&principal, id).await?;
    Ok(Json(to_wire::user(&user)))
}

/// Give a user another role or email address.
///
/// A role counts at once, for tokens and browser sessions that they have as well. With another
/// address, their id, tokens and sessions stay; the former address no longer signs in, and open
/// sign-in links are void. Each request makes one of the two changes.
#[utoipa::path(patch, path = "/admin/users/{id}", tag = "admin", operation_id = "updateUser",
    params(("id" = String, Path, description = "`usr_…`")),
    request_body = PatchUser,
    responses(
        (status = 200, description = "The user as they are now", body = User),
    ))]
pub(in crate::server) async fn patch(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<UserId>,
    Body(PatchUser { role, email }): Body<PatchUser>,
) -> Result<Json<User>, Problem> {
    let change = user_change(role, email).map_err(Problem::invalid_fields)?;
    let user = state.users.change(&principal, id, change, &context).await?;
    Ok(Json(to_wire::user(&user)))
}

/// Delete a user.
///
/// It cannot be undone. Their tokens, agent runs, sessions, sign-in sign_in_links, open invites, claims of
/// work items and password end at once, their name and email address are erased, and the address is
/// free again. Their id stays in the audit trail and in work items. The last active administrator
/// cannot be deleted, nor can the caller.
#[utoipa::path(delete, path = "/admin/users/{id}", tag = "admin", operation_id = "deleteUser",
    params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 204, description = "The user is deleted"),
    ))]
pub(in crate::server) async fn delete(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, Problem> {
    state.users.delete(&principal, id, &context).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Suspend a user.
///
/// When this has answered, none of their tokens is accepted, and their browser sessions and agent
/// runs have ended. A user who is suspended already stays so.
#[utoipa::path(post, path = "/admin/users/{id}/suspend", tag = "admin", operation_id = "suspendUser",
    params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 200, description = "The user as they are now", body = User),
    ))]
pub(in crate::server) async fn suspend(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<UserId>,
) -> Result<Json<User>, Problem> {
    let change = UserChange::Suspend;
    let user = state.users.change(&principal, id, change, &context).await?;
    Ok(Json(to_wire::user(&user)))
}

/// Lift a user's suspension.
///
/// Their tokens are accepted again; agent runs stay ended.
#[utoipa::path(post, path = "/admin/users/{id}/unsuspend", tag = "admin",
    operation_id = "unsuspendUser",
    params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 200, description = "The user as they are now", body = User),
    ))]
pub(in crate::server) async fn unsuspend(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<UserId>,
) -> Result<Json<User>, Problem> {
    let change = UserChange::Unsuspend;
    let user = state.users.change(&principal, id, change, &context).await?;
    Ok(Json(to_wire::user(&user)))
}

/// Make a one-time link with which a user chooses a new password.
///
/// For somebody who has none, or forgot it. It can be used for an hour; earlier ones are void.
#[utoipa::path(post, path = "/admin/users/{id}/sign-in-link", tag = "admin",
    operation_id = "createSignInLink",
    params(("id" = String, Path, description = "`usr_…`")),
    responses(
        (status = 201, description = "The link, which is never shown again", body = SignInLink),
    ))]
pub(in crate::server) async fn sign_in_link(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    context: Context,
    PathId(id): PathId<UserId>,
) -> Result<(StatusCode, Json<SignInLink>), Problem> {
    let subject = SignInLinkUser::ByAdmin(&principal, id);
    let new = state
        .sessions
        .create_sign_in_link(subject, &context)
        .await?;
    let link = SignInLink {
        id: new.link.id.to_string(),
        user_id: new.link.user.to_string(),
        expires_at: new.link.expires_at.to_string(),
        url: PlainSecret::new(&state.settings.sign_in_link(&new.secret)),
    };
    Ok((StatusCode::CREATED, Json(link)))
}
