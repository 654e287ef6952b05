use std::sync::Arc;

use crate::clock::Clock;
use crate::entropy::Entropy;

use super::UserStore;

/// The use cases of users: [`bootstrap`](Self::bootstrap), [`list`](Self::list),
/// [`change`](Self::change), [`rename_self`](Self::rename_self), [`delete`](Self::delete) and
/// [`notices`](Self::notices). Cheap to clone.
#[derive(Clone)]
pub struct Users {
    pub(super) store: Arc<dyn UserStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Users {
    /// Creates the use cases on a store, a clock and a source of entropy.
    #[must_use]
    pub fn new(
        store: Arc<dyn UserStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
        }
    }
}
