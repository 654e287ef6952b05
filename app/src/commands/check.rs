//! `oi-server check`.

use std::io::Write as _;

use anyhow::bail;

use crate::args::{self, Common};

use super::missing_file;
use super::progress::{Progress, count};

pub(crate) async fn run(check: &args::Check, common: &Common) -> anyhow::Result<()> {
    let database = &common.database_url;
    if check.rebuild_search_index {
        let rebuilt = openindex_app::rebuild_search_index(database).await;
        rebuilt.map_err(|error| missing_file(error.into()))?;
    }
    let mut progress = Progress::new();
    let report = move |what: &'static str, rows: u64| {
        progress.show(&format!("Checking {what}: {}", count(rows, "row")));
    };
    let checked = tokio::select! {
        checked = openindex_app::check(database, Box::new(report)) => checked,
        () = super::stop_signal()? => bail!("interrupted"),
    };
    let checked = checked.map_err(|error| missing_file(error.into()))?;
    let mut out = std::io::stdout().lock();
    for finding in checked.findings() {
        writeln!(out, "{finding}")?;
    }
    for (advice, omitted) in checked.omitted() {
        writeln!(out, "and {omitted} more: {advice}")?;
    }
    let rows = count(checked.rows(), "row");
    match checked.count() {
        0 => writeln!(out, "Checked {rows}, and found no problem.")?,
        found => bail!("checked {rows}, and found {}", count(found, "problem")),
    }
    Ok(())
}
