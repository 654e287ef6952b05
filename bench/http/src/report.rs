//! Formatting of results.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::rounds::{Spread, Turn, each};

/// The results of a part: Markdown, and the figures that have targets.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// Markdown without the heading.
    pub text: String,
    /// Figures by name.
    pub figures: BTreeMap<String, f64>,
}

impl Report {
    /// Adds a paragraph or table.
    pub fn add(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push_str("\n\n");
    }

    /// Records a figure.
    pub fn record(&mut self, name: &str, figure: f64) {
        self.figures.insert(name.to_owned(), figure);
    }
}

/// Returns a Markdown table: the first column is left-aligned, the others right-aligned.
#[must_use]
pub fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|", columns.join(" | "));
    text.push_str(&"--:|".repeat(columns.len().saturating_sub(1)));
    text.push('\n');
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Formats a number with three significant digits and separated thousands.
#[must_use]
pub fn number(value: f64) -> String {
    if value >= 100.0 {
        let digits = format!("{value:.0}");
        let mut text = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(' ');
            }
            text.push(digit);
        }
        text
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Formats a median and the range of the rounds.
#[must_use]
pub fn spread(spread: Spread) -> String {
    let Spread { low, median, high } = spread;
    if number(low) == number(high) {
        return number(median);
    }
    format!("{} ({}–{})", number(median), number(low), number(high))
}

/// Formats a duration in a suitable unit.
#[must_use]
pub fn time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 1e3 {
        format!("{} µs", number(micros))
    } else if micros < 1e6 {
        format!("{} ms", number(micros / 1e3))
    } else {
        format!("{} s", number(micros / 1e6))
    }
}

/// Formats bytes as mebibytes.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", number(bytes as f64 / f64::from(1 << 20)))
}

/// Returns a table of variants under the same load, each with its ratios to the variants at
/// `bases`.
#[must_use]
pub fn load_table(names: &[&str], turns: &[Vec<Turn>], bases: &[usize]) -> String {
    let ratios: Vec<_> = bases
        .iter()
        .map(|base| format!("÷ {}", names[*base]))
        .collect();
    let mut columns = vec!["", "requests/s"];
    columns.extend(ratios.iter().map(String::as_str));
    columns.extend([
        "p50, µs",
        "p99, µs",
        "CPU of server, µs each",
        "CPU of database, µs each",
        "memory",
        "generator, share of a core",
        "failed",
    ]);
    let bases: Vec<_> = bases
        .iter()
        .map(|base| each(&turns[*base], Turn::rate))
        .collect();
    let rows: Vec<_> = names
        .iter()
        .zip(turns)
        .map(|(name, turns)| {
            let median = |figure: &dyn Fn(&Turn) -> f64| Spread::of(each(turns, figure)).median;
            let rates = each(turns, Turn::rate);
            let bad: u64 = turns
                .iter()
                .map(|it| it.sample.bad + it.sample.failed)
                .sum();
            let memory = turns.iter().map(|it| it.memory).max().unwrap_or(0);
            let mut row = vec![
                (*name).to_owned(),
                spread(Spread::of(rates.iter().copied())),
            ];
            row.extend(
                bases
                    .iter()
                    .map(|base| spread(Spread::of_ratios(&rates, base))),
            );
            row.extend([
                spread(Spread::of(each(turns, Turn::p50))),
                spread(Spread::of(each(turns, Turn::p99))),
                number(median(&|it| it.micros_each(it.server_cpu))),
                number(median(&|it| it.micros_each(it.database_cpu))),
                mebibytes(memory),
                number(median(&Turn::generator_share)),
                bad.to_string(),
            ]);
            row
        })
        .collect();
    table(&columns, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_significant_digits() {
        for (value, text) in [
            (0.123, "0.12"),
            (12.34, "12.3"),
            (123.4, "123"),
            (12_345.6, "12 346"),
            (1_234_567.0, "1 234 567"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn equal_rounds_are_one_number() {
        let apart = Spread {
            low: 1.0,
            median: 2.0,
            high: 3.0,
        };
        assert_eq!(spread(apart), "2.00 (1.00–3.00)");
        assert_eq!(spread(Spread::of([2.0, 2.0])), "2.00");
    }
}
