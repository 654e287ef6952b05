use async_trait::async_trait;

use crate::access::{ActingRecord, Actor, Refusal};
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::{
    Digest, IssueRate, IssuedSoFar, RateReached, Rejection, Token, TokenId, TokenKind,
};
use crate::user::UserId;

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
    /// Who starts it: a personal access token.
    pub actor: Actor,
    /// The run's token.
    pub run: Token,
    /// Its digest.
    pub digest: Digest,
    /// The most live runs its owner may have, the new one included.
    pub quota: u32,
    /// How many runs its owner may start within 24 hours.
    pub rate: IssueRate,
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
    /// The owner has as many live runs as they may; nothing changed.
    QuotaReached,
    /// The owner started as many runs as they may within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is not good any more; nothing changed.
    ActorRefused(Refusal),
}

impl StartRun {
    /// Decides, from what the store read inside the transaction: the acting credential's record, what
    /// the owner has been issued of runs, and how the work item stands that it is to be bound to.
    /// Answers the run as it is to be written: it never outlives the token that issues it.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        so_far: IssuedSoFar,
        item: Option<BoundItem>,
    ) -> Result<Token, StartRunOutcome> {
        let refused = StartRunOutcome::ActorRefused;
        self.actor.check(actor).map_err(refused)?;
        let Some(ActingRecord::Token(issuer)) = actor else {
            return Err(refused(Rejection::Unknown.into()));
        };
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
        run.expires_at = match (run.expires_at, issuer.token.expires_at) {
            (Some(own), Some(issuers)) => Some(own.min(issuers)),
            (own, issuers) => own.or(issuers),
        };
        Ok(run)
    }
}

/// The change: an agent run is ended by its owner.
#[derive(Debug, Clone)]
pub struct EndRun {
    /// Who does it.
    pub actor: Actor,
    /// Whose run it must be.
    pub owner: UserId,
    /// Which one.
    pub run: TokenId,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of an [`EndRun`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum EndRunOutcome {
    /// It has ended, and this call did it.
    Ended,
    /// There is none, it is someone else's, or it was ended before; nothing changed.
    NotFound,
    /// The acting credential is not good any more; nothing changed.
    ActorRefused(Refusal),
}

impl EndRun {
    /// Decides, from what the store read inside the transaction: the acting credential's record and the
    /// run in question. Answers the run as it is to be written.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        run: Option<&Token>,
    ) -> Result<Token, EndRunOutcome> {
        self.actor
            .check(actor)
            .map_err(EndRunOutcome::ActorRefused)?;
        run.filter(|run| run.id == self.run && run.owner == self.owner)
            .filter(|run| run.kind() == TokenKind::AgentRun)
            // One that has expired by this clock may be live by another server's.
            .and_then(|run| run.revoked(self.actor.now))
            .ok_or(EndRunOutcome::NotFound)
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

    /// Ends a run that was not ended before. Of any number of calls for one run, one answers
    /// [`EndRunOutcome::Ended`]; once it has, no lookup that starts later finds it live.
    async fn end_run(&self, change: EndRun) -> Result<EndRunOutcome, StoreError>;

    /// Runs of the owner, at most `limit`, the newest first (in the reverse order of their ids),
    /// beginning after `after`: those that are live at `now`, and, with `ended`, those that are over
    /// and still remembered.
    async fn runs(
        &self,
        owner: UserId,
        ended: bool,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError>;

    /// Returns runs of the owner that were issued with a token, live and ended, at most `limit`, the
    /// newest first (in the reverse order of their ids).
    async fn runs_issued_with(
        &self,
        owner: UserId,
        issuer: TokenId,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError>;

    /// One of the owner's runs, over or not, while it is remembered.
    async fn run(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError>;
}
