use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::audit::{AuditAction, AuditActor, AuditEvent, AuditStore, RequestContext, Subject};
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::form;
use crate::rate_limit::{RateLimited, RateLimits};
use crate::store::StoreError;
use crate::user::{HashError, PasswordHasher, UserStore, WeakPassword};

use super::{ABSOLUTE_LIMIT_SECONDS, IDLE_LIMIT_SECONDS, Session, SessionStore};

/// The use cases of browser sessions: [`sign_in`](Self::sign_in), [`verify`](Self::verify),
/// [`list`](Self::list), [`end`](Self::end), passwords and one-time links. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    pub(super) store: Arc<dyn SessionStore>,
    pub(crate) users: Arc<dyn UserStore>,
    pub(super) audit: Arc<dyn AuditStore>,
    pub(super) hasher: Arc<dyn PasswordHasher>,
    pub(super) rate_limits: RateLimits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Why a use case on sessions or passwords did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// Only somebody who is signed in with a browser may do this.
    #[error("only a browser session may do this")]
    SessionRequired,
    /// The current password is not that.
    #[error("the current password is wrong")]
    WrongPassword,
    /// The new password is too easy to guess.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// There is no such user, or the link is unknown, used, void or expired.
    #[error("there is no such thing, or not any more")]
    NotFound,
    /// Too many failures.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// Passwords cannot be checked now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be made.
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
    /// The use cases on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        users: Arc<dyn UserStore>,
        audit: Arc<dyn AuditStore>,
        hasher: Arc<dyn PasswordHasher>,
        rate_limits: RateLimits,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            users,
            audit,
            hasher,
            rate_limits,
            clock,
            entropy,
        }
    }

    /// The sessions of the user that `principal` acts as, those that are over left out, the newest
    /// first.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotAuthorized`] unless a human asks; [`SessionError::Store`].
    pub async fn list(&self, principal: &Principal) -> Result<Vec<Session>, SessionError> {
        principal.authorize(Requirement::HUMAN)?;
        let now = self.clock.now();
        let mut sessions = self.store.sessions(principal.user_id()).await?;
        sessions.retain(|session| !session.is_over(now));
        Ok(sessions)
    }

    /// Deletes what is over, the records of used forms included, and returns how many sessions and
    /// links that were.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; call it again later.
    pub async fn purge(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let begun_before = now.saturating_add_seconds(-ABSOLUTE_LIMIT_SECONDS);
        let seen_before = now.saturating_add_seconds(-IDLE_LIMIT_SECONDS);
        let used_before = now.saturating_add_seconds(-form::KEPT_SECONDS);
        self.store.purge_forms(used_before).await?;
        self.store
            .purge_sessions(begun_before, seen_before, now)
            .await
    }

    pub(super) fn event(
        &self,
        actor: AuditActor,
        action: AuditAction,
        subject: Subject,
        context: &RequestContext,
    ) -> Result<AuditEvent, EntropyError> {
        let (now, entropy) = (self.clock.now(), &*self.entropy);
        AuditEvent::new(actor, action, subject, context, now, entropy)
    }
}
