use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{ActingRecord, Actor, ActorError, Credential, Principal};
use crate::agent_run::EndedRuns;
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::user::{Owner, UserId};

use super::verify::rejection_of;
use super::{
    CreationRate, Digest, ListFilter, NotRotatable, PredecessorEnd, RateReached, Rejection,
    RevokedBy, Seek, Status, Token, TokenId, TokenUse,
};

/// A token as a lookup answers it: with its digest, and with its owner as they are now.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// The token.
    pub token: Token,
    /// Its digest.
    pub digest: Digest,
    /// Its owner's standing at the moment of the lookup.
    pub owner: Owner,
}

impl TokenRecord {
    /// Who the bearer of its secret acts as at `now`.
    ///
    /// # Errors
    ///
    /// [`Rejection`] when it is not accepted.
    pub(crate) fn admit(self: Arc<Self>, now: Timestamp) -> Result<Principal, Rejection> {
        match rejection_of(&self, now) {
            Some(rejection) => Err(rejection),
            None => Ok(Principal::new(Credential::Token(self))),
        }
    }
}

/// The change: a new token comes into being. Also the half of a rotation.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// Who makes it.
    pub actor: Actor,
    /// The new token.
    pub token: Token,
    /// Its digest.
    pub digest: Digest,
    /// The most live tokens its owner may have, the new one included.
    pub quota: u32,
    /// How many tokens its owner may be issued within 24 hours.
    pub rate: CreationRate,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of an [`CreateToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateTokenOutcome {
    /// It is there.
    Created,
    /// The owner has as many live tokens as they may; nothing changed.
    QuotaReached,
    /// The owner was issued as many tokens as they may within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

/// What a user has been issued, of one kind of tokens, as read inside the transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// How many of them are live at [`Actor::now`].
    pub live: u32,
    /// When the [`CreationRate::limit`]-th newest of them was created, whether it is live,
    /// expired or revoked; `None` when there are fewer.
    pub nth_newest: Option<Timestamp>,
}

impl CreateToken {
    /// Decides, from what the store read inside the transaction: the acting credential's record, and
    /// what the owner has been issued of personal access tokens.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        so_far: TokenCounts,
    ) -> Result<(), CreateTokenOutcome> {
        self.actor
            .check(actor)
            .map_err(CreateTokenOutcome::NotAuthorized)?;
        if so_far.live >= self.quota {
            return Err(CreateTokenOutcome::QuotaReached);
        }
        self.rate
            .check(so_far.nth_newest, self.actor.now)
            .map_err(CreateTokenOutcome::RateReached)
    }
}

/// The change: a token is revoked.
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// Who does it.
    pub actor: Actor,
    /// Whose token it must be.
    pub owner: UserId,
    /// Which one.
    pub token: TokenId,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`RevokeToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RevokeTokenOutcome {
    /// It is revoked, and this call did it.
    Revoked,
    /// There is none, it is someone else's, or it was revoked before; nothing changed.
    NotFound,
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl RevokeToken {
    /// Decides, from what the store read inside the transaction: the acting credential's record, the
    /// token in question and the unrevoked runs that were issued with it.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        target: Option<&Token>,
        runs: &[Token],
    ) -> Result<EndedToken, RevokeTokenOutcome> {
        self.actor
            .check(actor)
            .map_err(RevokeTokenOutcome::NotAuthorized)?;
        target
            .filter(|token| token.id == self.token && token.owner == self.owner)
            .and_then(|token| token.revoked_by(RevokedBy::Owner, self.actor.now))
            .map(|token| EndedToken {
                runs: EndedRuns::with_issuers([(token.id, &self.audit)], runs),
                token,
            })
            .ok_or(RevokeTokenOutcome::NotFound)
    }
}

/// A token that ends, now or later, and what ends with it: what a store is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct EndedToken {
    /// The token as it is to be written.
    pub token: Token,
    /// The agent runs that were issued with it.
    pub runs: EndedRuns,
}

/// The change: a token is replaced by its successor, which has the same owner, name and scope.
#[derive(Debug, Clone)]
pub struct RotateToken {
    /// The token that is replaced. Its owner must be the successor's.
    pub predecessor: TokenId,
    /// How it ends.
    pub end: PredecessorEnd,
    /// The successor, and who does it.
    pub successor: CreateToken,
}

