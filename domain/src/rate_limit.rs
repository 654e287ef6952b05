//! Failures that are counted, so that guessing does not pay: over all replicas, since the counts
//! are kept in the store.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use crate::audit::AuditAction;
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::user::{Email, UserId};

/// How long attempts are remembered: 15 minutes.
const WINDOW_SECONDS: i64 = 15 * 60;
/// RateLimits at one account's password in a window, from wherever they come (NIST SP 800-63B-4
/// §3.2.2 asks for a limit on failures).
const PER_ACCOUNT: u32 = 10;
/// RateLimits at passwords from one address in a window; many people can share an address, and right
/// passwords count as well.
const PER_ADDRESS: u32 = 100;
/// Audit events in a window that one network address, or one user, can cause without a change: the
/// trail can only grow, and must not be filled by a program in a loop.
const RECORDED: u32 = 10;
/// Calls of a route that is open to everybody, from one address in a window.
const PER_ADDRESS_OPEN: u32 = 60;

/// Port: counts of attempts.
///
/// # Errors
///
/// [`StoreError`] as for every store; an attempt that cannot be counted is not made.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait RateLimitStore: Send + Sync {
    /// Counts one attempt in every bucket, or in none when one of them is full, in one atomic
    /// step: reads what [`RateLimit::decide`] asks for under a lock and writes what it answers.
    async fn count(
        &self,
        buckets: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>, StoreError>;

    /// Empties a bucket.
    async fn reset(&self, key: &str) -> Result<(), StoreError>;

    /// Forgets tallies of windows that began before the given instant and answers how many.
    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64, StoreError>;
}

/// Where attempts are counted together, and how many there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// Names it.
    pub key: String,
    /// The most attempts in a window.
    pub limit: u32,
}

/// What a bucket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateWindow {
    /// When its window began.
    pub begun_at: Timestamp,
    /// How many attempts there were since.
    pub count: u32,
}

/// Too many attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts; try again after {until}")]
pub struct RateLimited {
    /// When the next one is counted from zero.
    pub until: Timestamp,
    /// How many seconds that is from now, at least 1.
    pub retry_after_seconds: u32,
}

impl RateLimit {
    /// The tally after one more attempt.
    ///
    /// # Errors
    ///
    /// [`RateLimited`] when the bucket is full.
    pub fn decide(
        &self,
        current: Option<RateWindow>,
        now: Timestamp,
    ) -> Result<RateWindow, RateLimited> {
        let fresh = RateWindow {
            begun_at: now,
            count: 0,
        };
        let tally = current
            .filter(|tally| now < tally.ends_at())
            .unwrap_or(fresh);
        if tally.count >= self.limit {
            let until = tally.ends_at();
            let millis = until.unix_millis() - now.unix_millis();
            let seconds = u32::try_from(millis.unsigned_abs().div_ceil(1000)).unwrap_or(u32::MAX);
            return Err(RateLimited {
                until,
                retry_after_seconds: seconds.max(1),
            });
        }
        Ok(RateWindow {
            count: tally.count + 1,
            ..tally
        })
    }
}

impl RateWindow {
    fn ends_at(self) -> Timestamp {
        self.begun_at.saturating_add_seconds(WINDOW_SECONDS)
    }
}

/// Whether an event is recorded that can be caused without a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// It is.
    Yes,
    /// As the last one of this window, which says so.
    Last,
    /// It is not.
    No,
}

impl Recorded {
    /// The action to record, if any.
    pub(crate) fn action(self, each: AuditAction, last: AuditAction) -> Option<AuditAction> {
        match self {
            Self::Yes => Some(each),
            Self::Last => Some(last),
            Self::No => None,
        }
    }
}

/// The use cases of counting. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits {
    store: Arc<dyn RateLimitStore>,
}

impl RateLimits {
    /// The use cases on a store.
    #[must_use]
    pub fn new(store: Arc<dyn RateLimitStore>) -> Self {
        Self { store }
    }

    /// Counts an attempt at a password: for the account, all spellings of its address together,
    /// and for the client's address where it is known.
    pub(crate) async fn sign_in(
        &self,
        email: &Email,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let mut buckets = vec![RateLimit {
            key: account_key(email),
            limit: PER_ACCOUNT,
        }];
        buckets.extend(address.map(sign_in_bucket));
        self.count(&buckets, now).await
    }

