use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::store::{Listing, StoreError};
use crate::token::TokenId;

use super::{OwnedToken, ReportLeakedTokens, RevokeMatching, RevokeMatchingOutcome, TokenFilter};

/// How much of everything there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Users who may act.
    pub users_active: u64,
    /// Users who are suspended.
    pub users_suspended: u64,
    /// Active users who administer.
    pub admins_active: u64,
    /// Personal access tokens that are live.
    pub tokens_live: u64,
    /// Those of them with the scope `admin`.
    pub tokens_live_admin: u64,
    /// Personal access tokens that have expired and are not deleted.
    pub tokens_expired: u64,
    /// Invites that can be claimed.
    pub invites_open: u64,
}

/// Port: all tokens of the instance.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore); so is what makes a method one atomic step.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AdminTokenStore: Send + Sync {
    /// Personal access tokens that the filter wants at `now`, at most `limit`, with their owners,
    /// the newest first (in the reverse order of their ids), beginning after `after`.
    async fn tokens(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
        after: Option<TokenId>,
        limit: u32,
    ) -> Result<Listing<OwnedToken>, StoreError>;

    /// Returns the ids of all personal access tokens that the filter matches at `now`, those of
    /// damaged rows included, in any order. They may be 100,000, so nothing else is loaded.
    async fn matching(
        &self,
        filter: &TokenFilter,
        now: Timestamp,
    ) -> Result<Vec<TokenId>, StoreError>;

    /// Returns the tokens with these ids, of whatever kind and status, with their owners, the newest
    /// first (in the reverse order of their ids). Unknown ids are left out.
    async fn tokens_by_id(&self, ids: &[TokenId]) -> Result<Listing<OwnedToken>, StoreError>;

    /// Revokes every token that [`RevokeMatching::decide`] selects inside the transaction, each with
    /// its event, in one step, together with the agent runs that were issued with it. A token that is
    /// issued at the same time is either among them or issued after it.
    async fn revoke_matching(
        &self,
        change: RevokeMatching,
    ) -> Result<RevokeMatchingOutcome, StoreError>;

    /// Revokes those of the reported tokens that are live, each with its event and a notice for its
    /// owner, in one step, and answers how many. The agent runs that were issued with them end too.
    async fn report_leaked_tokens(&self, change: ReportLeakedTokens) -> Result<u64, StoreError>;

    /// Counts, as of `now`.
    async fn stats(&self, now: Timestamp) -> Result<Stats, StoreError>;
}
