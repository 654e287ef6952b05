//! Variants that take turns, and what came of it.

use std::time::Duration;

use crate::load::Sample;

/// A median with the least and the greatest of all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The least.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The greatest.
    pub high: f64,
}

impl Spread {
    /// Of these; zeros when there are none.
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

    /// Of what each round has of `over` relative to `under`.
    #[must_use]
    pub fn of_ratios(over: &[f64], under: &[f64]) -> Self {
        Self::of(over.iter().zip(under).map(|(over, under)| over / under))
    }
}

/// One turn of one variant.
#[derive(Debug, Clone, Default)]
pub struct Turn {
    /// What the generator saw.
    pub sample: Sample,
    /// Processor time of the server's processes.
    pub server_cpu: Duration,
    /// Processor time of the database's processes; none for SQLite, which is in the server.
    pub database_cpu: Duration,
    /// Memory of the server's processes at its end, in bytes.
    pub memory: u64,
}

impl Turn {
    /// Good answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.sample.rate()
    }

    /// The time that this share of requests did not exceed, in microseconds.
    #[must_use]
    pub fn micros(&self, share: f64) -> f64 {
        self.sample.times.quantile(share).as_secs_f64() * 1e6
    }

    /// Of this time, what falls to each good answer, in microseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    pub fn micros_each(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.sample.good as f64
    }

    /// The share of one core that the generator took.
    #[must_use]
    pub fn generator_share(&self) -> f64 {
        self.sample.generator_cpu.as_secs_f64() / self.sample.elapsed.as_secs_f64()
    }
}

/// One figure of each round.
#[must_use]
pub fn each(turns: &[Turn], figure: impl Fn(&Turn) -> f64) -> Vec<f64> {
    turns.iter().map(figure).collect()
}

/// Lets variants take turns: as many rounds as there are, in each of which every variant has one
/// turn. The order is turned around in every other round, so that none has always the same one
/// before it. Answers the turns of each variant.
///
/// # Errors
///
/// Whatever a turn ends with.
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
    fn ratios_are_formed_within_a_round() {
        // Twice as slow a machine in the second round changes no ratio.
        let spread = Spread::of_ratios(&[30.0, 15.0, 32.0], &[60.0, 30.0, 40.0]);
        assert_eq!((spread.low, spread.median, spread.high), (0.5, 0.5, 0.8));
        assert!((Spread::of([1.0, 2.0]).median - 1.5).abs() < 1e-9);
    }

    #[test]
    fn every_other_round_goes_backwards() {
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
