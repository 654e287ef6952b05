use std::sync::Arc;

use crate::access::{Denied, Principal, Refusal, Requirement};
use crate::attempt::{Attempts, Throttled};
use crate::clock::Clock;
use crate::entropy::{Entropy, EntropyError};
use crate::store::StoreError;

use super::{InventoryStore, MAX_UNREVIEWED, Review, Stats};

/// The use cases on all tokens of the instance: [`list`](Self::list),
/// [`revoke`](Self::revoke), [`review`](Self::review),
/// [`revoke_matching`](Self::revoke_matching), [`report`](Self::report) and [`stats`](Self::stats). Cheap to clone.
#[derive(Clone)]
pub struct Inventory {
    pub(super) store: Arc<dyn InventoryStore>,
    pub(super) attempts: Attempts,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

/// Why a use case on the inventory did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The acting credential is not good (any more), or may not do this.
    #[error(transparent)]
    Refused(#[from] Refusal),
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
    #[error("a report has at most {} tokens", super::MAX_REPORT)]
    TooMany,
    /// Too many calls.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

crate::attempt::from_attempt_error!(InventoryError);

impl From<Denied> for InventoryError {
    fn from(denied: Denied) -> Self {
        Self::Refused(denied.into())
    }
}

impl Inventory {
    /// The use cases on these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn InventoryStore>,
        attempts: Attempts,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            attempts,
            clock,
            entropy,
        }
    }

    /// How much of everything there is.
    ///
    /// # Errors
    ///
    /// [`InventoryError::Refused`] unless an administrator asks; [`InventoryError::Store`].
    pub async fn stats(&self, principal: &Principal) -> Result<Stats, InventoryError> {
        principal.authorize(Requirement::HUMAN_ADMIN)?;
        Ok(self.store.stats(self.clock.now()).await?)
    }
}
