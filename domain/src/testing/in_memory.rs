use std::sync::Arc;

use crate::admin_tokens::AdminTokens;
use crate::agent_run::AgentRuns;
use crate::audit::Audit;
use crate::invite::Invites;
use crate::rate_limit::RateLimits;
use crate::session::Sessions;
use crate::token::Tokens;
use crate::user::{UserStore, Users};
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
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of agent runs.
    pub agent_runs: AgentRuns,
    /// The use cases of work items.
    pub work_items: WorkItems,
    /// The use cases of users.
    pub users: Users,
    /// The use cases of browser sessions.
    pub sessions: Sessions,
    /// The use cases of invites.
    pub invites: Invites,
    /// The use cases on the tokens of all users.
    pub admin_tokens: AdminTokens,
    /// The use cases of the audit log.
    pub audit: Audit,
}

impl Default for InMemory {
    fn default() -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(FixedClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let hasher = Arc::new(FakeHasher);
        let rate_limits = RateLimits::new(store.clone());
        let sessions = sessions(&store, store.clone(), &clock, &entropy);
        Self {
            tokens: Tokens::new(store.clone(), clock.clone(), entropy.clone()),
            agent_runs: AgentRuns::new(store.clone(), clock.clone(), entropy.clone()),
            work_items: WorkItems::new(store.clone(), clock.clone(), entropy.clone()),
            users: Users::new(store.clone(), clock.clone(), entropy.clone()),
            invites: Invites::new(
                store.clone(),
                sessions.clone(),
                hasher,
                rate_limits.clone(),
                clock.clone(),
                entropy.clone(),
            ),
            sessions,
            admin_tokens: AdminTokens::new(
                store.clone(),
                rate_limits.clone(),
                clock.clone(),
                entropy.clone(),
            ),
            audit: Audit::new(store.clone(), rate_limits, clock.clone(), entropy.clone()),
            store,
            clock,
            entropy,
        }
    }
}

impl InMemory {
    /// Returns the use cases of browser sessions with another user store, such as a failing one.
    #[must_use]
    pub fn sessions_with_users(&self, users: Arc<dyn UserStore>) -> Sessions {
        sessions(&self.store, users, &self.clock, &self.entropy)
    }
}

fn sessions(
    store: &Arc<MemoryStore>,
    users: Arc<dyn UserStore>,
    clock: &Arc<FixedClock>,
    entropy: &Arc<SeededEntropy>,
) -> Sessions {
    Sessions::new(
        store.clone(),
        users,
        store.clone(),
        Arc::new(FakeHasher),
        RateLimits::new(store.clone()),
        clock.clone(),
        entropy.clone(),
    )
}
