//! What there is to do.

use axum::Json;
use axum::extract::State;

use crate::server::query::{DEFAULT_PAGE, Query};
use crate::server::{AnyToken, Problem, WorkState, to_wire};
use crate::wire::{QueueQuery, WorkQueue};

/// What there is to do: for any agent, and for me.
///
/// `mine` is, for an agent run, what was claimed in it; for a person, what the agent that they name
/// works at in whatever run, or, where they name none, what is assigned to them. The most
/// urgent items come first, then the oldest.
#[utoipa::path(get, path = "/browse/queue", tag = "work", operation_id = "getQueue",
    params(QueueQuery),
    responses(
        (status = 200, description = "Both parts, without descriptions", body = WorkQueue),
    ))]
pub(in crate::server) async fn show(
    AnyToken(principal): AnyToken,
    State(state): State<WorkState>,
    Query(wanted, ()): Query<QueueQuery>,
) -> Result<Json<WorkQueue>, Problem> {
    let limit = wanted.limit.unwrap_or(DEFAULT_PAGE);
    let queue = state
        .work_items
        .queue(&principal, wanted.agent_id, limit)
        .await?;
    Ok(Json(to_wire::queue(&queue)))
}
