use crate::audit::{AuditActor, AuditEvent};
use crate::digest::Digest;
use crate::entropy::EntropyError;
use crate::opaque::OpaqueSecret;
use crate::rate_limit::RateLimited;
use crate::store::StoreError;
use crate::user::{Account, HashError, PasswordHash};

use super::Session;

/// A new session and its secret, which exists only here and in the browser's cookie.
#[derive(Debug)]
#[non_exhaustive]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The value of the cookie.
    pub secret: OpaqueSecret,
}

impl SignedIn {
    /// Returns the session as the actor of the event that starts it.
    pub(super) fn actor(&self) -> AuditActor {
        AuditActor::Session {
            user: self.session.user,
            session: self.session.id,
        }
    }
}

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address, no password, or wrong password; the error does not say which.
    #[error("incorrect email address or password")]
    Rejected,
    /// The password is correct, but the account is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// Too many attempts for this account or from this address.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The password could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(SignInError);

/// The change that starts a session after a sign-in with a password.
#[derive(Debug, Clone)]
pub struct StartSession {
    /// The new session.
    pub session: Session,
    /// The digest of the session's secret.
    pub digest: Digest,
    /// The password hash that was verified; if the stored one differs, the password has changed
    /// since.
    pub verified: PasswordHash,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`StartSession`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum StartSessionOutcome {
    /// The session was started.
    Started,
    /// The user was suspended or their password changed in the meantime; nothing changed.
    Rejected,
}

impl StartSession {
    /// Decides the change, given the account as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(&self, account: Option<&Account>) -> Result<(), StartSessionOutcome> {
        account
            .filter(|account| account.user.id == self.session.user)
            .filter(|account| account.user.is_active())
            .filter(|account| account.password.as_ref() == Some(&self.verified))
            .map(|_| ())
            .ok_or(StartSessionOutcome::Rejected)
    }
}
