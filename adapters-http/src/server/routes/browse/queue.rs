//! What there is to do.

use axum::Json;
use axum::extract::State;
use openindex_domain::work::AgentId;

use crate::server::body::QueryFields;
use crate::server::{AnyToken, Problem, WorkState, to_wire};
use crate::wire::WorkQueue;

/// What there is to do: for any agent, and for me.
///
/// `mine` is, for an agent run, what was claimed in it; for a person, what the agent that they name
/// works at in whatever run, or, where they name none, what is assigned to them. The most
/// urgent items come first, then the oldest.
#[utoipa::path(get, path = "/browse/queue", tag = "work", operation_id = "workQueue",
    params(
        ("agentId" = Option<String>, Query,
            description = "For this agent; a run's is its own"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many of each at most; 50 unless given"),
    ),
    responses(
        (status = 200, description = "Both parts, without descriptions", body = WorkQueue),
    ))]
pub(in crate::server) async fn show(
    AnyToken(principal): AnyToken,
    State(state): State<WorkState>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<WorkQueue>, Problem> {
    let agent = fields.text("agentId", AgentId::parse);
    let limit = fields.limit();
    fields.finish()?;
    let queue = state.work.queue(&principal, agent, limit).await?;
    Ok(Json(to_wire::queue(&queue)))
}
