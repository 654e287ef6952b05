//! All use cases, wired to their ports.

use std::sync::Arc;

use crate::admin_tokens::{AdminTokenStore, AdminTokens};
use crate::agent_run::{AgentRunStore, AgentRuns, DEFAULT_RUN_QUOTA};
use crate::audit::{Audit, AuditStore};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::invite::{InviteStore, Invites};
use crate::rate_limit::{RateLimitStore, RateLimits};
use crate::restore::{Restore, RestorePorts};
use crate::session::{SessionPorts, SessionStore, Sessions};
use crate::token::{CreationRate, DEFAULT_TOKEN_QUOTA, TokenStore, Tokens};
use crate::user::{PasswordHasher, UserStore, Users};
use crate::work_item::{WorkItemStore, WorkItems};

/// Everything that the use cases require.
#[derive(Clone)]
pub struct Ports {
    /// The store of tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// The store of agent runs.
    pub agent_runs: Arc<dyn AgentRunStore>,
    /// The store of work items; `None` if there are none.
    pub work_items: Option<Arc<dyn WorkItemStore>>,
    /// The store of users.
    pub users: Arc<dyn UserStore>,
    /// The store of browser sessions.
    pub sessions: Arc<dyn SessionStore>,
    /// The store of invites.
    pub invites: Arc<dyn InviteStore>,
    /// The store of every user's tokens.
    pub admin_tokens: Arc<dyn AdminTokenStore>,
    /// The store of counted attempts.
    pub rate_limits: Arc<dyn RateLimitStore>,
    /// The audit log.
    pub audit: Arc<dyn AuditStore>,
    /// Hashes and compares passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids and secrets.
    pub entropy: Arc<dyn Entropy>,
}

impl Ports {
    /// Uses one store for everything except work items.
    pub fn of<S>(
        store: &Arc<S>,
        hasher: Arc<dyn PasswordHasher>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self
    where
        S: TokenStore
            + AgentRunStore
            + UserStore
            + SessionStore
            + InviteStore
            + AdminTokenStore
            + RateLimitStore
            + AuditStore
            + 'static,
    {
        Self {
            tokens: store.clone(),
            agent_runs: store.clone(),
            work_items: None,
            users: store.clone(),
            sessions: store.clone(),
            invites: store.clone(),
            admin_tokens: store.clone(),
            rate_limits: store.clone(),
            audit: store.clone(),
            hasher,
            clock,
            entropy,
        }
    }

    /// Adds work items in `store`.
    #[must_use]
    pub fn with_work_items(mut self, store: Arc<dyn WorkItemStore>) -> Self {
        self.work_items = Some(store);
        self
    }
}

/// Limits per user.
#[derive(Debug, Clone, Copy)]
pub struct Quotas {
    /// The maximum number of live tokens.
    pub tokens: u32,
    /// The maximum number of tokens created within 24 hours, including rotations.
    pub token_rate: CreationRate,
    /// The maximum number of live agent runs.
    pub runs: u32,
    /// The maximum number of agent runs started within 24 hours.
    pub run_rate: CreationRate,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            tokens: DEFAULT_TOKEN_QUOTA,
            token_rate: CreationRate::DEFAULT_TOKENS,
            runs: DEFAULT_RUN_QUOTA,
            run_rate: CreationRate::DEFAULT_RUNS,
        }
    }
}

/// All use cases. Cheap to clone.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use std::sync::Arc;
/// use openindex_domain::testing::{FakeHasher, FixedClock, MemoryStore, SeededEntropy};
/// use openindex_domain::use_cases::{Ports, Quotas, UseCases};
///
/// // In production: a database, Argon2, the system's clock and its entropy.
/// let store = Arc::new(MemoryStore::default());
/// let (clock, entropy) = (FixedClock::default(), SeededEntropy::new(1));
/// let ports = Ports::of(&store, Arc::new(FakeHasher), Arc::new(clock), Arc::new(entropy));
/// let all = UseCases::new(ports.with_work_items(store), Quotas::default());
/// # let UseCases { tokens, users, .. } = all;
/// # }
/// ```
#[derive(Clone)]
pub struct UseCases {
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of agent runs.
    pub agent_runs: AgentRuns,
    /// The use cases of work items; `None` if there are none.
    pub work_items: Option<WorkItems>,
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
    /// The limits on attempts.
    pub rate_limits: RateLimits,
    /// What the operator does after a backup was restored.
    pub restore: Restore,
}

impl UseCases {
    /// Creates the use cases on these ports.
    #[must_use]
    pub fn new(ports: Ports, quotas: Quotas) -> Self {
        let (clock, entropy) = (ports.clock, ports.entropy);
        let rate_limits = RateLimits::new(ports.rate_limits);
        let restore = Restore::new(RestorePorts {
            admin_tokens: ports.admin_tokens.clone(),
            agent_runs: ports.agent_runs.clone(),
            users: ports.users.clone(),
            sessions: ports.sessions.clone(),
            invites: ports.invites.clone(),
            audit: ports.audit.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let sessions = Sessions::new(SessionPorts {
            store: ports.sessions,
            users: ports.users.clone(),
            audit: ports.audit.clone(),
            hasher: ports.hasher,
            rate_limits: rate_limits.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        Self {
            tokens: Tokens::new(ports.tokens, clock.clone(), entropy.clone())
                .with_quota(quotas.tokens)
                .with_rate(quotas.token_rate),
            agent_runs: AgentRuns::new(ports.agent_runs, clock.clone(), entropy.clone())
                .with_quota(quotas.runs)
                .with_rate(quotas.run_rate),
            work_items: ports
                .work_items
                .map(|store| WorkItems::new(store, clock.clone(), entropy.clone())),
            users: Users::new(ports.users, clock.clone(), entropy.clone()),
            invites: Invites::new(ports.invites, sessions.clone()),
            sessions,
            admin_tokens: AdminTokens::new(
                ports.admin_tokens,
                rate_limits.clone(),
                clock.clone(),
                entropy.clone(),
            ),
            audit: Audit::new(ports.audit, rate_limits.clone(), clock, entropy),
            rate_limits,
            restore,
        }
    }
}
