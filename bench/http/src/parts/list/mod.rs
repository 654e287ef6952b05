//! The cost of lists as there are more tokens and audit events.

mod large;

use crate::bench::Bench;
use crate::load::Target;
use crate::report::{Report, mebibytes, number, spread, table};
use crate::rounds::{Spread, Turn, each, take_turns};
use crate::seed::Range;

const SIZES: [u64; 5] = [1, 10, 100, 1000, 10_000];

/// Measures lists of 1 to 10 000 tokens, and lists and the audit export with a million rows.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    report.add(
        "One connection, `GET /me/pats` of users with this many tokens; a page has at most 1 000.",
    );
    for (name, postgres) in [("PostgreSQL", true), ("SQLite", false)] {
        bench.progress(&format!("list: {name}"));
        let database = if postgres {
            bench.postgres()?
        } else {
            bench.sqlite()?
        };
        drop(bench.oi_server(&database, &[])?);
        let mut known = Vec::new();
        for (number, size) in (1..).zip(SIZES) {
            // Token n belongs to user n / size, so this range belongs to one user, and each size
            // has its own user.
            let first = number * 100_000;
            known.extend(database.fill(Range {
                from: first,
                to: first + size,
                per_user: size,
                known: 1,
            })?);
        }
        let server = bench.oi_server(&database, &[])?;
        let mut variants: Vec<_> = known
            .iter()
            .map(|token| {
                Target::get(
                    server.address,
                    "/me/pats",
                    std::slice::from_ref(&token.secret),
                )
            })
            .collect();
        let load = bench.load(1);
        let turns = take_turns(&mut variants, bench.rounds(), |target| {
            bench.turn(&[server.pid()], target, load)
        })?;
        report.add(&format!("### {name}"));
        report.add(&rows(&turns));
    }
    large::run(bench, &mut report)?;
    Ok(report)
}

#[expect(clippy::cast_precision_loss, reason = "at most 10 000")]
fn rows(turns: &[Vec<Turn>]) -> String {
    let times = |turns: &[Turn]| each(turns, Turn::p50);
    let one = times(&turns[0]);
    let rows: Vec<_> = SIZES
        .iter()
        .zip(turns)
        .map(|(size, turns)| {
            let these = times(turns);
            let tail = Spread::of(each(turns, Turn::p99));
            let median = Spread::of(these.iter().copied());
            let memory = turns.iter().map(|it| it.memory).max().unwrap_or(0);
            vec![
                size.to_string(),
                spread(median),
                spread(Spread::of_ratios(&these, &one)),
                number(median.median / *size as f64),
                spread(tail),
                mebibytes(memory),
            ]
        })
        .collect();
    table(
        &[
            "tokens",
            "p50, µs",
            "÷ 1 token",
            "p50 ÷ tokens, µs",
            "p99, µs",
            "memory",
        ],
        &rows,
    )
}
