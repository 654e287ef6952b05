use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::credential::Owner;
use crate::id::UserId;
use crate::store::{Listing, StoreError};

use super::{
    ChangeOwner, ChangeOwnerOutcome, CreateToken, CreateTokenOutcome, Digest, ListFilter,
    RevokeToken, RevokeTokenOutcome, RotateToken, RotateTokenOutcome, Seek, Token, TokenId,
    TokenRecord,
};

/// A use of a token, as shown to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenUse {
    /// The token.
    pub token: TokenId,
    /// When a request was verified with it.
    pub at: Timestamp,
    /// The client address of that request; `None` when unknown.
    pub from: Option<IpAddr>,
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
pub trait TokenStore: TokenMemory + Send + Sync {
    /// Returns the token with this digest, including a revoked or expired one, and its current
    /// owner, as every change left them that has returned. This is the hot path: one lookup per
    /// verification, on the primary, never on a replica. A store may remember a record only if it
    /// knows of every change; `last_used_at` may be older. The record is shared, so that a store
    /// does not have to copy it.
    async fn find_by_digest(&self, digest: &Digest)
    -> Result<Option<Arc<TokenRecord>>, StoreError>;

    /// Returns an owner: one who was put, or a user with an account; `None` if unknown.
    async fn find_owner(&self, id: UserId) -> Result<Option<Owner>, StoreError>;

    /// Changes an owner without an account, or adds one, and ends the agent runs of one who is
    /// suspended. After that, no lookup that starts later returns the previous owner. A store of
    /// accounts keeps the owners of its users itself.
    async fn change_owner(&self, change: ChangeOwner) -> Result<ChangeOwnerOutcome, StoreError>;

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

/// The lookups that a [`TokenStore`] can answer without waiting: a method of its own, because the
/// future of an asynchronous one costs more than they do. A store that has none writes
/// `impl TokenMemory for MyStore {}`.
pub trait TokenMemory {
    /// Returns the token with this digest if the store knows, without waiting, that
    /// [`find_by_digest`](TokenStore::find_by_digest) would return the same record.
    fn remembered(&self, _digest: &Digest) -> Option<Arc<TokenRecord>> {
        None
    }
}

#[cfg(feature = "testing")]
impl TokenMemory for MockTokenStore {}
