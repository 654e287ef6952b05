mod create;
mod get;
mod list;
mod owners;
mod revoke;
mod rotate;
mod verify;

use std::sync::Arc;

use crate::access::Principal;
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, EntropyError};
use crate::store::StoreError;
use crate::token::{CreationRate, LastUsed, SecretPrefixes, Token, TokenId, TokenStore};

pub use list::ListPage;
pub use owners::OwnerError;
pub use verify::VerifyError;

/// The default maximum number of live tokens per user.
pub const DEFAULT_TOKEN_QUOTA: u32 = 100;

/// The maximum number of tokens that are purged in one step.
pub const PURGE_BATCH: u32 = 500;

/// The use cases of tokens: [`create`](Self::create), [`verify`](Self::verify),
/// [`list`](Self::list), [`get`](Self::get), [`rotate`](Self::rotate) and [`revoke`](Self::revoke).
/// Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    store: Arc<dyn TokenStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    last_used: Arc<LastUsed>,
    prefixes: SecretPrefixes,
    quota: u32,
    rate: CreationRate,
}

impl Tokens {
    /// Creates the use cases on a store, a clock and a source of entropy, with
    /// [`DEFAULT_TOKEN_QUOTA`] and [`CreationRate::DEFAULT_TOKENS`].
    #[must_use]
    pub fn new(
        store: Arc<dyn TokenStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            store,
            clock,
            entropy,
            last_used: Arc::default(),
            prefixes: SecretPrefixes::DEFAULT,
            quota: DEFAULT_TOKEN_QUOTA,
            rate: CreationRate::DEFAULT_TOKENS,
        }
    }

    /// Sets the maximum number of live tokens per user.
    #[must_use]
    pub fn with_quota(mut self, quota: u32) -> Self {
        self.quota = quota;
        self
    }

    /// Sets the maximum number of tokens that can be created for a user within 24 hours, including
    /// rotations.
    #[must_use]
    pub fn with_rate(mut self, rate: CreationRate) -> Self {
        self.rate = rate;
        self
    }

    /// Sets the prefixes of the secrets that are created and verified. A secret with any others is
    /// rejected as malformed. Agent runs have a setting of their own.
    #[must_use]
    pub fn with_prefixes(mut self, prefixes: SecretPrefixes) -> Self {
        self.prefixes = prefixes;
        self
    }

    /// Returns the prefixes of the secrets that are created and verified.
    #[must_use]
    pub const fn prefixes(&self) -> SecretPrefixes {
        self.prefixes
    }

    /// Returns the current time of the clock behind every decision here. Use it to compute a
    /// token's status for display.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes the collected last-used times to the store and returns the number of tokens. Call it
    /// every few seconds and before the process exits, or run `Maintenance` of
    /// `openindex-adapters-system`, which also calls [`purge_ended`](Self::purge_ended).
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails; the times are retained for the next call.
    pub async fn flush_last_used(&self) -> Result<usize, StoreError> {
        self.last_used.flush(&*self.store).await
    }

    /// Returns when the oldest use was that is not written to the store yet, for metrics: it is
    /// only a few seconds ago while flushes succeed.
    #[must_use]
    pub fn oldest_unwritten_use(&self) -> Option<Timestamp> {
        self.last_used.oldest()
    }

    /// Purges tokens of every kind that were revoked or expired more than
    /// [`RETENTION_DAYS`](crate::token::RETENTION_DAYS) ago, at most [`PURGE_BATCH`] of them, so
    /// that other writes do not wait long. Returns how many; while that is [`PURGE_BATCH`], call it
    /// again after a pause.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails; a later call purges the same tokens.
    pub async fn purge_ended(&self) -> Result<u64, StoreError> {
        let horizon = Token::purge_horizon(self.clock.now());
        self.store.purge_ended_before(horizon, PURGE_BATCH).await
    }

    fn audit(
        &self,
        principal: &Principal,
        context: &RequestContext,
        now: Timestamp,
        action: AuditAction,
        token: TokenId,
    ) -> Result<AuditEvent, EntropyError> {
        AuditEvent::new(
            principal.audit_actor(),
            action,
            Subject::Token(token),
            context,
            now,
            &*self.entropy,
        )
    }
}
