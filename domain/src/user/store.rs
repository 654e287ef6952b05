use async_trait::async_trait;

use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::invite::{Invite, InviteKind, InviteStatus};
use crate::store::{Listing, StoreError};
use crate::token::{Digest, Token};

use super::{
    Account, ChangeUser, ChangeUserOutcome, DeleteUser, DeleteUserOutcome, DismissNotices,
    DismissNoticesOutcome, ListedUser, Notice, User, UserId, UserQuery, UserSeek,
};

/// The change: the first user of an instance, who administers it, and their first token.
#[derive(Debug, Clone)]
pub struct CreateFirstAdmin {
    /// The user.
    pub user: User,
    /// Their token.
    pub token: Token,
    /// Its digest.
    pub digest: Digest,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

impl CreateFirstAdmin {
    /// What becomes of an invite that the store read inside the transaction: one for the first
    /// administrator is withdrawn, since it can never be claimed any more. `None` leaves it alone.
    #[must_use]
    pub fn withdraws(&self, invite: &Invite) -> Option<Invite> {
        let now = self.user.created_at;
        let for_nobody =
            invite.kind == InviteKind::FirstAdmin && invite.status(now) == InviteStatus::Open;
        for_nobody.then(|| Invite {
            withdrawn_at: Some(now),
            ..invite.clone()
        })
    }
}

/// What became of a [`CreateFirstAdmin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateFirstAdminOutcome {
    /// User and token are there.
    Created,
    /// The instance has users; nothing changed.
    InstanceHasUsers,
}

/// Port: where users are kept. An embedding service with users of its own does without it.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore); so is what makes a method one atomic step.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Creates the user and their token if there is no user at all; exactly one of any number of
    /// simultaneous calls does. An open invite for the first administrator is withdrawn with it.
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<CreateFirstAdminOutcome, StoreError>;

    /// One user, unless deleted.
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user whose address has this [key](super::Email::key), with their password.
    async fn account(&self, email_key: &str) -> Result<Option<Account>, StoreError>;

    /// Up to `limit` users in the order of their ids, which is that of their joining, beginning
    /// after `after`.
    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Listing<User>, StoreError>;

    /// Up to `limit` users that match the query, in its order, beside the cursor, with their counts
    /// at `now`. Those before a cursor come in the reverse order, so that the nearest is the first.
    async fn search_users(
        &self,
        query: &UserQuery,
        now: Timestamp,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<Listing<ListedUser>, StoreError>;

    /// Suspends a user, or lifts that, or gives them another role, address or name. The last active
    /// administrator stays one, and no two users have addresses with one key, however many calls
    /// run at the same time. A suspension ends the user's browser sessions and agent runs and makes
    /// their open sign-in links void in the same step; another address does the last.
    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError>;

    /// Deletes a user, in one step: revokes all of their unrevoked tokens and agent runs; deletes
    /// their browser sessions, sign-in links, notices and password, and the invites that they
    /// claimed or that are for their address; withdraws the unclaimed invites and makes void the
    /// open links that they made. A claim of a work item that they hold does not
    /// hold any more. Their address and name are erased. Their id
    /// stays: their revoked tokens are found, with an [`Owner::deleted`](super::Owner::deleted).
    /// Of any number of calls for one user, one returns [`DeleteUserOutcome::Deleted`].
    async fn delete_user(&self, change: DeleteUser) -> Result<DeleteUserOutcome, StoreError>;

    /// What a user is to be told and has not dismissed, the newest first.
    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError>;

    /// Dismisses what the acting user was told.
    async fn dismiss_notices(
        &self,
        change: DismissNotices,
    ) -> Result<DismissNoticesOutcome, StoreError>;
}
