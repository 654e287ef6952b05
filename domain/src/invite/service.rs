use std::sync::Arc;

use crate::access::{ActorError, Denial};
use crate::entropy::EntropyError;
use crate::rate_limit::RateLimited;
use crate::session::Sessions;
use crate::store::StoreError;
use crate::user::{HashError, WeakPassword};

use super::{InviteStore, NotClaimable};

/// The use cases of invites: [`create`](Self::create), [`first_admin`](Self::first_admin),
/// [`list`](Self::list), [`withdraw`](Self::withdraw), [`preview`](Self::preview) and
/// [`claim`](Self::claim). Cheap to clone.
#[derive(Clone)]
pub struct Invites {
    pub(super) store: Arc<dyn InviteStore>,
    pub(super) sessions: Sessions,
}

/// A failure of a use case on invites.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The invite does not exist or is no longer open.
    #[error("invite not found, or no longer open")]
    NotFound,
    /// A user with this address exists.
    #[error("a user with this email address already exists")]
    EmailTaken,
    /// The invite cannot be claimed.
    #[error(transparent)]
    NotClaimable(#[from] NotClaimable),
    /// The first administrator must enter an address.
    #[error("an email address is required")]
    EmailRequired,
    /// The claim names an address other than the invited one.
    #[error("the invite is for another email address")]
    EmailMismatch,
    /// The claim requests neither a password nor a token, so the user could not sign in.
    #[error("choose a password or request a token")]
    NoCredential,
    /// The password is too easy to guess.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// The rate limit is reached.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No secret could be generated.
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
    /// Creates the use cases on a store. The other ports are those of `sessions`.
    #[must_use]
    pub fn new(store: Arc<dyn InviteStore>, sessions: Sessions) -> Self {
        Self { store, sessions }
    }
}
