use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::{Clock, Timestamp};

/// A clock that only advances when it is told to.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.unix_millis()))
    }

    /// Advances the clock by `millis`, which may be negative.
    pub fn advance_millis(&self, millis: i64) {
        self.set(self.now().saturating_add_millis(millis));
    }

    /// Advances the clock by `seconds`, which may be negative.
    pub fn advance_seconds(&self, seconds: i64) {
        self.set(self.now().saturating_add_seconds(seconds));
    }

    /// Sets the clock to `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_millis(), Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// Creates a clock that shows [`fixtures::NOW`](super::fixtures::NOW).
    fn default() -> Self {
        Self::at(super::fixtures::NOW)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
    }
}
