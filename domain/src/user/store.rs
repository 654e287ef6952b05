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

/// The change that creates the first user of an instance, an administrator, and their first token.
#[derive(Debug, Clone)]
pub struct CreateFirstAdmin {
    /// The user.
    pub user: User,
    /// The user's token.
    pub token: Token,
    /// The digest of the token's secret.
    pub digest: Digest,
    /// The audit event to append.
    pub audit: AuditEvent,
}

impl CreateFirstAdmin {
    /// Returns the invite as withdrawn if it is open and for the first administrator, since it can
    /// no longer be claimed; `None` leaves it unchanged.
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

/// The outcome of a [`CreateFirstAdmin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateFirstAdminOutcome {
    /// The user and the token were created.
    Created,
    /// There are users already; nothing changed.
    InstanceHasUsers,
}

/// Port: the storage of users. Not required by embedding services with their own users.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore), which also defines the atomicity of each
/// method.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Creates the user and their token if there are no users, and withdraws an open invite for the
    /// first administrator. Of concurrent calls, exactly one succeeds.
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<CreateFirstAdminOutcome, StoreError>;

    /// Returns one user; `None` if unknown or deleted.
    async fn find(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Returns the user whose address has this [key](super::Email::key), with their password.
    async fn account(&self, email_key: &str) -> Result<Option<Account>, StoreError>;

    /// Returns up to `limit` users in the order of their ids, which is the order in which they
    /// joined, starting after `after`.
    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Listing<User>, StoreError>;

    /// Returns up to `limit` users that match the query, in its order, next to the cursor, with
    /// their counts at `now`. Users before a cursor come in reverse order, so that the nearest is
    /// first.
    async fn search_users(
        &self,
        query: &UserQuery,
        now: Timestamp,
        seek: Option<UserSeek>,
        limit: u32,
    ) -> Result<Listing<ListedUser>, StoreError>;

    /// Suspends or unsuspends a user, or changes their role, address or name. The last active
    /// administrator always remains one, and addresses have unique keys, under concurrent calls
    /// too. In the same step, a suspension ends the user's browser sessions and agent runs; a
    /// suspension and a change of address delete their unused sign-in links.
    async fn change_user(&self, change: ChangeUser) -> Result<ChangeUserOutcome, StoreError>;

    /// Deletes a user in one step. Revokes all of their unrevoked tokens and agent runs. Deletes
    /// their browser sessions, sign-in links, notices and password, and the invites that they
    /// claimed or that are for their address. Withdraws the unclaimed invites and deletes the open
    /// links that they created. Releases the work items that they claimed. Erases their address and
    /// name. Their id stays, so that lookups of their revoked tokens return an
    /// [`Owner::deleted`](super::Owner::deleted). Of concurrent calls for one user, exactly one
    /// returns [`DeleteUserOutcome::Deleted`].
    async fn delete_user(&self, change: DeleteUser) -> Result<DeleteUserOutcome, StoreError>;

    /// Returns a user's notices, newest first.
    async fn notices(&self, user: UserId) -> Result<Vec<Notice>, StoreError>;

    /// Dismisses notices of the acting user.
    async fn dismiss_notices(
        &self,
        change: DismissNotices,
    ) -> Result<DismissNoticesOutcome, StoreError>;
}
