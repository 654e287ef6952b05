use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{Credential, Principal};
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::token::Digest;
use crate::user::{Owner, UserId};

use super::{
    ChangePassword, ChangePasswordOutcome, CreateSignInLink, CreateSignInLinkOutcome, EndSessions,
    EndSessionsOutcome, RedeemSignInLink, RedeemSignInLinkOutcome, Session, SessionId, SignInLink,
    StartSession, StartSessionOutcome,
};

/// A session as a lookup answers it: with its digest, and with its user as they are now.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// The session.
    pub session: Session,
    /// The digest of its secret.
    pub digest: Digest,
    /// Its user's standing at the moment of the lookup.
    pub owner: Owner,
}

impl SessionRecord {
    /// Who its bearer acts as at `now`, or `None` when it is over or its user suspended.
    pub(crate) fn admit(self: Arc<Self>, now: Timestamp) -> Option<Principal> {
        let good = !self.session.is_over(now) && self.owner.active;
        good.then(|| Principal::new(Credential::Session(self)))
    }
}

/// Port: where browser sessions and one-time links are kept, and passwords are changed.
///
/// # Errors
///
/// As for [`TokenStore`](crate::token::TokenStore); so is what makes a method one atomic step.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// The session with this digest and its user as they are now.
    async fn find_session(&self, digest: &Digest) -> Result<Option<SessionRecord>, StoreError>;

    /// Notes that a session was seen; a later time than the one noted wins.
    async fn touch_session(&self, id: SessionId, at: Timestamp) -> Result<(), StoreError>;

    /// A user's sessions that are not ended, over or not, the newest first (by creation, then by
    /// id).
    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Starts a session for a user whose password was verified, unless it was changed or they were
    /// suspended meanwhile.
    async fn start_session(&self, change: StartSession) -> Result<StartSessionOutcome, StoreError>;

    /// Ends sessions of the acting user and answers how many.
    async fn end_sessions(&self, change: EndSessions) -> Result<EndSessionsOutcome, StoreError>;

    /// Changes the acting user's password, ends their other sessions and makes their open sign-in
    /// links void. Tokens are left alone.
    async fn change_password(
        &self,
        change: ChangePassword,
    ) -> Result<ChangePasswordOutcome, StoreError>;

    /// Makes a one-time link; earlier ones of the same user that were not used are void from then
    /// on.
    async fn create_sign_in_link(
        &self,
        change: CreateSignInLink,
    ) -> Result<CreateSignInLinkOutcome, StoreError>;

    /// The one-time link with this digest.
    async fn find_sign_in_link(&self, digest: &Digest) -> Result<Option<SignInLink>, StoreError>;

    /// Uses a one-time link: sets the password, ends all sessions of the user and starts a new one.
    /// Of any number of calls for one link, one succeeds.
    async fn redeem_sign_in_link(
        &self,
        change: RedeemSignInLink,
    ) -> Result<RedeemSignInLinkOutcome, StoreError>;

    /// Deletes the records of forms that were used before the given instant and returns how many.
    async fn purge_forms(&self, used_before: Timestamp) -> Result<u64, StoreError>;

    /// Forgets sessions that were begun before `begun_before` or last seen before `seen_before`,
    /// and links that expired before `now`; answers how many.
    async fn purge_sessions(
        &self,
        begun_before: Timestamp,
        seen_before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError>;
}
