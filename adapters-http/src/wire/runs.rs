use openindex_domain::agent_run::{AgentId, RunTtl, WorkItemKey};
use openindex_domain::token::Scope;
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, optional, required, text};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Open, PlainSecret, Status, WireScope};

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartAgentRun {
    /// Which agent works with it: 1 to 64 of the characters A-Z a-z 0-9 . _ - : / @.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::AgentId))]
    pub agent_id: AgentId,
    /// The only work item that it may change, as in `OPS-42`; absent is any.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub work_item_key: Option<WorkItemKey>,
    /// For how many seconds: a minute to a day.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = i64, minimum = 60, maximum = 86_400))]
    pub ttl_seconds: RunTtl,
    /// `read_write`, which a run always has; it need not be given, and no other may be.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RunScope>))]
    pub scope: Option<RunScope>,
}

/// The scope of every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunScope;

text! {
    RunScope: |text| match text {
        "read_write" => Ok(Self),
        "admin" => Err("must be read_write: an agent run never administers"),
        _ => Err("must be read_write"),
    }, |_| Scope::ReadWrite.to_string();
}

/// Which of the caller's runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentRunFilter {
    /// Also those that are over and still remembered, for 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_ended: Option<bool>,
}

/// An agent run, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentRun {
    /// Names it, as in `run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::RunId))]
    pub id: String,
    /// Which agent works with it.
    #[cfg_attr(feature = "server", schema(value_type = schema::AgentId))]
    pub agent_id: String,
    /// The only work item that it may change; null is any.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub work_item_key: Option<String>,
    /// Always `read_write`.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Open<WireScope>,
    /// The token that it was started with, and ends with (`pat_…`).
    #[cfg_attr(feature = "server", schema(value_type = schema::PatId))]
    pub issued_by: String,
    /// When it was started.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// It is live before this instant.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: Option<String>,
    /// When it was ended, by whatever; null when it was not.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub ended_at: Option<String>,
    /// When a request was last accepted with it, seconds behind at most; null is never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub last_used_at: Option<String>,
    /// Where it stands now; `revoked` is ended.
    #[cfg_attr(feature = "server", schema(value_type = Status))]
    pub status: Open<Status>,
}

/// A page of the caller's runs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AgentRunList {
    /// The runs.
    pub items: Vec<AgentRun>,
    /// Rows of this page that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// A new run with its secret: the only answer that ever holds it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct StartedAgentRun {
    /// The run.
    #[serde(flatten)]
    pub run: AgentRun,
    /// Its secret, `oi_run_…`, to be handed to the agent now or never.
    #[cfg_attr(feature = "server", schema(value_type = schema::RunSecret))]
    pub token: PlainSecret,
}

/// What the presented token is for, when it is an agent run's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeRun {
    /// Which agent works with it.
    #[cfg_attr(feature = "server", schema(value_type = schema::AgentId))]
    pub agent_id: String,
    /// The only work item that it may change; null is any.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::WorkItemKey>))]
    pub work_item_key: Option<String>,
}
