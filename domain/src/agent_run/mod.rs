//! Agent runs: tokens that a user creates for one run of an agent. They can work on items but
//! cannot manage tokens or settings, and end with their issuing token, owner or work item.

mod agent_id;
mod end;
mod ended;
mod entity;
mod service;
mod start;
mod store;

pub use crate::id::{DomainKey, InvalidDomainKey, InvalidWorkItemKey, WorkItemKey};
pub use agent_id::{AgentId, InvalidAgentId};
pub use ended::{CLOCK_MARGIN_SECONDS, EndedRuns};
pub use entity::{AgentRun, MAX_RUN_SECONDS, MIN_RUN_SECONDS, RunTtl, RunTtlError};
pub use service::{AgentRunError, AgentRuns, DEFAULT_RUN_QUOTA, RunPage};
pub use start::NewRun;
pub use store::{
    AgentRunStore, BoundItem, EndRuns, EndRunsOutcome, RunFilter, RunState, StartFacts, StartRun,
    StartRunOutcome,
};

#[cfg(feature = "testing")]
pub use store::MockAgentRunStore;
