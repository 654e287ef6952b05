use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock as _;
use crate::token::{Token, TokenId, TokenKind, TokenWithSecret};
use crate::use_cases::{Ports, Quotas, UseCases};
use crate::user::{Owner, Role, UserId};
use crate::work_item::WorkItems;

use super::{FakeHasher, FixedClock, MemoryStore, SeededEntropy, fixtures};

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

impl InMemory {
    /// Returns a live token of an active owner with this id and role, and its secret. The token
    /// does not expire and has the highest scope of the role. Replaces an owner with the same id,
    /// but no account.
    ///
    /// ```
    /// use openindex_domain::testing::{InMemory, fixtures};
    /// use openindex_domain::user::Role;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let memory = InMemory::default();
    /// let ada = fixtures::user(1).id;
    /// let token = memory.live_token(ada, Role::Member);
    /// let principal = memory.tokens.verify(token.secret.expose()).await.expect("it is live");
    /// assert_eq!(principal.user_id(), ada);
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// Never: entropy is available.
    #[must_use]
    pub fn live_token(&self, owner: UserId, role: Role) -> TokenWithSecret {
        self.store.insert_owner(Owner::new(owner, role));
        let (kind, now) = (TokenKind::Personal, self.clock.now());
        self.live(Token {
            id: TokenId::generate(kind, now, &*self.entropy).expect("entropy"),
            owner,
            scope: role.highest_scope(),
            ..fixtures::token(0, now)
        })
    }

    /// Returns the live token of an agent run of an hour that `issuer` started, and its secret.
    ///
    /// # Panics
    ///
    /// Never: entropy is available.
    #[must_use]
    pub fn live_run(&self, issuer: &Token) -> TokenWithSecret {
        let (kind, now) = (TokenKind::AgentRun, self.clock.now());
        self.live(Token {
            id: TokenId::generate(kind, now, &*self.entropy).expect("entropy"),
            owner: issuer.owner,
            created_at: now,
            expires_at: Some(now.saturating_add_seconds(60 * 60)),
            ..fixtures::run(0, issuer.id)
        })
    }

    fn live(&self, token: Token) -> TokenWithSecret {
        let secret = self
            .tokens
            .prefixes()
            .generate(token.kind(), &*self.entropy);
        let secret = secret.expect("entropy");
        self.store.put_token(token.clone(), secret.digest());
        TokenWithSecret { token, secret }
    }
}

impl Deref for InMemory {
    type Target = UseCases;

    fn deref(&self) -> &UseCases {
        &self.use_cases
    }
}
