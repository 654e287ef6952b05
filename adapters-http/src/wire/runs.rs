use openindex_domain::agent_run::{AgentId, RunTtl, WorkItemKey};
use openindex_domain::token::Scope;
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, optional, required, text};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open, PlainSecret, Status, WireScope};

/// An agent run to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartAgentRun {
    /// Name of the agent: 1 to 64 characters: A-Z a-z 0-9 . _ - : / @.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::AgentId))]
    pub agent_id: AgentId,
    /// The only work item that the run can change, for example `OPS-42`; absent for any.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub work_item_key: Option<WorkItemKey>,
    /// Lifetime in seconds: 60 to 86,400 (24 hours).
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = i64, minimum = 60, maximum = 86_400))]
    pub ttl_seconds: RunTtl,
    /// Scope of the run: always `read_write`, which is also the default.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RunScope>))]
    pub scope: Option<RunScope>,
}

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

/// Filters for the caller's agent runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentRunFilter {
    /// Whether to include ended runs, which are stored for 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_ended: Option<bool>,
}

/// An agent run, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentRun {
    /// Run id, for example `run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::RunId))]
    pub id: String,
    /// Name of the agent.
    #[cfg_attr(feature = "server", schema(value_type = schema::AgentId))]
    pub agent_id: String,
    /// The only work item that the run can change; null if it can change any.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub work_item_key: Option<String>,
    /// Always `read_write`.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Open<WireScope>,
    /// Token that started the run (`pat_…`); the run ends when it is revoked.
    #[cfg_attr(feature = "server", schema(value_type = schema::PatId))]
    pub issued_by: String,
    /// When the run started.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// When the run expires.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: Option<String>,
    /// When the run ended, for any reason; null if it has not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub ended_at: Option<String>,
    /// When a request was last accepted with the run's token, accurate to a few seconds; `null` if
    /// never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub last_used_at: Option<String>,
    /// Current status; `revoked` means ended.
    #[cfg_attr(feature = "server", schema(value_type = Status))]
    pub status: Open<Status>,
}

/// A page of the caller's agent runs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentRunList {
    /// Runs on this page.
    pub items: Vec<AgentRun>,
    /// Damaged rows on this page; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// A new agent run with its secret, in the only response that contains it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartedAgentRun {
    /// The run.
    #[serde(flatten)]
    pub run: AgentRun,
    /// Secret of the run (`oi_run_…`) for the agent, shown only once.
    #[cfg_attr(feature = "server", schema(value_type = schema::RunSecret))]
    pub token: PlainSecret,
}

/// The agent run that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeRun {
    /// Name of the agent.
    #[cfg_attr(feature = "server", schema(value_type = schema::AgentId))]
    pub agent_id: String,
    /// The only work item that the run can change; null if it can change any.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub work_item_key: Option<String>,
}