    /// Counts an attempt of somebody signed in at their own password. Apart from sign-ins, or a
    /// stranger who fails at those could keep them from changing it.
    pub(crate) async fn own_password(
        &self,
        user: UserId,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let mut buckets = vec![RateLimit {
            key: own_password_key(user),
            limit: PER_ACCOUNT,
        }];
        buckets.extend(address.map(sign_in_bucket));
        self.count(&buckets, now).await
    }

    /// Forgets the attempts at somebody's own password, after the right one.
    pub(crate) async fn forgive_own_password(&self, user: UserId) -> Result<(), StoreError> {
        self.store.reset(&own_password_key(user)).await
    }

    /// Counts a failed sign-in from a network address, of whatever account: known and unknown accounts
    /// take the same work. Unknown addresses share one bucket.
    pub(crate) async fn failed_sign_in(
        &self,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let address = address.map_or_else(|| "unknown".to_owned(), network);
        self.recorded(format!("failed sign-in {address}"), now)
            .await
    }

    /// Counts a request for the administration that was denied to a user, whichever of their
    /// credentials they used.
    pub(crate) async fn denied_admin(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        self.recorded(format!("denied admin {user}"), now).await
    }

    async fn recorded(&self, key: String, now: Timestamp) -> Result<Recorded, StoreError> {
        let mut bucket = RateLimit {
            key,
            limit: RECORDED - 1,
        };
        if self.store.count(&[bucket.clone()], now).await?.is_ok() {
            return Ok(Recorded::Yes);
        }
        bucket.limit = RECORDED;
        let is_last = self.store.count(&[bucket], now).await?.is_ok();
        Ok(if is_last {
            Recorded::Last
        } else {
            Recorded::No
        })
    }

    /// Counts a call of an open route from an address. An unknown address shares one bucket with
    /// all others that are unknown.
    pub(crate) async fn open_route(
        &self,
        route: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), AttemptError> {
        let address = address.map_or_else(|| "unknown".to_owned(), network);
        let bucket = RateLimit {
            key: format!("{route} {address}"),
            limit: PER_ADDRESS_OPEN,
        };
        self.count(&[bucket], now).await
    }

    /// Forgets the attempts at an account's password, after the right one.
    pub(crate) async fn forgive_account(&self, email: &Email) -> Result<(), StoreError> {
        self.store.reset(&account_key(email)).await
    }

    /// Forgets windows that are over and answers how many.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; call it again later.
    pub async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        let begun_before = now.saturating_add_seconds(-WINDOW_SECONDS);
        self.store.purge_rate_limits(begun_before).await
    }

    async fn count(&self, buckets: &[RateLimit], now: Timestamp) -> Result<(), AttemptError> {
        Ok(self.store.count(buckets, now).await??)
    }
}

/// An attempt was not counted, and so must not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lets a use case's error be made from an [`AttemptError`] whose two cases it has.
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

fn sign_in_bucket(address: IpAddr) -> RateLimit {
    RateLimit {
        key: format!("sign-in {}", network(address)),
        limit: PER_ADDRESS,
    }
}

fn own_password_key(user: UserId) -> String {
    format!("password {user}")
}

fn account_key(email: &Email) -> String {
    format!("account {}", email.key())
}

/// An IPv6 subscriber has a whole /64 to send from, so it counts as one address.
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
    fn a_bucket_fills_and_empties_with_its_window() {
        let bucket = RateLimit {
            key: "x".to_owned(),
            limit: 2,
        };
        let first = bucket.decide(None, NOW).unwrap();
        let second = bucket
            .decide(Some(first), NOW.saturating_add_seconds(10))
            .unwrap();
        assert_eq!((second.begun_at, second.count), (NOW, 2));
        let end = NOW.saturating_add_seconds(WINDOW_SECONDS);
        let refused = bucket.decide(Some(second), end.saturating_add_millis(-1));
        assert_eq!(
            refused,
            Err(RateLimited {
                until: end,
                retry_after_seconds: 1
            })
        );
        let next = bucket.decide(Some(second), end).unwrap();
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
