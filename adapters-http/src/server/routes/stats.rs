//! Counts of users, tokens and invites.

use axum::Json;
use axum::extract::State;

use crate::server::state::Shared;
use crate::server::{HumanAdmin, Problem, to_wire};
use crate::wire::Stats;

/// Count users, tokens and invites
///
/// Returns the current counts.
#[utoipa::path(get, path = "/stats", tag = "admin", operation_id = "getStats",
    responses((status = 200, description = "The current counts", body = Stats)))]
pub(super) async fn get(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
) -> Result<Json<Stats>, Problem> {
    let counts = state.admin_tokens.stats(&principal).await?;
    Ok(Json(to_wire::stats(counts)))
}
