//! Reads the results of criterion, and compares each with its limit.
//!
//! An absolute time depends on the machine as much as on the code. A *ratio* within one run shows
//! how far the code is from its limit, and changes less with the machine.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// A criterion result.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Name of the benchmark within its group.
    pub name: String,
    /// The median time of one iteration, in nanoseconds.
    pub median_ns: f64,
    /// The bounds of its 95 % confidence interval, in nanoseconds.
    pub interval_ns: (f64, f64),
}

#[derive(Deserialize)]
struct BenchmarkFile {
    group_id: String,
    function_id: Option<String>,
}

#[derive(Deserialize)]
struct EstimatesFile {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

/// Reads the latest results of the benchmark group `group` from `criterion`, the folder that
/// criterion writes to, the fastest first.
///
/// # Errors
///
/// If the folder cannot be read, a file in it is not criterion's, or the group does not exist.
pub fn read_group(criterion: &Path, group: &str) -> anyhow::Result<Vec<Measurement>> {
    let folder = criterion.join(group);
    let mut measurements = Vec::new();
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("no results of {group} in {}", criterion.display()))?;
    for entry in entries {
        let latest = entry?.path().join("new");
        if !latest.join("estimates.json").is_file() {
            continue;
        }
        let benchmark: BenchmarkFile = read_json(&latest.join("benchmark.json"))?;
        let estimates: EstimatesFile = read_json(&latest.join("estimates.json"))?;
        let interval = estimates.median.confidence_interval;
        measurements.push(Measurement {
            name: benchmark.function_id.unwrap_or(benchmark.group_id),
            median_ns: estimates.median.point_estimate,
            interval_ns: (interval.lower_bound, interval.upper_bound),
        });
    }
    ensure!(!measurements.is_empty(), "the group {group} is empty");
    measurements.sort_by(|a, b| a.median_ns.total_cmp(&b.median_ns));
    Ok(measurements)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not criterion's", path.display()))
}

/// Returns a Markdown table of the measurements, each with its ratio to the one named `limit`.
///
/// # Errors
///
/// If no measurement is named `limit`.
pub fn ratio_table(measurements: &[Measurement], limit: &str) -> anyhow::Result<String> {
    let base = measurements
        .iter()
        .find(|measurement| measurement.name == limit)
        .with_context(|| format!("no measurement is named {limit}"))?
        .median_ns;
    let mut table = format!("| | median | 95 % interval | ÷ {limit} |\n|---|--:|--:|--:|\n");
    for Measurement {
        name,
        median_ns,
        interval_ns: (low, high),
    } in measurements
    {
        let ratio = median_ns / base;
        writeln!(
            table,
            "| {name} | {median_ns:.1} ns | {low:.1}–{high:.1} ns | {ratio:.2} |"
        )?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_result(folder: &Path, name: &str, median: f64) {
        let latest = folder
            .join("group")
            .join(name.replace(' ', "_"))
            .join("new");
        fs::create_dir_all(&latest).unwrap();
        let benchmark = serde_json::json!({"group_id": "group", "function_id": name});
        let bounds = serde_json::json!({"lower_bound": median - 1.0, "upper_bound": median + 1.0});
        let estimates = serde_json::json!({
            "median": {"point_estimate": median, "confidence_interval": bounds}
        });
        fs::write(latest.join("benchmark.json"), benchmark.to_string()).unwrap();
        fs::write(latest.join("estimates.json"), estimates.to_string()).unwrap();
    }

    #[test]
    fn results_are_sorted_by_time_with_their_ratio_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        write_result(folder.path(), "the work", 125.0);
        write_result(folder.path(), "the limit", 50.0);
        fs::create_dir_all(folder.path().join("group/report")).unwrap();
        let measurements = read_group(folder.path(), "group").unwrap();
        assert_eq!(
            ratio_table(&measurements, "the limit").unwrap(),
            "| | median | 95 % interval | ÷ the limit |\n|---|--:|--:|--:|\n\
             | the limit | 50.0 ns | 49.0–51.0 ns | 1.00 |\n\
             | the work | 125.0 ns | 124.0–126.0 ns | 2.50 |\n"
        );
    }

    #[test]
    fn an_unknown_group_or_limit_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_group(folder.path(), "group").is_err());
        write_result(folder.path(), "the work", 125.0);
        let measurements = read_group(folder.path(), "group").unwrap();
        assert!(ratio_table(&measurements, "the limit").is_err());
    }
}
