//! The in-process results of criterion, which `bench/run` runs first.

use crate::bench::Bench;
use crate::report::Report;

/// The benchmark that the results are compared with.
const LIMIT: &str = "SHA-256 of 55 bytes";

/// Reads the results of criterion.
///
/// # Errors
///
/// If there are no results.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let measurements = openindex_bench::read_group(&bench.target.join("criterion"), "verify")?;
    let mut report = Report::default();
    report.add(
        "One thread, 1 000 tokens presented in turn unless it says otherwise. The store is in memory, \
         or on SQLite with all tokens remembered.",
    );
    report.add(&openindex_bench::ratio_table(&measurements, LIMIT)?);
    let median = |name: &str| {
        measurements
            .iter()
            .find(|it| it.name == name)
            .map(|it| it.median_ns)
    };
    let live = |more: &str| format!("Tokens::verify, live{more}");
    let (limit, sqlite, many) = (LIMIT, " on SQLite", ", one of 100000");
    for (key, ours, other) in [
        ("verify ÷ SHA-256", live(""), limit),
        ("verify of 100000 ÷ SHA-256", live(many), limit),
        ("verify on SQLite ÷ SHA-256", live(sqlite), limit),
        (
            "verify of 100000 on SQLite ÷ SHA-256",
            live(&format!("{many}{sqlite}")),
            limit,
        ),
        ("verify ÷ HS256", live(""), "JWT, HS256"),
        ("verify ÷ EdDSA", live(""), "JWT, EdDSA"),
    ] {
        if let (Some(ours), Some(other)) = (median(&ours), median(other)) {
            report.record(key, ours / other);
        }
    }
    Ok(report)
}
