//! Agent runs of the caller.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use openindex_domain::InvalidId;
use openindex_domain::agent_run::{AgentRunError, RunFilter};
use openindex_domain::token::{TokenId, TokenKind};

use crate::server::body::Body;
use crate::server::path::{Missing, PathId};
use crate::server::query::{Page, Query};
use crate::server::state::Shared;
use crate::server::{Context, Human, Problem, to_wire};
use crate::wire::{
    AgentRun, AgentRunFilter, AgentRunList, PageQuery, StartAgentRun, StartedAgentRun,
};

type Started = (StatusCode, [(HeaderName, String); 1], Json<StartedAgentRun>);

/// The id of an agent run; rejects the id of a personal access token.
pub(in crate::server) struct RunId(TokenId);

impl FromStr for RunId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let id: TokenId = text.parse()?;
        (id.kind() == TokenKind::AgentRun)
            .then_some(Self(id))
            .ok_or(InvalidId)
    }
}

impl Missing for RunId {
    fn missing() -> Problem {
        AgentRunError::NotFound.into()
    }
}

/// List your agent runs
///
/// Lists runs, newest first, one page at a time. Includes only active runs unless `includeEnded` is
/// true; ended runs are stored for 30 days.
#[utoipa::path(get, path = "/agent-runs", tag = "agent runs", operation_id = "listAgentRuns",
    params(AgentRunFilter, PageQuery),
    responses((status = 200, description = "The runs, without secrets", body = AgentRunList)))]
pub(in crate::server) async fn list(
    Human(principal): Human,
    State(state): State<Shared>,
    Query(filter, page): Query<AgentRunFilter, Page<RunId>>,
) -> Result<Json<AgentRunList>, Problem> {
    let filter = match filter.include_ended {
        Some(true) => RunFilter::ANY,
        Some(false) | None => RunFilter::LIVE,
    };
    let after = page.after.map(|RunId(id)| id);
    let runs = &state.agent_runs;
    let page = runs.list(&principal, &filter, after, page.limit).await?;
    let now = runs.now();
    let items = page.runs.iter();
    let items: Option<Vec<AgentRun>> = items.map(|run| AgentRun::new(run, now)).collect();
    Ok(Json(AgentRunList {
        items: items.ok_or_else(Problem::internal)?,
        damaged: to_wire::damaged(&page.runs),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Start an agent run
///
/// The response contains the run's own token for the agent. The token acts on your behalf with the
/// scope `read_write`. The run ends when its lifetime ends, when the token that started it is
/// revoked, or when the work item it is bound to is resolved or deleted, whichever comes first.
#[utoipa::path(post, path = "/agent-runs", tag = "agent runs", operation_id = "startAgentRun",
    request_body = StartAgentRun,
    responses(
        (status = 201, description = "The run with its secret, which is shown only once",
            body = StartedAgentRun,
            headers(("Location" = String, description = "Path of the agent run"))),
    ))]
pub(in crate::server) async fn start(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    Body(wanted): Body<StartAgentRun>,
) -> Result<Started, Problem> {
    let runs = &state.agent_runs;
    let issued = runs.start(&principal, wanted.into(), &context).await?;
    let location = format!("/agent-runs/{}", issued.token.id);
    let started = StartedAgentRun::new(&issued, runs.now()).ok_or_else(Problem::internal)?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(started),
    ))
}

/// Get one of your agent runs
///
/// Includes ended runs, which are stored for 30 days.
#[utoipa::path(get, path = "/agent-runs/{id}", tag = "agent runs", operation_id = "getAgentRun",
    params(("id" = String, Path, description = "Agent run id (`run_…`)")),
    responses(
        (status = 200, description = "The run, without its secret", body = AgentRun),
    ))]
pub(in crate::server) async fn get(
    Human(principal): Human,
    State(state): State<Shared>,
    PathId(RunId(id)): PathId<RunId>,
) -> Result<Json<AgentRun>, Problem> {
    let run = state.agent_runs.get(&principal, id).await?;
    AgentRun::new(&run, state.agent_runs.now())
        .map(Json)
        .ok_or_else(Problem::internal)
}

/// End an agent run
///
/// Requests that start after the response are rejected if they use the run's token. The work items
/// it claimed are released.
#[utoipa::path(delete, path = "/agent-runs/{id}", tag = "agent runs", operation_id = "endAgentRun",
    params(("id" = String, Path, description = "Agent run id (`run_…`)")),
    responses(
        (status = 204, description = "Ended"),
    ))]
pub(in crate::server) async fn end(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    PathId(RunId(id)): PathId<RunId>,
) -> Result<StatusCode, Problem> {
    state.agent_runs.end(&principal, id, &context).await?;
    Ok(StatusCode::NO_CONTENT)
}
