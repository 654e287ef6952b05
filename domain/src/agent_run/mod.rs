//! Agent runs: tokens that a person issues to an automated worker for one run, which can do work and
//! nothing else, and end with whatever they stand on.

mod agent_id;
mod end;
mod ended;
mod entity;
mod service;
mod start;
mod store;
mod work_item_key;

pub use agent_id::{AgentId, InvalidAgentId};
pub use ended::{CLOCK_MARGIN_SECONDS, EndedRuns};
pub use entity::{AgentRun, MAX_RUN_SECONDS, MIN_RUN_SECONDS, RunTtl, RunTtlError};
pub use service::{AgentRunError, AgentRuns, DEFAULT_RUN_QUOTA, RunPage};
pub use start::NewRun;
pub use store::{
    AgentRunStore, BoundItem, EndRuns, EndRunsOutcome, RunFilter, RunState, StartFacts, StartRun,
    StartRunOutcome,
};
pub use work_item_key::{DomainKey, InvalidDomainKey, InvalidWorkItemKey, WorkItemKey};

#[cfg(feature = "testing")]
pub use store::MockAgentRunStore;
