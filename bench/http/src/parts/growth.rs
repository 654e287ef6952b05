//! The cost of a lookup as the table grows.

use std::time::Instant;

use crate::bench::Bench;
use crate::load::Target;
use crate::report::{Report, number, spread, table, time};
use crate::rounds::{Spread, Turn, each, take_turns};
use crate::seed::{Database, Range, secrets};

const FIRST: u64 = 1000;
/// Maximum number of distinct tokens that are verified, from all over the table.
const PRESENTED: u64 = 20_000;
const PER_USER: u64 = 100;

/// Measures lookups in tables of 1 000 tokens, 10 000 and so on, up to the largest.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    report.add(&format!(
        "One connection, {PER_USER} tokens a user, up to {} different tokens from all over the \
         table presented in turn. Each size takes turns with 1 000 tokens in a database of their \
         own.",
        number(f64::from(u32::try_from(PRESENTED)?))
    ));
    for (name, key) in [("PostgreSQL", "postgres"), ("SQLite", "sqlite")] {
        let database = || {
            if key == "postgres" {
                bench.postgres()
            } else {
                bench.sqlite()
            }
        };
        let growing = database()?;
        let rows = grow(bench, name, &database()?, &growing, |ratio| {
            report.record(&format!("growth, {key}"), ratio);
        })?;
        bench.delete(&growing)?;
        report.add(&format!("### {name}"));
        report.add(&table(
            &[
                "tokens",
                "p50, µs",
                "÷ 1 000 tokens",
                "p99, µs",
                "p99 ÷ 1 000 tokens",
                "filled in",
            ],
            &rows,
        ));
    }
    Ok(report)
}

fn grow(
    bench: &Bench,
    name: &str,
    small: &Database,
    growing: &Database,
    mut note: impl FnMut(f64),
) -> anyhow::Result<Vec<Vec<String>>> {
    let range = |from, to| Range {
        from,
        to,
        per_user: PER_USER,
        known: PRESENTED.min(to - from),
    };
    for database in [small, growing] {
        drop(bench.oi_server(database, &[])?);
    }
    let few = secrets(&small.fill(range(0, FIRST))?);
    let small = bench.oi_server(small, &[])?;
    let (mut from, mut to) = (0, FIRST);
    let mut rows = Vec::new();
    while to <= bench.largest {
        bench.progress(&format!("growth: {to} tokens, {name}"));
        let begun = Instant::now();
        let many = secrets(&growing.fill(range(from, to))?);
        let filled_in = begun.elapsed();
        let large = bench.oi_server(growing, &[])?;
        let mut variants = [
            (small.pid(), Target::get(small.address, "/me", &few)),
            (large.pid(), Target::get(large.address, "/me", &many)),
        ];
        let load = bench.load(1);
        let turns = take_turns(&mut variants, bench.rounds(), |(pid, target)| {
            bench.turn(&[*pid], target, load)
        })?;
        let figures = |figure: fn(&Turn) -> f64| {
            let (few, many) = (each(&turns[0], figure), each(&turns[1], figure));
            (Spread::of_ratios(&many, &few), Spread::of(many))
        };
        let ((ratio, median), (tail_ratio, tail)) = (figures(Turn::p50), figures(Turn::p99));
        note(ratio.median);
        rows.push(vec![
            format!("10^{}", to.ilog10()),
            spread(median),
            spread(ratio),
            spread(tail),
            spread(tail_ratio),
            time(filled_in),
        ]);
        (from, to) = (to, to * 10);
    }
    Ok(rows)
}
