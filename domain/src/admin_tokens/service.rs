use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::rate_limit::{RateLimited, RateLimits};
use crate::store::StoreError;

use super::{AdminTokenStore, MAX_UNREVIEWED, Review, Stats};

/// The use cases on all tokens of the instance: [`list`](Self::list),
/// [`revoke`](Self::revoke), [`review`](Self::review),
/// [`revoke_matching`](Self::revoke_matching), [`report`](Self::report) and [`stats`](Self::stats). Cheap to clone.
#[derive(Clone)]
pub struct AdminTokens {
    pub(super) store: Arc<dyn AdminTokenStore>,
    pub(super) rate_limits: RateLimits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Why a use case on the inventory did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// There is no such token, or it is revoked.
    #[error("there is no such token")]
    NotFound,
    /// A bulk revocation without a filter would end everything.
    #[error("a filter is required")]
    FilterRequired,
    /// The filter matches these tokens, which are not those that were reviewed; nothing was revoked.
    #[error("the matching tokens have changed since they were reviewed; nothing was revoked")]
    ReviewOutdated(Review),
    /// The filter matches these tokens, too many to revoke without a review; nothing was revoked.
    #[error(
        "more than {MAX_UNREVIEWED} tokens are revoked only after a review; nothing was revoked"
    )]
    ReviewRequired(Review),
    /// More secrets than one report may have.
    #[error("a report has at most {} tokens", super::MAX_REPORTED)]
    TooMany,
    /// Too many calls.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::rate_limit::from_attempt_error!(AdminTokenError);

impl From<Denial> for AdminTokenError {
    fn from(denied: Denial) -> Self {
        Self::NotAuthorized(denied.into())
    }
}

impl AdminTokens {
    /// The use cases on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn AdminTokenStore>,
        rate_limits: RateLimits,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            rate_limits,
            clock,
            entropy,
        }
    }

    /// How much of everything there is.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless an administrator asks; [`AdminTokenError::Store`].
    pub async fn stats(&self, principal: &Principal) -> Result<Stats, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        Ok(self.store.stats(self.clock.now()).await?)
    }
}
