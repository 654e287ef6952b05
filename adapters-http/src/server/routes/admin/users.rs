//! Everybody's accounts.

use axum::Json;
use axum::extract::State;
use openindex_domain::InvalidId;
use openindex_domain::user::{MAX_PAGE, UserId};

use crate::server::body::QueryFields;
use crate::server::{ApiState, HumanAdmin, Problem, to_wire};
use crate::wire::UserList;

/// How many users a page has unless asked otherwise.
const DEFAULT_PAGE: u32 = 50;

/// All users, in the order of their joining, a page at a time.
#[utoipa::path(get, path = "/admin/users", tag = "admin", operation_id = "listUsers",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many at most; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses((status = 200, description = "The users", body = UserList)))]
pub(in crate::server) async fn list(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<ApiState>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<UserList>, Problem> {
    let limit = fields.integer("limit", |limit| {
        u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| format!("must be from 1 to {MAX_PAGE}"))
    });
    let after = fields.text("cursor", |text| {
        text.parse::<UserId>()
            .map_err(|InvalidId| "must be the nextCursor of the page before")
    });
    fields.finish()?;
    let page = state
        .users
        .list(&principal, after, limit.unwrap_or(DEFAULT_PAGE))
        .await?;
    Ok(Json(UserList {
        items: page.users.iter().map(to_wire::user).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}
