use async_trait::async_trait;

use crate::access::{ActingRecord, Actor, ActorError, CredentialId};
use crate::audit::{AuditEvent, Subject};
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::{
    CreationRate, Digest, RateReached, Rejection, Status, Token, TokenCounts, TokenId, TokenKind,
};
use crate::user::UserId;

use super::{AgentId, EndedRuns, WorkItemKey};

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

/// The state of the work item to bind a run to, as read inside the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundItem {
    /// It is neither done nor cancelled.
    Open,
    /// It is done or cancelled.
    Resolved,
}

impl BoundItem {
    /// Returns the state of an item, given whether it is resolved.
    #[must_use]
    pub const fn of(is_resolved: bool) -> Self {
        if is_resolved {
            Self::Resolved
        } else {
            Self::Open
        }
    }
}

/// The change that starts an agent run.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// The acting credential: the issuing personal access token, or a browser session of its owner.
    pub actor: Actor,
    /// The run's token.
    pub run: Token,
    /// The digest of the token's secret.
    pub digest: Digest,
    /// The maximum number of live runs of its owner, including the new one.
    pub quota: u32,
    /// The maximum number of runs that its owner can start within 24 hours.
    pub rate: CreationRate,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`StartRun`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum StartRunOutcome {
    /// The run was started; contains its token as written.
    Started(Token),
    /// The work item does not exist, or the store has no work items; nothing changed.
    WorkItemNotFound,
    /// The work item is done or cancelled; nothing changed.
    WorkItemResolved,
    /// The owner has no such live token to start it with; nothing changed.
    IssuerNotFound,
    /// The owner has reached the maximum number of live runs; nothing changed.
    QuotaReached,
    /// The owner has reached the maximum number of runs started within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store reads inside the transaction of a [`StartRun`], under locks.
#[derive(Debug, Clone, Default)]
pub struct StartFacts {
    /// The number of the owner's runs.
    pub counts: TokenCounts,
    /// The state of the work item to bind the run to; `None` if it does not exist or none was
    /// requested.
    pub item: Option<BoundItem>,
    /// The token with the id that [`StartRun::issuer`] returns.
    pub issuer: Option<Token>,
}

impl StartRun {
    /// Returns the id of the issuing token if a browser session acts, for the store to look up.
    #[must_use]
    pub fn issuer(&self) -> Option<TokenId> {
        let issuer = self.run.run.as_ref()?.issuer;
        (self.actor.credential != CredentialId::Token(issuer)).then_some(issuer)
    }

    /// Decides the change, given the acting credential's record and the facts that the store read
    /// inside the transaction. Returns the run to write, which never outlives its issuing token.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        facts: &StartFacts,
    ) -> Result<Token, StartRunOutcome> {
        let rejected = StartRunOutcome::NotAuthorized;
        self.actor.check(actor).map_err(rejected)?;
        let issuer = match (actor, self.issuer()) {
            (Some(ActingRecord::Token(record)), None) => &record.token,
            // A token can only start runs of its own: with another issuer, they would outlive it.
            (Some(ActingRecord::Session(_)), Some(id)) => facts
                .issuer
                .as_ref()
                .filter(|token| token.id == id && self.may_issue(token))
                .ok_or(StartRunOutcome::IssuerNotFound)?,
            _ => return Err(rejected(Rejection::Unknown.into())),
        };
        let (counts, item) = (facts.counts, facts.item);
        let binding = self.run.run.as_ref().and_then(|run| run.work_item);
        match (binding, item) {
            (Some(_), None) => return Err(StartRunOutcome::WorkItemNotFound),
            (Some(_), Some(BoundItem::Resolved)) => return Err(StartRunOutcome::WorkItemResolved),
            (Some(_), Some(BoundItem::Open)) | (None, _) => {}
        }
        if counts.live >= self.quota {
            return Err(StartRunOutcome::QuotaReached);
        }
        self.rate
            .check(counts.nth_newest, self.actor.now)
            .map_err(StartRunOutcome::RateReached)?;
        let mut run = self.run.clone();
        run.expires_at = match (run.expires_at, issuer.expires_at) {
            (Some(own), Some(issuers)) => Some(own.min(issuers)),
            (own, issuers) => own.or(issuers),
        };
        Ok(run)
    }

    fn may_issue(&self, token: &Token) -> bool {
        token.owner == self.run.owner
            && token.kind() == TokenKind::Personal
            && token.status(self.actor.now) == Status::Live
    }
}

/// The change that ends agent runs at their owner's request.
#[derive(Debug, Clone)]
pub struct EndRuns {
    /// The acting credential.
    pub actor: Actor,
    /// The required owner of the runs.
    pub owner: UserId,
    /// The runs to end.
    pub runs: Vec<TokenId>,
    /// The template of the audit events, which is not written itself; the runs' events are derived
    /// from it.
    pub audit: AuditEvent,
}

/// The outcome of an [`EndRuns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum EndRunsOutcome {
    /// The number of runs that this call ended.
    Ended(usize),
    /// Every run is unknown, belongs to someone else or had ended before; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl EndRuns {
    /// Decides the change, given the acting credential's record and the runs that the store found
    /// inside the transaction. Returns what to write, without runs that had ended before.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        found: &[Token],
    ) -> Result<EndedRuns, EndRunsOutcome> {
        self.actor
            .check(actor)
            .map_err(EndRunsOutcome::NotAuthorized)?;
        // A run that has expired by this clock may be live by another server's.
        let tokens: Vec<Token> = found
            .iter()
            .filter(|run| self.runs.contains(&run.id) && run.owner == self.owner)
            .filter(|run| run.kind() == TokenKind::AgentRun)
            .filter_map(|run| run.revoked(self.actor.now))
            .collect();
        if tokens.is_empty() {
            return Err(EndRunsOutcome::NotFound);
        }
        let event = |run: &Token| AuditEvent {
            id: self.audit.id.derive(run.id.uuid()),
            subject: Subject::Token(run.id),
            ..self.audit.clone()
        };
        Ok(EndedRuns {
            events: tokens.iter().map(event).collect(),
            tokens,
        })
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
