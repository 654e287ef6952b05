use openindex_domain::agent_run::{AgentId, NewRun, RunTtl, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Token, TokenWithSecret};

use super::field::{Field, Text, optional, required, text};
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{DamagedRow, Open, PlainSecret, Status, WireScope};

wire! { request
/// An agent run to start.
StartAgentRun {
    /// Name of the agent: 1 to 64 characters: A-Z a-z 0-9 . _ - : / @.
    agent_id: AgentId as "required" [value_type = schema::AgentId],
    /// The only work item that the run can change, for example `OPS-42`; absent for any.
    work_item_key: Option<WorkItemKey> = "optional" [value_type = Option<schema::WorkItemKey>],
    /// Lifetime in seconds: 60 to 86,400 (24 hours).
    ttl_seconds: RunTtl as "required" [value_type = i64, minimum = 60, maximum = 86_400],
    /// Scope of the run: always `read_write`, which is also the default.
    scope: Option<RunScope> = "optional" [value_type = Option<schema::RunScope>],
}}

/// The scope of every agent run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunScope;

text! {
    RunScope: |text| match text {
        "read_write" => Ok(Self),
        "admin" => Err("must be read_write; agent runs cannot administer the instance"),
        _ => Err("must be read_write"),
    }, |_| Scope::ReadWrite.to_string();
}

wire! { query
/// Filters for the caller's agent runs.
AgentRunFilter {
    /// Whether to include ended runs, which are stored for 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    include_ended: Option<bool>,
}}

wire! { response
/// An agent run, without its secret.
AgentRun {
    /// Run id, for example `run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::RunId],
    /// Name of the agent.
    agent_id: String [value_type = schema::AgentId],
    /// The only work item that the run can change; null if it can change any.
    work_item_key: Option<String> [value_type = Option<schema::WorkItemKey>],
    /// Always `read_write`.
    scope: Open<WireScope> [value_type = WireScope],
    /// Token that started the run (`pat_…`); the run ends when it is revoked.
    issued_by: String [value_type = schema::PatId],
    /// When the run started.
    created_at: String [format = DateTime],
    /// When the run expires.
    expires_at: Option<String> [format = DateTime],
    /// When the run ended, for any reason; null if it has not.
    ended_at: Option<String> [format = DateTime],
    /// When a request was last accepted with the run's token, accurate to a few seconds; `null` if
    /// never.
    last_used_at: Option<String> [format = DateTime],
    /// Current status; `revoked` means ended.
    status: Open<Status> [value_type = Status],
}}

wire! { list
/// A page of the caller's agent runs, newest first.
AgentRunList {
    /// Runs on this page.
    items: Vec<AgentRun>
}}

wire! { secret
/// A new agent run with its secret, in the only response that contains it.
StartedAgentRun {
    /// The run.
    #[serde(flatten)]
    run: AgentRun,
    /// Secret of the run (`oi_run_…`) for the agent, shown only once.
    token: PlainSecret [value_type = schema::RunSecret],
}}

wire! { response
/// The agent run that a token belongs to.
MeRun {
    /// Name of the agent.
    agent_id: String [value_type = schema::AgentId],
    /// The only work item that the run can change; null if it can change any.
    work_item_key: Option<String> [value_type = Option<schema::WorkItemKey>],
}}

impl AgentRun {
    /// Describes an agent run as it is at `now`; `None` for a token that belongs to none. The use
    /// cases of agent runs return no such token.
    #[must_use]
    pub fn new(token: &Token, now: Timestamp) -> Option<Self> {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let run = token.run.as_ref()?;
        Some(Self {
            id: token.id.to_string(),
            agent_id: run.agent.to_string(),
            work_item_key: run.work_item.map(|key| key.to_string()),
            scope: token.scope.into(),
            issued_by: run.issuer.to_string(),
            created_at: token.created_at.to_string(),
            expires_at: text(token.expires_at),
            ended_at: text(token.revoked_at),
            last_used_at: text(token.last_used_at),
            status: token.status(now).into(),
        })
    }
}

impl StartedAgentRun {
    /// Describes a new run, with its secret: for the agent, once. `None` as for [`AgentRun::new`].
    #[must_use]
    pub fn new(issued: &TokenWithSecret, now: Timestamp) -> Option<Self> {
        Some(Self {
            run: AgentRun::new(&issued.token, now)?,
            token: PlainSecret::new(issued.secret.expose()),
        })
    }
}

/// A run that the acting token starts.
impl From<StartAgentRun> for NewRun {
    fn from(request: StartAgentRun) -> Self {
        let StartAgentRun {
            agent_id,
            work_item_key,
            ttl_seconds,
            scope: _,
        } = request;
        Self {
            agent: agent_id,
            work_item: work_item_key,
            ttl: ttl_seconds,
            issuer: None,
        }
    }
}
