use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::audit::{AuditAction, AuditActor, AuditEvent, AuditStore, RequestContext, Subject};
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::form;
use crate::rate_limit::{RateLimited, RateLimits};
use crate::store::StoreError;
use crate::user::{HashError, PasswordHasher, User, UserId, UserStore, WeakPassword};

mod end;
mod password;
mod sign_in;
mod sign_in_link;
mod verify;

use super::{ABSOLUTE_LIMIT_SECONDS, IDLE_LIMIT_SECONDS, Session, SessionStore};

/// The use cases of browser sessions: [`sign_in`](Self::sign_in), [`verify`](Self::verify),
/// [`list`](Self::list), [`end`](Self::end), passwords and sign-in links. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    pub(crate) ports: SessionPorts,
}

/// What [`Sessions`] require.
#[derive(Clone)]
pub struct SessionPorts {
    /// The store of sessions and sign-in links.
    pub store: Arc<dyn SessionStore>,
    /// The store of users and their passwords.
    pub users: Arc<dyn UserStore>,
    /// The audit log.
    pub audit: Arc<dyn AuditStore>,
    /// Hashes and compares passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Limits attempts.
    pub rate_limits: RateLimits,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and secrets.
    pub entropy: Arc<dyn Entropy>,
}

/// A failure of a use case on sessions or passwords.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// Only a browser session may do this.
    #[error("this requires a browser session")]
    SessionRequired,
    /// The current password does not match.
    #[error("incorrect current password")]
    WrongPassword,
    /// The new password is too easy to guess.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The user does not exist, or the link is unknown, used, replaced or expired.
    #[error("not found")]
    NotFound,
    /// The rate limit is reached.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The password could not be hashed or compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(SessionError);

impl From<Denial> for SessionError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

impl Sessions {
    /// Creates the use cases on these ports.
    #[must_use]
    pub fn new(ports: SessionPorts) -> Self {
        Self { ports }
    }

    /// Returns the unexpired sessions of the user that `principal` acts as, newest first.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotAuthorized`] unless `principal` is a human; [`SessionError::Store`] when
    /// the store fails.
    pub async fn list(&self, principal: &Principal) -> Result<Vec<Session>, SessionError> {
        principal.authorize(Requirement::HUMAN)?;
        let now = self.ports.clock.now();
        let mut sessions = self.ports.store.sessions(principal.user_id()).await?;
        sessions.retain(|session| !session.is_over(now));
        Ok(sessions)
    }

    /// Deletes expired sessions and sign-in links, and the records of used forms. Returns the
    /// number of sessions and links.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails; a later call deletes the same rows.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        let now = self.ports.clock.now();
        let begun_before = now.saturating_add_seconds(-ABSOLUTE_LIMIT_SECONDS);
        let seen_before = now.saturating_add_seconds(-IDLE_LIMIT_SECONDS);
        let used_before = now.saturating_add_seconds(-form::RETENTION_SECONDS);
        self.ports.store.purge_forms(used_before).await?;
        self.ports
            .store
            .purge_sessions(begun_before, seen_before, now)
            .await
    }

    /// Returns the user who created a link, who may be deleted or damaged; `None` also stands for
    /// the operator.
    pub(crate) async fn creator(&self, id: Option<UserId>) -> Result<Option<User>, StoreError> {
        match id {
            Some(id) => StoreError::ignore_damaged(self.ports.users.find(id).await),
            None => Ok(None),
        }
    }

    pub(crate) fn event(
        &self,
        actor: AuditActor,
        action: AuditAction,
        subject: Subject,
        context: &RequestContext,
        now: Timestamp,
    ) -> Result<AuditEvent, EntropyError> {
        let entropy = &*self.ports.entropy;
        AuditEvent::new(actor, action, subject, context, now, entropy)
    }
}
