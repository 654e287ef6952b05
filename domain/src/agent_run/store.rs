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

/// Which runs of a user are wanted, by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunState {
    /// Those that are live.
    #[default]
    Live,
    /// Those that were ended or have expired, and are still stored.
    Ended,
    /// Both.
    Any,
}

/// Which runs of a user are wanted; each condition that is given narrows it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFilter {
    /// Live or ended.
    pub state: RunState,
    /// Issued with this token.
    pub issuer: Option<TokenId>,
    /// Of this agent.
    pub agent: Option<AgentId>,
    /// Bound to this work item.
    pub work_item: Option<WorkItemKey>,
}

impl RunFilter {
    /// Every live run.
    pub const LIVE: Self = Self {
        state: RunState::Live,
        issuer: None,
        agent: None,
        work_item: None,
    };

    /// Every run that is stored.
    pub const ANY: Self = Self {
        state: RunState::Any,
        ..Self::LIVE
    };

    /// Whether it wants this run at `now`; what a store's query means.
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

/// How the work item stands that a run is to be bound to, as read inside the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundItem {
    /// There is work to do.
    Open,
    /// It is done or cancelled.
    Resolved,
}

impl BoundItem {
    /// How an item stands that is resolved, or not.
    #[must_use]
    pub const fn of(is_resolved: bool) -> Self {
        if is_resolved {
            Self::Resolved
        } else {
            Self::Open
        }
    }
}

/// The change: an agent run begins.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// Who starts it: the personal access token that issues it, or a browser session of its owner.
    pub actor: Actor,
    /// The run's token.
    pub run: Token,
    /// Its digest.
    pub digest: Digest,
    /// The most live runs its owner may have, the new one included.
    pub quota: u32,
    /// How many runs its owner may start within 24 hours.
    pub rate: CreationRate,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`StartRun`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum StartRunOutcome {
    /// The run has begun; as it was written.
    Started(Token),
    /// There is no work item with that key; nothing changed. A store that keeps no work items
    /// answers so too.
    NoSuchWorkItem,
    /// The work item is done or cancelled; nothing changed.
    WorkItemResolved,
    /// The owner has no live token that could issue it; nothing changed.
    NoSuchIssuer,
    /// The owner has as many live runs as they may; nothing changed.
    QuotaReached,
    /// The owner started as many runs as they may within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store reads inside the transaction of a [`StartRun`], under locks.
#[derive(Debug, Clone, Default)]
pub struct StartFacts {
    /// What the owner has been issued of runs.
    pub so_far: TokenCounts,
    /// How the work item stands that it is to be bound to.
    pub item: Option<BoundItem>,
    /// The token that [`StartRun::issuer`] names.
    pub issuer: Option<Token>,
}

impl StartRun {
    /// Returns the token that is to issue the run and does not act itself, for the store to look up.
    #[must_use]
    pub fn issuer(&self) -> Option<TokenId> {
        let issuer = self.run.run.as_ref()?.issuer;
        (self.actor.credential != CredentialId::Token(issuer)).then_some(issuer)
    }

    /// Decides, from the acting credential's record and what else the store read inside the
    /// transaction. Returns the run as it is to be written: it never outlives the token that issues it.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        facts: &StartFacts,
    ) -> Result<Token, StartRunOutcome> {
        let refused = StartRunOutcome::NotAuthorized;
        self.actor.check(actor).map_err(refused)?;
        let issuer = match (actor, self.issuer()) {
            (Some(ActingRecord::Token(record)), None) => &record.token,
            // A token issues its own runs alone: with another's, they would outlive it.
            (Some(ActingRecord::Session(_)), Some(id)) => facts
                .issuer
                .as_ref()
                .filter(|token| token.id == id && self.may_issue(token))
                .ok_or(StartRunOutcome::NoSuchIssuer)?,
            _ => return Err(refused(Rejection::Unknown.into())),
        };
        let (so_far, item) = (facts.so_far, facts.item);
        let binding = self.run.run.as_ref().and_then(|run| run.work_item);
        match (binding, item) {
            (Some(_), None) => return Err(StartRunOutcome::NoSuchWorkItem),
            (Some(_), Some(BoundItem::Resolved)) => return Err(StartRunOutcome::WorkItemResolved),
            (Some(_), Some(BoundItem::Open)) | (None, _) => {}
        }
        if so_far.live >= self.quota {
            return Err(StartRunOutcome::QuotaReached);
        }
        self.rate
            .check(so_far.nth_newest, self.actor.now)
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

/// The change: agent runs are ended by their owner.
#[derive(Debug, Clone)]
pub struct EndRuns {
    /// Who does it.
    pub actor: Actor,
    /// Whose runs they must be.
    pub owner: UserId,
    /// Which ones, and no others.
    pub runs: Vec<TokenId>,
    /// The event that those of the runs are derived from; it is not written itself.
    pub audit: AuditEvent,
}

/// What became of an [`EndRuns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum EndRunsOutcome {
    /// So many of them have ended, and this call did it.
    Ended(usize),
    /// None is there: each is unknown, someone else's, or was ended before; nothing changed.
    NotFound,
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl EndRuns {
    /// Decides, from what the store read inside the transaction: the acting credential's record and
    /// those of the runs that there are. Returns what is to be written; those that were ended before
    /// are not among it.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        found: &[Token],
    ) -> Result<EndedRuns, EndRunsOutcome> {
        self.actor
            .check(actor)
            .map_err(EndRunsOutcome::NotAuthorized)?;
        // One that has expired by this clock may be live by another server's.
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

/// Port: where agent runs are kept, beside the tokens that issue them. Their secrets are found with
/// [`TokenStore::find_by_digest`](crate::token::TokenStore::find_by_digest), as all others, and they
/// end with other things in the methods that end those.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore); so is what makes a method one atomic step.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AgentRunStore: Send + Sync {
    /// Starts a run if its owner has fewer than `quota` live ones and started fewer than `rate`
    /// allows, exactly, and binds it to a work
    /// item only while that one is open: a run that is bound to it ends with it, whichever of the
    /// two comes first.
    async fn start_run(&self, change: StartRun) -> Result<StartRunOutcome, StoreError>;

    /// Ends those of the runs that were not ended before. Of any number of calls for one run, one
    /// counts it; once it has returned, no lookup that starts later finds it live.
    async fn end_runs(&self, change: EndRuns) -> Result<EndRunsOutcome, StoreError>;

    /// Runs of the owner that the filter wants at `now`, at most `limit`, the newest first (in the
    /// reverse order of their ids), beginning after `after`.
    async fn runs(
        &self,
        owner: UserId,
        filter: &RunFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError>;

    /// One of the owner's runs, over or not, while it is remembered.
    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError>;
}
