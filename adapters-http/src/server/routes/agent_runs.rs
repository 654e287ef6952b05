//! The caller's agent runs.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};
use openindex_domain::InvalidId;
use openindex_domain::agent_run::{AgentId, AgentRunError, NewRun, RunTtl, WorkItemKey};
use openindex_domain::token::{TokenId, TokenKind};

use crate::server::api::Shared;
use crate::server::body::{JsonFields, QueryFields};
use crate::server::path::{Missing, PathId};
use crate::server::{Context, Human, Problem, to_wire};
use crate::wire::{AgentRun, AgentRunList, StartAgentRun, StartedAgentRun};

type Started = (StatusCode, [(HeaderName, String); 1], Json<StartedAgentRun>);

/// The id of a run; a personal access token's is none.
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

/// Refuses every scope but the one that runs have.
fn check_scope(text: &str) -> Result<(), &'static str> {
    match text {
        "read_write" => Ok(()),
        "admin" => Err("must be read_write: an agent run never administers"),
        _ => Err("must be read_write"),
    }
}

/// My agent runs, the newest first, a page at a time.
///
/// Live runs only, unless `includeEnded` is true; ended runs are kept for 30 days.
#[utoipa::path(get, path = "/agent-runs", tag = "agent runs", operation_id = "listAgentRuns",
    params(
        ("includeEnded" = Option<bool>, Query,
            description = "Also those that are over and still remembered, for 30 days"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200,
            description = "How many at most; 50 unless given"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before"),
    ),
    responses((status = 200, description = "The runs, without secrets", body = AgentRunList)))]
pub(in crate::server) async fn list(
    Human(principal): Human,
    State(state): State<Shared>,
    QueryFields(mut fields): QueryFields,
) -> Result<Json<AgentRunList>, Problem> {
    let ended = fields.boolean("includeEnded").unwrap_or(false);
    let limit = fields.limit();
    let after = fields.cursor(|text| text.parse().ok().map(|RunId(id)| id));
    fields.finish()?;
    let runs = &state.agent_runs;
    let page = runs.list(&principal, ended, after, limit).await?;
    let now = runs.now();
    let items = page.runs.iter();
    let items: Option<Vec<AgentRun>> = items.map(|run| to_wire::agent_run(run, now)).collect();
    Ok(Json(AgentRunList {
        items: items.ok_or_else(Problem::internal)?,
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Start an agent run.
///
/// The answer holds the run's own token, for the agent. It acts for me with the scope
/// `read_write`, and ends with its time, with the token that started it, or with the work item that
/// it is bound to, whichever comes first.
#[utoipa::path(post, path = "/agent-runs", tag = "agent runs", operation_id = "startAgentRun",
    request_body = StartAgentRun,
    responses(
        (status = 201, description = "The run with its secret, which is never shown again",
            body = StartedAgentRun, headers(("Location" = String, description = "Where the run is"))),
    ))]
pub(in crate::server) async fn start(
    Human(principal): Human,
    State(state): State<Shared>,
    context: Context,
    JsonFields(mut fields): JsonFields,
) -> Result<Started, Problem> {
    let agent = fields.text("agentId", AgentId::parse);
    let agent = fields.require("agentId", agent);
    let work_item = fields.text("workItemKey", WorkItemKey::from_str);
    let ttl = fields.integer("ttlSeconds", RunTtl::from_seconds);
    let ttl = fields.require("ttlSeconds", ttl);
    fields.text("scope", check_scope);
    fields.finish()?;
    let (Some(agent), Some(ttl)) = (agent, ttl) else {
        return Err(Problem::internal());
    };
    let wanted = NewRun {
        agent,
        work_item,
        ttl,
    };
    let runs = &state.agent_runs;
    let issued = runs.start(&principal, wanted, &context).await?;
    let location = format!("/agent-runs/{}", issued.token.id);
    let started = to_wire::started(&issued, runs.now()).ok_or_else(Problem::internal)?;
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(started),
    ))
}

/// One of my agent runs, over or not.
///
/// Ended runs are kept for 30 days.
#[utoipa::path(get, path = "/agent-runs/{id}", tag = "agent runs", operation_id = "getAgentRun",
    params(("id" = String, Path, description = "`run_…`")),
    responses(
        (status = 200, description = "The run, without its secret", body = AgentRun),
    ))]
pub(in crate::server) async fn show(
    Human(principal): Human,
    State(state): State<Shared>,
    PathId(RunId(id)): PathId<RunId>,
) -> Result<Json<AgentRun>, Problem> {
    let run = state.agent_runs.get(&principal, id).await?;
    to_wire::agent_run(&run, state.agent_runs.now())
        .map(Json)
        .ok_or_else(Problem::internal)
}

/// End an agent run, at once and everywhere.
///
/// When this has answered, no request that starts later is accepted with its token, and what it had
/// claimed is free again.
#[utoipa::path(delete, path = "/agent-runs/{id}", tag = "agent runs", operation_id = "endAgentRun",
    params(("id" = String, Path, description = "`run_…`")),
    responses(
        (status = 204, description = "It is over"),
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
