//! Rate limits on password attempts and on other requests that must not be repeated at will. The
//! counts are stored, so each limit applies across all replicas.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::id::UserId;
use crate::store::StoreError;

/// The length of a window: 15 minutes.
const WINDOW_SECONDS: i64 = 15 * 60;
/// Attempts on one account's password per window, from any address (NIST SP 800-63B-4 §3.2.2
/// requires a limit on failures).
const PER_ACCOUNT: u32 = 10;
/// Password attempts from one address per window. Many users can share an address, and successful
/// attempts count too.
const PER_ADDRESS: u32 = 100;
/// Audit events per window that one network address or one user can cause without changing
/// anything. The audit log is append-only, so a program in a loop must not be able to fill it.
const MAX_RECORDED: u32 = 10;
/// Requests to an unauthenticated route from one address per window.
const PER_ADDRESS_OPEN: u32 = 60;

/// Port: the counts of attempts.
///
/// # Errors
///
/// Every method returns [`StoreError`] when the store fails; an attempt that cannot be counted must
/// not be made.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait RateLimitStore: Send + Sync {
    /// Counts one attempt against every limit, or against none when one of them is reached, in one
    /// atomic step: reads the windows under a lock and writes what [`RateLimit::decide`] returns.
    async fn count(
        &self,
        limits: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>, StoreError>;

    /// Resets the count of the limit with this key to zero.
    async fn reset(&self, key: &str) -> Result<(), StoreError>;

    /// Deletes windows that began before the given instant and returns how many.
    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64, StoreError>;
}

/// A limit on the attempts that are counted under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// The key under which attempts are counted.
    pub key: String,
    /// The maximum number of attempts per window.
    pub limit: u32,
}

/// The stored count of attempts in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateWindow {
    /// When the window began.
    pub begun_at: Timestamp,
    /// The number of attempts since then.
    pub count: u32,
}

/// The limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again after {until}")]
pub struct RateLimited {
    /// When the current window ends and the count starts again at zero.
    pub until: Timestamp,
    /// The number of seconds until then, at least 1.
    pub retry_after_seconds: u32,
}

impl RateLimit {
    /// Returns the window after one more attempt at `now`.
    ///
    /// # Errors
    ///
    /// [`RateLimited`] when the limit is reached.
    pub fn decide(
        &self,
        current: Option<RateWindow>,
        now: Timestamp,
    ) -> Result<RateWindow, RateLimited> {
        let fresh = RateWindow {
            begun_at: now,
            count: 0,
        };
        let window = current
            .filter(|window| now < window.ends_at())
            .unwrap_or(fresh);
        if window.count >= self.limit {
            let until = window.ends_at();
            let millis = until.unix_millis() - now.unix_millis();
            let seconds = u32::try_from(millis.unsigned_abs().div_ceil(1000)).unwrap_or(u32::MAX);
            return Err(RateLimited {
                until,
                retry_after_seconds: seconds.max(1),
            });
        }
        Ok(RateWindow {
            count: window.count + 1,
            ..window
        })
    }
}

impl RateWindow {
    fn ends_at(self) -> Timestamp {
        self.begun_at.saturating_add_seconds(WINDOW_SECONDS)
    }
}

/// Whether to record an audit event that can be caused without changing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordDecision {
    /// Record it.
    Yes,
    /// Record it as the last one of this window; that event says so.
    Last,
    /// Do not record it.
    No,
}

impl RecordDecision {
    /// Returns which of these actions to record, if any.
    pub(crate) fn action<A>(self, each: A, last: A) -> Option<A> {
        match self {
            Self::Yes => Some(each),
            Self::Last => Some(last),
            Self::No => None,
        }
    }
}

/// The use cases of rate limiting. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits {
    store: Arc<dyn RateLimitStore>,
}

impl RateLimits {
    /// Creates the use cases on a store.
    #[must_use]
    pub fn new(store: Arc<dyn RateLimitStore>) -> Self {
        Self { store }
    }

    #[cfg(feature = "text")]
    /// Counts a password attempt against the account (all spellings of its email address share one
    /// count) and, if known, against the client's address.
    pub(crate) async fn sign_in(
        &self,
        email: &crate::email::Email,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let mut limits = vec![RateLimit {
            key: account_key(email),
            limit: PER_ACCOUNT,
        }];
        limits.extend(address.map(sign_in_limit));
        self.count(&limits, now).await
    }

    /// Counts a signed-in user's attempt to enter their current password. It is counted separately
    /// from sign-ins, so that a stranger's failed sign-ins cannot stop the user from changing it.
    pub(crate) async fn own_password(
        &self,
        user: UserId,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let mut limits = vec![RateLimit {
            key: own_password_key(user),
            limit: PER_ACCOUNT,
        }];
        limits.extend(address.map(sign_in_limit));
        self.count(&limits, now).await
    }

