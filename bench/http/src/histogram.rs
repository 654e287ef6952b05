//! Times, counted by how long they are.

use std::time::Duration;

/// Steps in each doubling: an answer is at most 1/64 off.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Up to 2^40 ns, 18 minutes.
const GROUPS: usize = 35;

/// A histogram whose bars get wider as times get longer, so that it takes no memory to record.
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
    /// Counts one time.
    pub fn record(&mut self, time: Duration) {
        let bar = bar(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let last = self.counts.len() - 1;
        self.counts[bar.min(last)] += 1;
        self.total += 1;
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The time that `share` (0 to 1) of all do not exceed; 0 when there are none.
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
        for (bar, count) in (0..).zip(&self.counts) {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(highest(bar));
            }
        }
        Duration::ZERO
    }
}

/// Which bar a time belongs to: below 64 its own, from then on 64 for each doubling.
fn bar(nanos: u64) -> usize {
    let group = (64 - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let step = nanos >> group;
    usize::try_from(u64::from(group) * STEPS + step).unwrap_or(usize::MAX)
}

/// The longest time that belongs to a bar.
fn highest(bar: u64) -> u64 {
    if bar < 2 * STEPS {
        return bar;
    }
    let group = bar / STEPS - 1;
    let step = bar - group * STEPS;
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
    fn bars_leave_no_gap() {
        for bar_number in 0..2000 {
            let number = usize::try_from(bar_number).unwrap();
            assert_eq!(bar(highest(bar_number)), number);
            assert_eq!(bar(highest(bar_number) + 1), number + 1);
        }
    }

    #[test]
    fn nothing_recorded_is_no_time() {
        assert_eq!(Histogram::default().quantile(0.5), Duration::ZERO);
    }
}
