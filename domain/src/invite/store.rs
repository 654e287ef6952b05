use async_trait::async_trait;

use crate::store::{Listing, StoreError};
use crate::token::Digest;

use super::{
    ClaimInvite, ClaimInviteOutcome, CreateInvite, CreateInviteOutcome, Invite, InviteId,
    WithdrawInvite, WithdrawInviteOutcome,
};

/// Port: where invites are kept.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore); so is what makes a method one atomic step.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait InviteStore: Send + Sync {
    /// Inserts the invite. Earlier open ones for the same address, or for the first administrator,
    /// are withdrawn with it.
    async fn create_invite(&self, change: CreateInvite) -> Result<CreateInviteOutcome, StoreError>;

    /// The invite with this digest, whatever its status.
    async fn find_invite(&self, digest: &Digest) -> Result<Option<Invite>, StoreError>;

    /// Up to `limit` invites, the newest first (in the reverse order of their ids), beginning
    /// after `after`.
    async fn invites(
        &self,
        after: Option<InviteId>,
        limit: u32,
    ) -> Result<Listing<Invite>, StoreError>;

    /// Withdraws an open invite. Of any number of calls for one invite, one succeeds.
    async fn withdraw_invite(
        &self,
        change: WithdrawInvite,
    ) -> Result<WithdrawInviteOutcome, StoreError>;

    /// Claims an invite: the user, their password, their session and their token appear in one
    /// step. Of any number of calls for one invite, one succeeds.
    async fn claim_invite(&self, change: ClaimInvite) -> Result<ClaimInviteOutcome, StoreError>;
}
