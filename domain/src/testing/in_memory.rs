use std::sync::Arc;

use crate::token::Tokens;
use crate::user::Users;

use super::{FixedClock, MemoryStore, SeededEntropy};

/// All use cases on one in-memory store, a clock that stands still and seeded entropy: what the
/// unit test of an embedding service begins with.
pub struct InMemory {
    /// The store, to put users and tokens into.
    pub store: Arc<MemoryStore>,
    /// The clock, to move.
    pub clock: Arc<FixedClock>,
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of users.
    pub users: Users,
}

impl Default for InMemory {
    fn default() -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FixedClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        Self {
            tokens: Tokens::new(store.clone(), clock.clone(), entropy.clone()),
            users: Users::new(store.clone(), clock.clone(), entropy),
            store,
            clock,
        }
    }
}
