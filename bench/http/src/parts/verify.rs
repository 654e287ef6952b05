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
        "One thread, the store in memory, 1 000 tokens presented in turn unless it says otherwise.",
    );
    report.add(&openindex_bench::ratio_table(&measurements, LIMIT)?);
    let median = |name: &str| {
        measurements
            .iter()
            .find(|it| it.name == name)
            .map(|it| it.median_ns)
    };
    let ours = median("Tokens::verify, live");
    for (key, name) in [
        ("verify ÷ SHA-256", LIMIT),
        ("verify ÷ HS256", "JWT, HS256"),
        ("verify ÷ EdDSA", "JWT, EdDSA"),
    ] {
        if let (Some(ours), Some(other)) = (ours, median(name)) {
            report.record(key, ours / other);
        }
    }
    Ok(report)
}
