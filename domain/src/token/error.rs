use crate::access::{ActorError, Denial};
use crate::entropy::EntropyError;
use crate::store::StoreError;

use super::{ExpiryError, NotRotatable, OverlapError, RateReached};

/// Why a use case on a token did not do what was asked. Nothing was changed, except as said at
/// [`TokenError::Store`].
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// There is no such token for this user: unknown, deleted or someone else's, alike.
    #[error("there is no such token")]
    NotFound,
    /// The user has as many live tokens as they may.
    #[error("the limit of {quota} live tokens is reached")]
    QuotaReached {
        /// The limit.
        quota: u32,
    },
    /// The user was issued as many tokens as they may within 24 hours.
    #[error(transparent)]
    RateReached(#[from] RateReached),
    /// The expiry cannot be.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// The overlap cannot be.
    #[error(transparent)]
    Overlap(#[from] OverlapError),
    /// The token is there and cannot be rotated.
    #[error(transparent)]
    NotRotatable(#[from] NotRotatable),
    /// No secret could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed. Whether the change happened is not known when it was unavailable; it did
    /// not happen in part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for TokenError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}
