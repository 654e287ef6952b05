use std::sync::Arc;

use crate::access::{ActorError, Denial, Principal, Requirement};
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::rate_limit::{RateLimited, RateLimits};
use crate::store::StoreError;

use super::{AdminTokenStore, MAX_UNREVIEWED, Review, Stats};

/// The use cases on the tokens of all users: [`list`](Self::list), [`revoke`](Self::revoke),
/// [`review`](Self::review), [`revoke_matching`](Self::revoke_matching),
/// [`report_leaked`](Self::report_leaked) and [`stats`](Self::stats). Cheap to clone.
#[derive(Clone)]
pub struct AdminTokens {
    pub(super) store: Arc<dyn AdminTokenStore>,
    pub(super) rate_limits: RateLimits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// A failure of a use case on the tokens of all users.
#[derive(Debug, thiserror::Error)]
pub enum AdminTokenError {
    /// The acting credential is invalid, or not permitted to do this.
    #[error(transparent)]
    NotAuthorized(#[from] ActorError),
    /// The token does not exist or was revoked before.
    #[error("token not found")]
    NotFound,
    /// The filter is empty, so a bulk revocation would revoke everything.
    #[error("a filter is required")]
    FilterRequired,
    /// The tokens that match, of which this is the review, are not those that were reviewed;
    /// nothing was revoked.
    #[error("the matching tokens have changed since they were reviewed; nothing was revoked")]
    ReviewOutdated(Review),
    /// Too many tokens match to revoke them without a review; this is their review, and nothing was
    /// revoked.
    #[error("revoking more than {MAX_UNREVIEWED} tokens requires a review; nothing was revoked")]
    ReviewRequired(Review),
    /// The report has more than [`MAX_REPORTED`](super::MAX_REPORTED) secrets.
    #[error("a report can contain at most {} tokens", super::MAX_REPORTED)]
    TooMany,
    /// The rate limit is reached.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// No id could be generated.
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
    /// Creates the use cases on these ports.
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

    /// Returns the numbers of users, tokens and invites.
    ///
    /// # Errors
    ///
    /// [`AdminTokenError::NotAuthorized`] unless `principal` is an administrator;
    /// [`AdminTokenError::Store`] when the store fails.
    pub async fn stats(&self, principal: &Principal) -> Result<Stats, AdminTokenError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        Ok(self.store.stats(self.clock.now()).await?)
    }
}
