use crate::access::{ActorError, Denial};
use crate::entropy::EntropyError;
use crate::store::StoreError;

use super::{ExpiryError, NotRotatable, OverlapError, RateReached};

/// A failure of a use case on tokens. Nothing was changed, except as described at
/// [`TokenError::Store`].
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The user has no such token: it is unknown, deleted or belongs to someone else. The error
    /// does not say which.
    #[error("token not found")]
    NotFound,
    /// The embedding service has not [put](super::Tokens::put_owner) the owner that it acts for.
    #[error("no owner has this id; put the owner first")]
    OwnerNotFound,
    /// The user has reached the maximum number of live tokens.
    #[error("the limit of {quota} active tokens is reached")]
    QuotaReached {
        /// The maximum number of live tokens per user.
        quota: u32,
    },
    /// The user has reached the maximum number of tokens created within 24 hours.
    #[error(transparent)]
    RateReached(#[from] RateReached),
    /// The expiry is invalid.
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    /// The overlap is invalid.
    #[error(transparent)]
    Overlap(#[from] OverlapError),
    /// The token exists but cannot be rotated.
    #[error(transparent)]
    NotRotatable(#[from] NotRotatable),
    /// No secret could be generated.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed. If it was unavailable, the change may have been made, but never in part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denial> for TokenError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}
