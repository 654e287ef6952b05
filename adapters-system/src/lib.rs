#![doc = include_str!("../README.md")]
//!
//! Only this crate reads the clock and the entropy; all others use the ports of `openindex-domain`.
//!
//! [`Maintenance`] (feature `maintenance`, on by default) does what a store requires regularly, on
//! tokio's timers. It is here because the domain has no runtime, and because both the server and
//! an embedding service run it.
// docs.rs labels what requires a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "maintenance"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is that of all features"
    )
)]

mod delivery;
#[cfg(feature = "maintenance")]
mod maintenance;

pub use delivery::{check_stdout, settle_stdout};
#[cfg(feature = "maintenance")]
pub use maintenance::{
    DEFAULT_FLUSH_INTERVAL, DEFAULT_PURGE_INTERVAL, FINAL_FLUSH_TIMEOUT, Maintenance,
};

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
