//! Logs store outages: when they start, their causes, and when they end.
//!
//! The state is global, like the log.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openindex_domain::{StoreError, StoreHealth};

/// How long the same cause is not logged again.
const QUIET: Duration = Duration::from_mins(1);
/// Maximum number of distinct causes per outage, so that messages that never repeat cannot flood
/// the log.
const MAX_CAUSES: usize = 16;

/// What requests depend on, unless a verifier names something else.
pub(super) const DATABASE: &str = "database";

static OUTAGE: Mutex<Outage> = Mutex::new(Outage::NONE);

/// The failures since the store last worked.
struct Outage {
    since: Option<Instant>,
    failures: u64,
    causes: Vec<Cause>,
}

struct Cause {
    text: String,
    logged_at: Instant,
    repeated: u64,
}

impl Outage {
    const NONE: Self = Self {
        since: None,
        failures: 0,
        causes: Vec::new(),
    };

    /// Counts a failure. Returns `None` if it should not be logged, otherwise how many failures of
    /// the same cause were not logged before it.
    fn count(&mut self, text: &str, now: Instant) -> Option<u64> {
        self.since.get_or_insert(now);
        self.failures += 1;
        if let Some(cause) = self.causes.iter_mut().find(|cause| cause.text == text) {
            if now.duration_since(cause.logged_at) < QUIET {
                cause.repeated += 1;
                return None;
            }
            cause.logged_at = now;
            return Some(std::mem::take(&mut cause.repeated));
        }
        (self.causes.len() < MAX_CAUSES).then(|| {
            self.causes.push(Cause {
                text: text.to_owned(),
                logged_at: now,
                repeated: 0,
            });
            0
        })
    }
}

/// Logs why the store failed during `operation`: a new cause immediately, the same one at most once
/// a minute. Corrupt rows are logged every time, because operators search for them by request id.
pub fn report(error: &StoreError, operation: &'static str) {
    report_failed(DATABASE, error, operation);
}

/// The same of what is named in the message.
pub(super) fn report_failed(what: &str, error: &StoreError, operation: &'static str) {
    let cause = error.causes();
    let repeated = match error {
        StoreError::Unavailable(_) => match outage().count(&cause, Instant::now()) {
            Some(repeated) => repeated,
            None => return,
        },
        StoreError::Corrupt(_) => 0,
    };
    tracing::error!(%error, cause, operation, repeated, "{what} failed");
}

/// Returns whether requests can be served. After a failure, a small write must also succeed,
/// because a full disk can still be read.
///
/// # Errors
///
/// [`StoreError`] when a request would fail now.
pub async fn check(health: &dyn StoreHealth) -> Result<(), StoreError> {
    let failures = outage().failures;
    health.ready().await?;
    if failures > 0 {
        health.write().await?;
        end(failures);
    }
    Ok(())
}

/// Logs the end of an outage, if one has ended.
pub async fn watch(health: &dyn StoreHealth) {
    if outage().failures == 0 {
        return;
    }
    if let Err(error) = check(health).await {
        report(&error, "recovery");
    }
}

/// Ends the outage, unless more failures were counted meanwhile.
fn end(failures: u64) {
    let mut outage = outage();
    if outage.failures != failures {
        return;
    }
    let seconds = outage.since.map(|since| since.elapsed().as_secs());
    *outage = Outage::NONE;
    drop(outage);
    tracing::info!(failures, seconds, "database recovered");
}

fn outage() -> MutexGuard<'static, Outage> {
    // The lock holder cannot panic between two updates.
    OUTAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_logged_at_once_and_then_once_a_minute_with_how_often_it_came() {
        let mut outage = Outage::NONE;
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(outage.count("disk full", begun), Some(0));
        for second in 1..60 {
            assert_eq!(outage.count("disk full", after(second)), None);
        }
        assert_eq!(outage.count("read-only", after(2)), Some(0), "another one");
        assert_eq!(outage.count("disk full", after(60)), Some(59));
        assert_eq!(outage.count("disk full", after(61)), None);
        assert_eq!(outage.failures, 63);
    }

    #[test]
    fn causes_that_never_repeat_do_not_fill_the_log() {
        let mut outage = Outage::NONE;
        let now = Instant::now();
        let logged = (0..1000).filter(|n| outage.count(&n.to_string(), now).is_some());
        assert_eq!(logged.count(), MAX_CAUSES);
    }
}
