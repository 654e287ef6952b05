use crate::access::{ActingRecord, Actor, ActorError, CredentialId};
use crate::audit::AuditEvent;
use crate::token::{
    CreationRate, Digest, RateReached, Rejection, Status, Token, TokenCounts, TokenId, TokenKind,
};

use super::{AgentId, RunTtl, WorkItemKey};

/// The properties of a run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The agent that will use the token.
    pub agent: AgentId,
    /// The only work item that the run may change; `None` permits any.
    pub work_item: Option<WorkItemKey>,
    /// The lifetime.
    pub ttl: RunTtl,
    /// The user's token to start the run with, if a browser session acts; `None` if a token acts,
    /// which is then the issuer.
    pub issuer: Option<TokenId>,
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
    /// Returns the id of the issuing token unless it acts itself, for the store to look up.
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
            (Some(ActingRecord::Session(_) | ActingRecord::External(_)), Some(id)) => facts
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
