//! Alternating rounds of variants, and their statistics.

use std::time::Duration;

use crate::load::Sample;

/// A median with minimum and maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The minimum.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The maximum.
    pub high: f64,
}

impl Spread {
    /// Returns the statistics of these values; zeros if there are none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().filter(|it| it.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let (Some(&low), Some(&high)) = (values.first(), values.last()) else {
            return Self {
                low: 0.0,
                median: 0.0,
                high: 0.0,
            };
        };
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Self { low, median, high }
    }

    /// Returns the statistics of the ratios `over` / `under`, computed per round.
    #[must_use]
    pub fn of_ratios(over: &[f64], under: &[f64]) -> Self {
        Self::of(over.iter().zip(under).map(|(over, under)| over / under))
    }
}

/// Returns the value that a share (0 to 1) of all do not exceed; 0 if there are none.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank among fewer than 2^52"
)]
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

/// One turn of a variant.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// What the load generator measured.
    pub sample: Sample,
    /// CPU time of the server's processes.
    pub server_cpu: Duration,
    /// CPU time of the database's processes; `None` for SQLite, which runs inside the server.
    pub database_cpu: Duration,
    /// Memory of the server's processes at the end, in bytes.
    pub memory: u64,
}

impl Turn {
    /// Returns the successful responses per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.sample.rate()
    }

    /// Returns the median latency in microseconds.
    #[must_use]
    pub fn p50(&self) -> f64 {
        self.sample.p50
    }

    /// Returns the 99th percentile of the latency in microseconds.
    #[must_use]
    pub fn p99(&self) -> f64 {
        self.sample.p99
    }

    /// Returns a time divided by the number of successful responses, in microseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub fn micros_each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.sample.good() as f64
    }

    /// Returns the share of one core that the load generator used.
    #[must_use]
    pub fn generator_share(&self) -> f64 {
        self.sample.generator_cpu.as_secs_f64() / self.sample.elapsed().as_secs_f64()
    }
}

/// Returns one figure per round.
#[must_use]
pub fn each(turns: &[Turn], figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
    turns.iter().map(figure).collect()
}

/// Runs rounds in which every variant has one turn, and returns the turns of each variant. Every
/// other round runs in reverse order, so that no variant always follows the same one.
///
/// # Errors
///
/// The error of a turn.
pub fn take_turns<V, T>(
    variants: &mut [V],
    rounds: usize,
    mut turn: impl FnMut(&mut V) -> anyhow::Result<T>,
) -> anyhow::Result<Vec<Vec<T>>> {
    let mut turns: Vec<Vec<T>> = variants.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..variants.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            turns[index].push(turn(&mut variants[index])?);
        }
    }
    Ok(turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_computed_within_a_round() {
        // A machine that is twice as slow in the second round changes no ratio.
        let spread = Spread::of_ratios(&[30.0, 15.0, 32.0], &[60.0, 30.0, 40.0]);
        assert_eq!((spread.low, spread.median, spread.high), (0.5, 0.5, 0.8));
        assert!((Spread::of([1.0, 2.0]).median - 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_is_the_smallest_value_that_the_share_does_not_exceed() {
        let values: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        for (share, value) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0), (0.0, 1.0)] {
            assert!((quantile(&values, share) - value).abs() < 1e-9, "{share}");
        }
        assert!(quantile(&[], 0.5).abs() < 1e-9);
    }

    #[test]
    fn every_other_round_runs_in_reverse() {
        let mut order = Vec::new();
        let turns = take_turns(&mut ["a", "b"], 2, |name| {
            order.push(*name);
            Ok(order.len())
        })
        .unwrap();
        assert_eq!(order, ["a", "b", "b", "a"]);
        assert_eq!(turns, [[1, 4], [2, 3]]);
    }
}
