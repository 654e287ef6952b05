//! Support for unit tests without IO: an in-memory store, a fixed clock, seeded entropy, mocks for
//! failures, and the contract suite that every store must pass.
//!
//! Everything here is for tests and **exempt from semantic versioning**: any release may change an
//! item, follow a changed port in a mock, or add a case to a suite.
//!
//! Use [`MemoryStore`] for behavior and the mocks for failures (a store that fails at step N).
//!
//! # Testing your own store
//!
//! Implement [`Harness`] for it, and generate one test per case with
//! [`token_store_contract!`](crate::token_store_contract):
//!
//! ```
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use openindex_domain::audit::AuditStore;
//! use openindex_domain::testing::{Harness, MemoryStore};
//! use openindex_domain::token::{Digest, Token, TokenStore};
//! use openindex_domain::user::User;
//!
//! struct MyHarness(Arc<MemoryStore>);
//!
//! #[async_trait]
//! impl Harness for MyHarness {
//!     fn tokens(&self) -> Arc<dyn TokenStore> { self.0.clone() }
//!     fn audit(&self) -> Arc<dyn AuditStore> { self.0.clone() }
//!     async fn put_user(&self, user: &User) { self.0.put_user(user.clone()) }
//!     async fn put_token(&self, token: &Token, digest: &Digest) {
//!         self.0.put_token(token.clone(), *digest)
//!     }
//! }
//!
//! openindex_domain::token_store_contract! {
//!     #[tokio::test]
//!     MyHarness(Arc::new(MemoryStore::default()))
//! }
//! # fn main() {}
//! ```

mod clock;
pub mod contract;
mod entropy;
pub mod fixtures;
mod hasher;
mod in_memory;
mod memory;
mod timing;

pub use clock::FixedClock;
pub use contract::{AccountHarness, AgentRunHarness, DamageHarness, Harness, WorkHarness};
pub use entropy::SeededEntropy;
pub use hasher::FakeHasher;
pub use in_memory::InMemory;
pub use memory::MemoryStore;
pub use timing::{RejectionTimes, rejection_times};

pub use crate::admin_tokens::MockAdminTokenStore;
pub use crate::agent_run::MockAgentRunStore;
pub use crate::audit::MockAuditStore;
pub use crate::clock::MockClock;
pub use crate::entropy::MockEntropy;
pub use crate::invite::MockInviteStore;
pub use crate::rate_limit::MockRateLimitStore;
pub use crate::session::MockSessionStore;
pub use crate::store::MockStoreHealth;
pub use crate::token::MockTokenStore;
pub use crate::user::{MockPasswordHasher, MockUserStore};
pub use crate::work_item::MockWorkItemStore;
