//! How much of everything there is.

use axum::Json;
use axum::extract::State;

use crate::server::api::Shared;
use crate::server::{HumanAdmin, Problem, to_wire};
use crate::wire::Stats;

/// How much of everything there is.
///
/// Counts users, tokens and open invites, as of now.
#[utoipa::path(get, path = "/stats", tag = "admin", operation_id = "stats",
    responses((status = 200, description = "As of now", body = Stats)))]
pub(super) async fn show(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
) -> Result<Json<Stats>, Problem> {
    let counts = state.admin_tokens.stats(&principal).await?;
    Ok(Json(to_wire::stats(counts)))
}
