use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::store::StoreError;
use crate::user::UserId;

use super::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome, EndSessions,
    EndSessionsOutcome, RedeemSignInLink, RedeemSignInLinkOutcome, RemovePassword,
    RemovePasswordOutcome, Session, SessionId, SessionRecord, SignInLink, StartSession,
    StartSessionOutcome,
};

/// Port: the storage of browser sessions, sign-in links and passwords.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore), which also defines the atomicity of each
/// method.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Returns the session with this digest and its current user.
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>, StoreError>;

    /// Records when a session was last seen, unless a later time is stored.
    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// Returns the stored sessions of a user, expired or not, newest first (by creation, then by
    /// id).
    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Starts a session for a user whose password was verified, unless the user was suspended or
    /// the password changed in the meantime.
    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome, StoreError>;

    /// Ends sessions of the acting user and returns how many.
    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome, StoreError>;

    /// Changes the acting user's password, ends their other sessions and deletes their open sign-in
    /// links. Tokens are not affected.
    async fn change_password(
        &self,
        change: ChangePassword,
    ) -> Result<ChangePasswordOutcome, StoreError>;

    /// Removes a user's password, and nothing else.
    async fn remove_password(
        &self,
        change: RemovePassword,
    ) -> Result<RemovePasswordOutcome, StoreError>;

    /// Creates a sign-in link and deletes the user's earlier unused ones.
    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome, StoreError>;

    /// Returns the sign-in link with this digest.
    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>, StoreError>;

    /// Uses a sign-in link: sets the password, ends all sessions of the user and starts a new one.
    /// Of concurrent calls for one link, exactly one succeeds.
    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome, StoreError>;

    /// Deletes the records of forms that were used before the given instant and returns how many.
    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64, StoreError>;

    /// Deletes sessions that began before `begun_before` or were last seen before `seen_before`,
    /// and links that expired before `now`. Returns how many.
    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError>;
}