/// What became of a [`RotateToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RotateTokenOutcome {
    /// The successor is there and the predecessor has ended or will.
    Rotated,
    /// There is no such token for this owner (any more); nothing changed.
    NotFound,
    /// The predecessor is there and cannot be rotated; nothing changed.
    NotRotatable(NotRotatable),
    /// Both would be live during the overlap, and that is one too many; nothing changed.
    QuotaReached,
    /// The owner was issued as many tokens as they may within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl RotateToken {
    /// Decides, from what the store read inside the transaction: the acting credential's record, the
    /// predecessor, what the owner has been issued, and the unrevoked runs that were issued
    /// with the predecessor. Those end with it: after an overlap none of them goes on.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        predecessor: Option<&Token>,
        so_far: TokenCounts,
        runs: &[Token],
    ) -> Result<EndedToken, RotateTokenOutcome> {
        let CreateToken {
            actor: acting,
            token: successor,
            quota,
            rate,
            audit,
            ..
        } = &self.successor;
        acting
            .check(actor)
            .map_err(RotateTokenOutcome::NotAuthorized)?;
        let current = predecessor
            .filter(|token| token.id == self.predecessor && token.owner == successor.owner)
            .filter(|token| !token.is_deleted())
            .ok_or(RotateTokenOutcome::NotFound)?;
        let rotated = current
            .rotated(acting.now, self.end, successor.id)
            .map_err(RotateTokenOutcome::NotRotatable)?;
        let freed = u32::from(rotated.status(acting.now) != Status::Live);
        if so_far.live.saturating_sub(freed) >= *quota {
            return Err(RotateTokenOutcome::QuotaReached);
        }
        rate.check(so_far.nth_newest, acting.now)
            .map_err(RotateTokenOutcome::RateReached)?;
        let runs = match (rotated.status(acting.now), rotated.expires_at) {
            (Status::Live, Some(end)) => EndedRuns::not_after(rotated.id, end, runs),
            _ => EndedRuns::with_issuers([(rotated.id, audit)], runs),
        };
        Ok(EndedToken {
            token: rotated,
            runs,
        })
    }
}

/// Port: where tokens are kept.
///
/// Values cross it, not capabilities: ids, times and digests come with the call, and no rule is
/// born behind it. Each method is one atomic step, its audit event included: either all of it
/// happened, durably, or none of it. A change reads what its `decide` asks for under a lock (or in
/// a serializable transaction), calls `decide`, and writes only on `Ok`.
///
/// The contract suite in [`crate::testing`] is the executable form of this description; every
/// store must pass it.
///
/// # Errors
///
/// Every method answers [`StoreError`] when the store cannot be reached or holds something
/// invalid. After [`StoreError::Unavailable`] from a change, the change may or may not have
/// happened, but never in part.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token with this digest, tombstones included, and its owner as they are now. The hot
    /// path: one lookup a verification, of the primary, never of a replica or a cache.
    /// Shared, so that a store which answers many at once need not copy.
    async fn find_by_digest(&self, digest: &Digest)
    -> Result<Option<Arc<TokenRecord>>, StoreError>;

    /// Inserts the token if its owner has fewer than `quota` live ones, and was issued fewer than
    /// `rate` allows, exactly, however many calls run at the same time.
    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError>;

    /// Revokes the token and ends the agent runs that were issued with it. Of any number of calls for one token, one answers
    /// [`RevokeTokenOutcome::Revoked`]; once it has, no lookup that starts later finds the token live.
    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError>;

    /// Ends the predecessor and inserts its successor in one step; the runs that were issued with
    /// the predecessor end with it.
    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError>;

    /// Returns the owner's personal access tokens that match the filter at `now`, at most `limit`, in
    /// the filter's order (that of [`ListCursor::order`](super::ListCursor::order)), beginning beside
    /// the cursor, which is of that order. [`Seek::Before`] goes backward: the nearest comes first.
    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError>;

    /// Returns one of the owner's personal access tokens, tombstones included.
    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError>;

    /// Notes when tokens were last used, and from where. A later time than the one noted wins, with
    /// its address; an unknown token is passed over.
    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError>;

    /// Purges tokens of every kind that [ended](Token::end) before the given instant, at most
    /// `limit`, and returns how many. Their secrets are unknown from then on. What refers to one by
    /// its id (a successor, an issuer, the trail) keeps the id.
    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
