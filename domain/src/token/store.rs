use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::id::UserId;
use crate::store::{Listing, StoreError};

use super::{
    CreationRate, Digest, EndedRuns, ListFilter, NotRotatable, PredecessorEnd, RateReached,
    RevokedBy, Seek, Status, Token, TokenId, TokenRecord, TokenUse,
};

/// The change that creates a token; also part of a rotation.
#[derive(Debug, Clone)]
pub struct CreateToken {
    /// The acting credential.
    pub actor: Actor,
    /// The new token.
    pub token: Token,
    /// The digest of the token's secret.
    pub digest: Digest,
    /// The maximum number of live tokens of its owner, including the new one.
    pub quota: u32,
    /// The maximum number of tokens created for its owner within 24 hours.
    pub rate: CreationRate,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`CreateToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateTokenOutcome {
    /// The token was created.
    Created,
    /// The owner has reached the maximum number of live tokens; nothing changed.
    QuotaReached,
    /// The owner has reached the maximum number of tokens created within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// The number of a user's tokens of one kind, as read inside the transaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// The number of tokens that are live at [`Actor::now`].
    pub live: u32,
    /// When the [`CreationRate::limit`]-th newest of them was created, including expired and
    /// revoked ones; `None` when there are fewer.
    pub nth_newest: Option<Timestamp>,
}

impl CreateToken {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record and the number of the owner's personal access tokens.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        counts: TokenCounts,
    ) -> Result<(), CreateTokenOutcome> {
        self.actor
            .check(actor)
            .map_err(CreateTokenOutcome::NotAuthorized)?;
        if counts.live >= self.quota {
            return Err(CreateTokenOutcome::QuotaReached);
        }
        self.rate
            .check(counts.nth_newest, self.actor.now)
            .map_err(CreateTokenOutcome::RateReached)
    }
}

/// The change that revokes a token.
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// The acting credential.
    pub actor: Actor,
    /// The required owner of the token.
    pub owner: UserId,
    /// The token to revoke.
    pub token: TokenId,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`RevokeToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RevokeTokenOutcome {
    /// This call revoked the token.
    Revoked,
    /// The token does not exist, belongs to someone else or was revoked before; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl RevokeToken {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record, the token, and the unrevoked runs that were started with it.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
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

/// What a store must write when a token ends, now or later.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct EndedToken {
    /// The updated token.
    pub token: Token,
    /// The agent runs that were started with it.
    pub runs: EndedRuns,
}

/// The change that replaces a token by a successor with the same owner, name and scope.
#[derive(Debug, Clone)]
pub struct RotateToken {
    /// The token to replace. It must have the same owner as the successor.
    pub predecessor: TokenId,
    /// When the predecessor stops working.
    pub end: PredecessorEnd,
    /// The creation of the successor, including the acting credential.
    pub successor: CreateToken,
}

/// The outcome of a [`RotateToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RotateTokenOutcome {
    /// The successor was created, and the predecessor has ended or will end.
    Rotated,
    /// The owner has no such token, or no longer; nothing changed.
    NotFound,
    /// The predecessor exists but cannot be rotated; nothing changed.
    NotRotatable(NotRotatable),
    /// Both tokens would be live during the overlap, which exceeds the quota; nothing changed.
    QuotaReached,
    /// The owner has reached the maximum number of tokens created within 24 hours; nothing changed.
    RateReached(RateReached),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl RotateToken {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record, the predecessor, the number of the owner's tokens, and the unrevoked
    /// runs that were started with the predecessor. Those end with it, at the latest when the
    /// overlap ends.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        predecessor: Option<&Token>,
        counts: TokenCounts,
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
        if counts.live.saturating_sub(freed) >= *quota {
            return Err(RotateTokenOutcome::QuotaReached);
        }
        rate.check(counts.nth_newest, acting.now)
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

/// Port: the storage of tokens.
///
/// Stores decide nothing by themselves: ids, times and digests are passed in, and all rules are in
/// the domain. Each method is one atomic step that includes its audit event: it either happens
/// completely and durably, or not at all. A change reads the arguments of its `decide` under a lock
/// (or in a serializable transaction), calls `decide`, and writes only on `Ok`.
///
/// The contract suite in [`crate::testing`] is the executable form of this description; every store
/// must pass it.
///
/// # Errors
///
/// Every method returns [`StoreError`] when the store cannot be reached or contains an invalid
/// value. After [`StoreError::Unavailable`], a change may have been made, but never in part.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Returns the token with this digest, including a revoked or expired one, and its current
    /// owner. This is the hot path: one lookup per verification, always on the primary, never on a
    /// replica or in a cache. The record is shared, so that a store which serves many lookups with
    /// one query does not have to copy it.
    async fn find_by_digest(&self, digest: &Digest)
    -> Result<Option<Arc<TokenRecord>>, StoreError>;

    /// Inserts the token if its owner has fewer than `quota` live ones and `rate` permits it. Both
    /// limits are exact under concurrent calls.
    async fn create_token(&self, change: CreateToken) -> Result<CreateTokenOutcome, StoreError>;

    /// Revokes the token and ends the agent runs that were started with it. Of concurrent calls for
    /// one token, exactly one returns [`RevokeTokenOutcome::Revoked`]; after that, no lookup that
    /// starts later finds the token live.
    async fn revoke_token(&self, change: RevokeToken) -> Result<RevokeTokenOutcome, StoreError>;

    /// Ends the predecessor, including the runs that were started with it, and inserts its
    /// successor.
    async fn rotate_token(&self, change: RotateToken) -> Result<RotateTokenOutcome, StoreError>;

    /// Returns the owner's personal access tokens that match the filter at `now`, at most `limit`,
    /// in the filter's order (as defined by [`ListCursor::order`](super::ListCursor::order)),
    /// starting next to the cursor, which has that order. [`Seek::Before`] reads backward: the
    /// nearest token comes first.
    async fn list(
        &self,
        owner: UserId,
        filter: &ListFilter,
        now: Timestamp,
        seek: Option<Seek>,
        limit: u32,
    ) -> Result<Listing<Token>, StoreError>;

    /// Returns one of the owner's personal access tokens, including a revoked or expired one.
    async fn get(&self, owner: UserId, id: TokenId) -> Result<Option<Token>, StoreError>;

    /// Stores when, and from which address, tokens were last used. A use that is older than the
    /// stored one is ignored, and so is an unknown token.
    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError>;

    /// Purges tokens of every kind that [ended](Token::end) before the given instant, at most
    /// `limit`, and returns how many. Their secrets are unknown from then on. References by id
    /// (from a successor, an issued run, the audit log) keep the id.
    async fn purge_ended_before(&self, horizon: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