    /// Resets the count of a user's attempts at their current password, after a correct one.
    pub(crate) async fn reset_own_password(&self, user: UserId) -> Result<(), StoreError> {
        self.store.reset(&own_password_key(user)).await
    }

    /// Counts a failed sign-in from a network address, for any account: known and unknown accounts
    /// cost the same work. Unknown addresses share one count.
    pub(crate) async fn failed_sign_in(
        &self,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<RecordDecision, StoreError> {
        let address = address.map_or_else(|| "unknown".to_owned(), network);
        self.recorded(format!("failed sign-in {address}"), now)
            .await
    }

    /// Counts a denied administrative request of a user, across all of their credentials.
    pub(crate) async fn denied_admin(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<RecordDecision, StoreError> {
        self.recorded(format!("denied admin {user}"), now).await
    }

    async fn recorded(&self, key: String, now: Timestamp) -> Result<RecordDecision, StoreError> {
        let mut limit = RateLimit {
            key,
            limit: MAX_RECORDED - 1,
        };
        if self.store.count(&[limit.clone()], now).await?.is_ok() {
            return Ok(RecordDecision::Yes);
        }
        limit.limit = MAX_RECORDED;
        let is_last = self.store.count(&[limit], now).await?.is_ok();
        Ok(if is_last {
            RecordDecision::Last
        } else {
            RecordDecision::No
        })
    }

    /// Counts a request to an unauthenticated route. Unknown addresses share one count.
    pub(crate) async fn unauthenticated_route(
        &self,
        route: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let address = address.map_or_else(|| "unknown".to_owned(), network);
        let limit = RateLimit {
            key: format!("{route} {address}"),
            limit: PER_ADDRESS_OPEN,
        };
        self.count(&[limit], now).await
    }

    #[cfg(feature = "text")]
    /// Resets the count of attempts on an account's password, after a correct one.
    pub(crate) async fn reset_account(
        &self,
        email: &crate::email::Email,
    ) -> Result<(), StoreError> {
        self.store.reset(&account_key(email)).await
    }

    /// Deletes windows that have ended and returns how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store fails; a later call deletes the same windows.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let begun_before = now.saturating_add_seconds(-WINDOW_SECONDS);
        self.store.purge_rate_limits(begun_before).await
    }

    async fn count(&self, limits: &[RateLimit], now: Timestamp) -> Result<(), AttemptError> {
        Ok(self.store.count(limits, now).await??)
    }
}

/// The attempt was not counted, so it must not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Implements `From<AttemptError>` for a use case's error that has both variants.
macro_rules! from_attempt_error {
    ($error:ident) => {
        impl From<$crate::rate_limit::AttemptError> for $error {
            fn from(error: $crate::rate_limit::AttemptError) -> Self {
                match error {
                    $crate::rate_limit::AttemptError::RateLimited(throttled) => throttled.into(),
                    $crate::rate_limit::AttemptError::Store(error) => error.into(),
                }
            }
        }
    };
}
pub(crate) use from_attempt_error;

fn sign_in_limit(address: IpAddr) -> RateLimit {
    RateLimit {
        key: format!("sign-in {}", network(address)),
        limit: PER_ADDRESS,
    }
}

fn own_password_key(user: UserId) -> String {
    format!("password {user}")
}

#[cfg(feature = "text")]
fn account_key(email: &crate::email::Email) -> String {
    format!("account {}", email.key())
}

/// Returns the network that an address counts as. An IPv6 subscriber usually has a whole /64, so
/// that is one network.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixtures::NOW;

    #[test]
    fn a_limit_is_reached_and_resets_with_its_window() {
        let limit = RateLimit {
            key: "x".to_owned(),
            limit: 2,
        };
        let first = limit.decide(None, NOW).unwrap();
        let second = limit
            .decide(Some(first), NOW.saturating_add_seconds(10))
            .unwrap();
        assert_eq!((second.begun_at, second.count), (NOW, 2));
        let end = NOW.saturating_add_seconds(WINDOW_SECONDS);
        let rejected = limit.decide(Some(second), end.saturating_add_millis(-1));
        assert_eq!(
            rejected,
            Err(RateLimited {
                until: end,
                retry_after_seconds: 1
            })
        );
        let next = limit.decide(Some(second), end).unwrap();
        assert_eq!((next.begun_at, next.count), (end, 1));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        for (address, key) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(network(address.parse().unwrap()), key);
        }
    }
}
