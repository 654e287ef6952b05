use async_trait::async_trait;

use crate::digest::Digest;
use crate::store::{Listing, StoreError};

use super::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, Invite, InviteId,
    WithdrawInvite, WithdrawInviteOutcome,
};

/// Port: the storage of invites.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore), which also defines the atomicity of each
/// method.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait InviteStore: Send + Sync {
    /// Inserts the invite and withdraws earlier open ones for the same address, or for the first
    /// administrator.
    async fn create_invite(&self, change: CreateInvite) -> Result<CreateInviteOutcome, StoreError>;

    /// Returns the invite with this digest, in any status.
    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, StoreError>;

    /// Returns up to `limit` invites, newest first (descending ids), starting after `after`.
    async fn invites(
        &self,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<Listing<Invite>, StoreError>;

    /// Withdraws an open invite. Of concurrent calls for one invite, exactly one succeeds.
    async fn withdraw_invite(
        &self,
        change: WithdrawInvite,
    ) -> Result<WithdrawInviteOutcome, StoreError>;

    /// Claims an invite: creates the user with their password, session and token in one step. Of
    /// concurrent calls for one invite, exactly one succeeds.
    async fn claim_invite(&self, change: ClaimInvite) -> Result<ClaimInviteOutcome, StoreError>;
}
