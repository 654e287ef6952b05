//! Copies a large database to one of the other kind, and back.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::bench::Bench;
use crate::report::{Report, table};
use crate::seed::{Database, Events, Range};

/// The number of tokens, and of audit events.
const ROWS: u64 = 1_000_000;
const TOKENS_PER_USER: u64 = 100;

/// Measures `oi-server copy`.
///
/// # Errors
///
/// If a copy fails, or its digest differs.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let count = ROWS.min(bench.largest);
    bench.progress(&format!("copy: {count} tokens"));
    let source = bench.sqlite()?;
    drop(bench.oi_server(&source, &[])?);
    let range = Range {
        from: 0,
        to: count,
        per_user: TOKENS_PER_USER,
        known: 1,
    };
    source.fill_varied(range)?;
    source.fill_events(Events {
        count,
        users: count / TOKENS_PER_USER,
        actions: 4,
    })?;
    let mut rows = Vec::new();
    let mut report = Report::default();
    let (mut from, mut digests) = (source, Vec::new());
    for (name, key, to) in [
        ("SQLite to PostgreSQL", "to postgres", bench.postgres()?),
        ("PostgreSQL to SQLite", "to sqlite", bench.sqlite()?),
        ("SQLite to SQLite", "sqlite to sqlite", bench.sqlite()?),
    ] {
        bench.progress(&format!("copy: {name}"));
        let (time, digest) = copy(bench, &from, &to)?;
        report.record(&format!("copy, {key}, s"), time.as_secs_f64());
        rows.push(vec![name.to_owned(), format!("{:.0}", time.as_secs_f64())]);
        digests.push(digest);
        bench.delete(&from)?;
        from = to;
    }
    bench.delete(&from)?;
    digests.dedup();
    ensure!(digests.len() == 1, "the digests differ: {digests:?}");
    report.add(&format!(
        "`oi-server copy` of {count} tokens of {} users and {count} audit events, which are read \
         again and compared:",
        count / TOKENS_PER_USER
    ));
    report.add(&table(&["copy", "seconds"], &rows));
    Ok(report)
}

/// Returns how long a copy takes, and the digest that it prints.
fn copy(bench: &Bench, from: &Database, to: &Database) -> anyhow::Result<(Duration, String)> {
    let begun = Instant::now();
    let output = bench
        .cores
        .both(bench.program("oi-server"))
        .args(["copy", "--from", &from.url, "--to", &to.url])
        .stderr(Stdio::inherit())
        .output()?;
    let time = begun.elapsed();
    ensure!(output.status.success(), "the copy failed");
    let text = String::from_utf8(output.stdout)?;
    let (_, digest) = text.split_once("SHA-256 ").context("a digest")?;
    Ok((time, digest.trim().to_owned()))
}
