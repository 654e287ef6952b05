//! A histogram of durations.

use std::time::Duration;

/// Buckets per power of two: a quantile is at most 1/64 too long.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Up to 2^40 ns, 18 minutes.
const GROUPS: usize = 35;

/// A histogram whose buckets grow with the duration, so that recording allocates nothing.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; GROUPS * usize::try_from(STEPS).unwrap_or(64)],
            total: 0,
        }
    }
}

impl Histogram {
    /// Records a duration.
    pub fn record(&mut self, time: Duration) {
        let bucket = bucket(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let last = self.counts.len() - 1;
        self.counts[bucket.min(last)] += 1;
        self.total += 1;
    }

    /// Returns the number of recorded durations.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns the duration that a share (0 to 1) of all do not exceed; 0 if there are none.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among fewer than 2^52"
    )]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in (0..).zip(&self.counts) {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(highest(bucket));
            }
        }
        Duration::ZERO
    }
}

/// Returns the bucket of a duration: one each below 64 ns, then 64 per power of two.
fn bucket(nanos: u64) -> usize {
    let group = (64 - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = nanos >> group;
    usize::try_from(u64::from(group) * STEPS + step).unwrap_or(usize::MAX)
}

/// Returns the longest duration of a bucket.
fn highest(bucket: u64) -> u64 {
    if bucket < 2 * STEPS {
        return bucket;
    }
    let group = bucket / STEPS - 1;
    let step = bucket - group * STEPS;
    ((step + 1) << group) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_at_most_a_64th_too_long() {
        let mut histogram = Histogram::default();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        assert_eq!(histogram.total(), 1000);
        for (share, micros) in [(0.5, 500), (0.99, 990), (1.0, 1000), (0.0, 1)] {
            let (found, exact) = (histogram.quantile(share), Duration::from_micros(micros));
            assert!(
                found >= exact && found <= exact + exact / 64,
                "{share}: {found:?}"
            );
        }
    }

    #[test]
    fn buckets_leave_no_gap() {
        for bar_number in 0..2000 {
            let number = usize::try_from(bar_number).unwrap();
            assert_eq!(bucket(highest(bar_number)), number);
            assert_eq!(bucket(highest(bar_number) + 1), number + 1);
        }
    }

    #[test]
    fn without_records_the_quantile_is_zero() {
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }
}
