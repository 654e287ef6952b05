//! The operating system's clock and entropy. Only this crate reads them; all others use the ports
//! of `openindex-domain`.

mod delivery;

pub use delivery::{check_stdout, settle_stdout};

use openindex_domain::clock::{Clock, Timestamp};
use openindex_domain::entropy::{Entropy, EntropyError};

/// The wall clock of this machine. Expiry depends on it, so keep it synchronized (NTP).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// Returns the current time, or [`Timestamp::MAX`] if the clock is before 1970 or after 9999:
    /// every token that can expire is expired then.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that owns the clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::from_datetime(time::OffsetDateTime::now_utc()).unwrap_or(Timestamp::MAX)
    }
}

/// The operating system's cryptographically secure random number generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter that owns entropy"
    )]
    fn fill(&self, destination: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(destination).map_err(|_| EntropyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_runs_forward_from_a_plausible_time() {
        let written = Timestamp::parse_rfc3339("2026-11-24T00:00:00Z").expect("a time");
        let first = SystemClock.now();
        assert!(written < first && first <= SystemClock.now());
    }

    #[test]
    fn entropy_does_not_repeat_itself() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut one).expect("entropy");
        SystemEntropy.fill(&mut two).expect("entropy");
        assert_ne!(one, two);
    }
}
