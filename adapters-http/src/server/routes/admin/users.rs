//! User administration.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use openindex_domain::session::SignInLinkUser;
use openindex_domain::user::{self, UserChange, UserCursor, UserId, UserSeek};

use crate::server::body::Body;
use crate::server::path::PathId;
use crate::server::query::{Page, Query};
use crate::server::requests::user_change;
use crate::server::state::Shared;
use crate::server::{Context, HumanAdmin, Problem, to_wire};
use crate::wire::{PageQuery, PatchUser, PlainSecret, SignInLink, User, UserList, UserQuery};

/// List users
///
/// Lists users in the order they joined unless `sort` is given, one page at a time. Includes
/// suspended users.
/// A user was last seen when they last used a browser session or a personal access token, or when
/// the audit log last recorded them as the actor. A cursor is valid only with the `sort` of the
/// page that returned it.
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
        let message = "must be the nextCursor of a page with the same sort";
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

/// Get a user
///
/// Returns the user's role, and when they were suspended, if they are.
#[utoipa::path(get, path = "/admin/users/{id}", tag = "admin", operation_id = "getUser",
    params(("id" = String, Path, description = "User id (`usr_…`)")),
    responses(
        (status = 200, description = "The user", body = User),
    ))]
pub(in crate::server) async fn get(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    PathId(id): PathId<UserId>,
) -> Result<Json<User>, Problem> {
    let user = state.users.get(&principal, id).await?;
    Ok(Json(to_wire::user(&user)))
}

/// Change a user's role or email address
///
/// A new role applies immediately, including to existing tokens and browser sessions. A new email
/// address keeps the user's id, tokens and sessions; the old address can no longer sign in, and
/// unused sign-in links stop working. Each request makes one of the two changes.
#[utoipa::path(patch, path = "/admin/users/{id}", tag = "admin", operation_id = "updateUser",
    params(("id" = String, Path, description = "User id (`usr_…`)")),
    request_body = PatchUser,
    responses(
        (status = 200, description = "The updated user", body = User),
    ))]
pub(in crate::server) async fn update(
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

/// Delete a user
///
/// This cannot be undone. The user's tokens, agent runs, sessions, sign-in links, open invites,
/// work item claims and password are removed immediately, and their name and email address are
/// erased; the address can be used again. Their id stays in the audit log and in work items. The
/// last active administrator cannot be deleted, and you cannot delete your own account.
#[utoipa::path(delete, path = "/admin/users/{id}", tag = "admin", operation_id = "deleteUser",
    params(("id" = String, Path, description = "User id (`usr_…`)")),
    responses(
        (status = 204, description = "Deleted"),
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

/// Suspend a user
///
/// Requests that start after the response are rejected if they use one of the user's tokens. Their
/// browser sessions and agent runs have ended. Suspending a suspended user is not an error.
#[utoipa::path(post, path = "/admin/users/{id}/suspend", tag = "admin",
    operation_id = "suspendUser",
    params(("id" = String, Path, description = "User id (`usr_…`)")),
    responses(
        (status = 200, description = "The updated user", body = User),
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

/// Unsuspend a user
///
/// The user's tokens are accepted again; agent runs do not resume.
#[utoipa::path(post, path = "/admin/users/{id}/unsuspend", tag = "admin",
    operation_id = "unsuspendUser",
    params(("id" = String, Path, description = "User id (`usr_…`)")),
    responses(
        (status = 200, description = "The updated user", body = User),
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

/// Create a sign-in link for a user
///
/// For users who have no password or forgot it. The link works once, expires after an hour, and
/// replaces earlier ones.
#[utoipa::path(post, path = "/admin/users/{id}/sign-in-link", tag = "admin",
    operation_id = "createSignInLink",
    params(("id" = String, Path, description = "User id (`usr_…`)")),
    responses(
        (status = 201, description = "The link, which is shown only once", body = SignInLink),
    ))]
pub(in crate::server) async fn create_sign_in_link(
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
