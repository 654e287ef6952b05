//! Agent runs: tokens that a user creates for one run of an agent. They can work on items but
//! cannot manage tokens or settings, and end with their issuing token, owner or work item.

mod end;
mod service;
mod start;
mod store;
mod ttl;

pub use crate::credential::{AgentId, AgentRun, InvalidAgentId};
pub use crate::id::{DomainKey, InvalidDomainKey, InvalidWorkItemKey, WorkItemKey};
pub use crate::token::{AgentRunAction, CLOCK_MARGIN_SECONDS, EndedRuns};
pub use end::{EndRuns, EndRunsOutcome};
pub use service::{AgentRunError, AgentRuns, DEFAULT_RUN_QUOTA, RunPage};
pub use start::{BoundItem, NewRun, StartFacts, StartRun, StartRunOutcome};
pub use store::{AgentRunStore, RunFilter, RunState};
pub use ttl::{MAX_RUN_SECONDS, MIN_RUN_SECONDS, RunTtl, RunTtlError};

#[cfg(feature = "testing")]
pub use store::MockAgentRunStore;
