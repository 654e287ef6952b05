use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::id::UserId;
use crate::store::{Listing, StoreError};
use crate::token::{Status, Token, TokenId};

use super::{AgentId, EndRuns, EndRunsOutcome, StartRun, StartRunOutcome, WorkItemKey};

/// A filter of a user's runs by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunState {
    /// Live runs.
    #[default]
    Live,
    /// Runs that were ended or have expired, and are still stored.
    Ended,
    /// Both.
    Any,
}

/// A filter of a user's runs. A run must match every field that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFilter {
    /// Only runs in this state.
    pub state: RunState,
    /// Only runs that were started with this token.
    pub issuer: Option<TokenId>,
    /// Only runs of this agent.
    pub agent: Option<AgentId>,
    /// Only runs that are bound to this work item.
    pub work_item: Option<WorkItemKey>,
}

impl RunFilter {
    /// Matches every live run.
    pub const LIVE: Self = Self {
        state: RunState::Live,
        issuer: None,
        agent: None,
        work_item: None,
    };

    /// Matches every stored run.
    pub const ANY: Self = Self {
        state: RunState::Any,
        ..Self::LIVE
    };

    /// Returns whether the run matches at `now`. This defines what a store's query must return.
    #[must_use]
    pub fn matches(&self, token: &Token, now: Timestamp) -> bool {
        let is_live = token.status(now) == Status::Live;
        let Some(run) = &token.run else {
            return false;
        };
        match self.state {
            RunState::Live if !is_live => return false,
            RunState::Ended if is_live => return false,
            RunState::Live | RunState::Ended | RunState::Any => {}
        }
        self.issuer.is_none_or(|issuer| run.issuer == issuer)
            && self.agent.as_ref().is_none_or(|agent| run.agent == *agent)
            && self.work_item.is_none_or(|key| run.work_item == Some(key))
    }
}

/// Port: the storage of agent runs, together with the tokens that start them. Their secrets are
/// looked up with [`TokenStore::find_by_digest`](crate::token::TokenStore::find_by_digest), and
/// changes that end their issuer, owner or work item end the runs in the same step.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore), which also defines the atomicity of each
/// method.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AgentRunStore: Send + Sync {
    /// Starts a run if its owner has fewer than `quota` live ones and `rate` permits it; both
    /// limits are exact under concurrent calls. If it is bound to a work item, that item must be
    /// open: a concurrent change that resolves the item either prevents the run or ends it.
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError>;

    /// Ends the given runs that have not ended yet. Of concurrent calls for one run, exactly one
    /// counts it; once that call returns, no lookup that starts later finds the run live.
    async fn end_runs(&self, change: EndRuns) -> Result<EndRunsOutcome, StoreError>;

    /// Returns the owner's runs that match the filter at `now`, at most `limit`, newest first
    /// (descending ids), starting after `after`.
    async fn runs(
        &self,
        owner: UserId,
        filter: &RunFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError>;

    /// Returns one of the owner's runs, live or ended, while it is stored.
    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError>;
}
