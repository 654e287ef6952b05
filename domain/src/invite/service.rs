use std::sync::Arc;

use crate::access::{ActorError, Denial};
use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::rate_limit::{RateLimited, RateLimits};
use crate::session::Sessions;
use crate::store::StoreError;
use crate::user::{HashError, PasswordHasher, WeakPassword};

use super::{InviteStore, NotClaimable};

/// The use cases of invites: [`create`](Self::create), [`first_admin`](Self::first_admin),
/// [`list`](Self::list), [`withdraw`](Self::withdraw), [`look`](Self::look) and
/// [`claim`](Self::claim). Cheap to clone.
#[derive(Clone)]
pub struct Invites {
    pub(super) store: Arc<dyn InviteStore>,
    pub(super) sessions: Sessions,
    pub(super) hasher: Arc<dyn PasswordHasher>,
    pub(super) rate_limits: RateLimits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Why a use case on invites did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// There is no such invite, or it is not open any more.
    #[error("there is no such invite, or it is not open any more")]
    NotFound,
    /// Somebody with this address has an account.
    #[error("somebody with this email address has an account already")]
    EmailTaken,
    /// The invite cannot be claimed.
    #[error(transparent)]
    NotClaimable(#[from] NotClaimable),
    /// The first administrator has to say their address.
    #[error("an email address is required")]
    EmailRequired,
    /// The invite is for one address and the claim says another.
    #[error("the invite is for another email address")]
    EmailMismatch,
    /// A claim that asks for neither a password nor a token would lock its claimant out.
    #[error("choose a password, or ask for a token")]
    NothingToSignInWith,
    /// The password is too easy to guess.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// Too many calls.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// Passwords cannot be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(InviteError);

impl From<Denial> for InviteError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

impl Invites {
    /// The use cases on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn InviteStore>,
        sessions: Sessions,
        hasher: Arc<dyn PasswordHasher>,
        rate_limits: RateLimits,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            sessions,
            hasher,
            rate_limits,
            clock,
            entropy,
        }
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
