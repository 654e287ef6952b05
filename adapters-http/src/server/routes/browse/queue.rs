//! The work queue.

use axum::Json;
use axum::extract::State;

use crate::server::query::{DEFAULT_PAGE, Query};
use crate::server::{AnyToken, Problem, WorkItemsState, to_wire};
use crate::wire::{QueueQuery, WorkQueue};

/// Get the work queue
///
/// `available` lists items that agents can claim. `mine` lists, for an agent run, the items it has
/// claimed; for a user, the items that the agent `agentId` has claimed in any run or, without
/// `agentId`, the items assigned to the user. The most urgent items come first, then the oldest.
#[utoipa::path(get, path = "/browse/queue", tag = "work items", operation_id = "getQueue",
    params(QueueQuery),
    responses(
        (status = 200, description = "Both sections, without descriptions", body = WorkQueue),
    ))]
pub(in crate::server) async fn get(
    AnyToken(principal): AnyToken,
    State(state): State<WorkItemsState>,
    Query(wanted, ()): Query<QueueQuery>,
) -> Result<Json<WorkQueue>, Problem> {
    let limit = wanted.limit.unwrap_or(DEFAULT_PAGE);
    let queue = state
        .work_items
        .queue(&principal, wanted.agent_id, limit)
        .await?;
    Ok(Json(to_wire::queue(&queue)))
}
