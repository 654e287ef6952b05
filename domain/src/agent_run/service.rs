use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::store::{Listing, StoreError};
use crate::token::{CreationRate, RateReached, Token, TokenId, TokenKind};
use crate::user::UserId;

use super::{AgentRunStore, RunFilter, WorkItemKey};

/// No count reads more rows than this.
const MAX_COUNTED: u32 = 100_000;

/// The most live runs a user may have unless configured otherwise.
pub const DEFAULT_RUN_QUOTA: u32 = 1_000;

/// The use cases of agent runs: [`start`](Self::start), [`list`](Self::list), [`get`](Self::get) and
/// [`end`](Self::end). Cheap to clone.
#[derive(Clone)]
pub struct AgentRuns {
    pub(super) store: Arc<dyn AgentRunStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) quota: u32,
    pub(super) rate: CreationRate,
}

/// Why a use case on an agent run did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentRunError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// A run ends with the token that issues it, so a browser session names one, and a token no
    /// other.
    #[error(
        "a run is issued by the personal access token that acts, or by one that a session names"
    )]
    TokenRequired,
    /// The user has no live personal access token with this id.
    #[error("there is no live token {0} to issue a run")]
    NoSuchIssuer(TokenId),
    /// There is no such run for this user, or it was ended before.
    #[error("there is no such run")]
    NotFound,
    /// There is no work item to bind it to.
    #[error("there is no work item {0}")]
    NoSuchWorkItem(WorkItemKey),
    /// The work item is done or cancelled.
    #[error("{0} is done or cancelled")]
    WorkItemResolved(WorkItemKey),
    /// The user has as many live runs as they may.
    #[error("the limit of {quota} live runs is reached")]
    QuotaReached {
        /// The limit.
        quota: u32,
    },
    /// The user started as many runs as they may within 24 hours.
    #[error(transparent)]
    RateReached(#[from] RateReached),
    /// No secret could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for AgentRunError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// The runs, the newest first.
    pub runs: Listing<Token>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<TokenId>,
}

impl AgentRuns {
    /// The use cases on a store, a clock and a source of entropy, with [`DEFAULT_RUN_QUOTA`].
    #[must_use]
    pub fn new(
        store: Arc<dyn AgentRunStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            quota: DEFAULT_RUN_QUOTA,
            rate: CreationRate::DEFAULT_RUNS,
        }
    }

    /// The same with another quota of live runs a user.
    #[must_use]
    pub fn with_quota(mut self, quota: u32) -> Self {
        self.quota = quota;
        self
    }

    /// Sets the maximum number of runs that a user may start within 24 hours.
    #[must_use]
    pub fn with_rate(mut self, rate: CreationRate) -> Self {
        self.rate = rate;
        self
    }

    /// The time that every decision here is made by; what a caller needs to show a run's status.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns a page of the runs of the user that `principal` acts as which the filter wants. Ended
    /// ones are stored for [`RETENTION_DAYS`](crate::token::RETENTION_DAYS).
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotAuthorized`] unless a human asks; [`AgentRunError::Store`].
    pub async fn list(
        &self,
        principal: &Principal,
        filter: &RunFilter,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<RunPage, AgentRunError> {
        principal.authorize(Requirement::HUMAN)?;
        let now = self.clock.now();
        let owner = principal.user_id();
        let found = self.store.runs(owner, filter, now, after, limit + 1);
        let mut runs = found.await?;
        let next = crate::page::cut(&mut runs, limit, |run| run.id);
        Ok(RunPage { runs, next })
    }

    /// Returns how many live runs end with a token of this user, or with the user where `issuer` is
    /// `None`: what a confirmation says beforehand.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotAuthorized`] unless a human asks for themselves, or an administrator;
    /// [`AgentRunError::Store`].
    pub async fn count_live(
        &self,
        principal: &Principal,
        owner: UserId,
        issuer: Option<TokenId>,
    ) -> Result<usize, AgentRunError> {
        principal.authorize(if owner == principal.user_id() {
            Requirement::HUMAN
        } else {
            Requirement::HUMAN_ADMIN
        })?;
        let filter = RunFilter {
            issuer,
            ..RunFilter::LIVE
        };
        // The quota limits how many there are.
        let now = self.clock.now();
        let found = self.store.runs(owner, &filter, now, None, MAX_COUNTED);
        Ok(found.await?.count())
    }

    /// One run of the user that `principal` acts as, over or not.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotFound`]; [`AgentRunError::NotAuthorized`] unless a human asks;
    /// [`AgentRunError::Store`].
    pub async fn get(&self, principal: &Principal, id: TokenId) -> Result<Token, AgentRunError> {
        principal.authorize(Requirement::HUMAN)?;
        if id.kind() != TokenKind::AgentRun {
            return Err(AgentRunError::NotFound);
        }
        let found = self.store.run(principal.user_id(), id).await?;
        found.ok_or(AgentRunError::NotFound)
    }
}
