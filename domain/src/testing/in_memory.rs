use std::ops::Deref;
use std::sync::Arc;

use crate::use_cases::{Ports, Quotas, UseCases};
use crate::work_item::WorkItems;

use super::{FakeHasher, FixedClock, MemoryStore, SeededEntropy};

/// All use cases on one in-memory store, with a fixed clock and seeded entropy, as a starting point
/// for the unit tests of an embedding service.
pub struct InMemory {
    /// The store; insert users and tokens here.
    pub store: Arc<MemoryStore>,
    /// The clock; advance it here.
    pub clock: Arc<FixedClock>,
    /// The source of entropy.
    pub entropy: Arc<SeededEntropy>,
    /// The use cases of work items.
    pub work_items: WorkItems,
    /// All use cases, to which this dereferences.
    pub use_cases: UseCases,
}

impl Default for InMemory {
    fn default() -> Self {
        Self::with(|_| ())
    }
}

impl InMemory {
    /// Creates the use cases after `replace` has replaced ports, for example a store by one that
    /// fails.
    #[must_use]
    pub fn with(replace: impl FnOnce(&mut Ports)) -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FixedClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let hasher = Arc::new(FakeHasher);
        let ports = Ports::of(&store, hasher, clock.clone(), entropy.clone());
        let mut ports = ports.with_work_items(store.clone());
        replace(&mut ports);
        Self {
            work_items: WorkItems::new(store.clone(), clock.clone(), entropy.clone()),
            use_cases: UseCases::new(ports, Quotas::default()),
            store,
            clock,
            entropy,
        }
    }
}

impl Deref for InMemory {
    type Target = UseCases;

    fn deref(&self) -> &UseCases {
        &self.use_cases
    }
}
