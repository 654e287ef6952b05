use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{Clock, Timestamp};

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.unix_millis()))
    }

    /// Moves it by `millis`, which may be negative.
    pub fn advance_millis(&self, millis: i64) {
        self.set(self.now().saturating_add_millis(millis));
    }

    /// Moves it by `seconds`, which may be negative.
    pub fn advance_seconds(&self, seconds: i64) {
        self.set(self.now().saturating_add_seconds(seconds));
    }

    /// Makes it show `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_millis(), Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// A clock that shows [`fixtures::NOW`](super::fixtures::NOW).
    fn default() -> Self {
        Self::at(super::fixtures::NOW)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
    }
}
