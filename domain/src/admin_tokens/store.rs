use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::TokenId;

use super::{OwnedToken, ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, TokenFilter};

/// The number of days before its expiry in which a token counts as expiring.
pub const EXPIRING_DAYS: u32 = 7;

/// The numbers of users, tokens and invites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Users who are not suspended.
    pub users_active: u64,
    /// Suspended users.
    pub users_suspended: u64,
    /// Administrators who are not suspended.
    pub admins_active: u64,
    /// Live personal access tokens.
    pub tokens_live: u64,
    /// Live personal access tokens with the scope `admin`.
    pub tokens_live_admin: u64,
    /// Live personal access tokens that expire within [`EXPIRING_DAYS`].
    pub tokens_expiring: u64,
    /// Personal access tokens that have expired and were not revoked.
    pub tokens_expired: u64,
    /// Revoked personal access tokens that are not purged yet.
    pub tokens_revoked: u64,
    /// Invites that can be claimed.
    pub invites_open: u64,
}

impl Stats {
    /// Returns the instant until which live tokens count as expiring at `now`.
    #[must_use]
    pub fn expiring_until(now: Timestamp) -> Timestamp {
        now.saturating_add_seconds(i64::from(EXPIRING_DAYS) * 24 * 60 * 60)
    }
}

/// Port: the tokens of all users.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore), which also defines the atomicity of each
/// method.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AdminTokenStore: Send + Sync {
    /// Returns the personal access tokens that match the filter at `now`, at most `limit`, with
    /// their owners, newest first (descending ids), starting after `after`.
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>, StoreError>;

    /// Returns the ids of all personal access tokens that match the filter at `now`, including
    /// those of damaged rows, in any order. There may be 100,000, so nothing else is loaded.
    async fn matching_ids(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError>;

    /// Returns the tokens with these ids, of any kind and status, with their owners, newest first
    /// (descending ids). Unknown ids are omitted.
    async fn tokens_by_id(&self, ids: &[TokenId]) -> Result<Listing<OwnedToken>, StoreError>;

    /// Revokes every token that [`RevokeMatching::decide`] selects inside the transaction, each
    /// with its event, together with the agent runs that were started with it. A token that is
    /// created concurrently is either included or created after this change.
    async fn revoke_matching(
        &self,
        change: RevokeMatching,
    ) -> Result<RevokeMatchingOutcome, StoreError>;

    /// Revokes the reported tokens that are live, each with its event and a notice for its owner,
    /// together with the agent runs that were started with it. Returns how many were revoked.
    async fn report_leaked_tokens(&self, change: ReportLeakedTokens) -> Result<u64, StoreError>;

    /// Returns the counts as of `now`.
    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError>;
}
