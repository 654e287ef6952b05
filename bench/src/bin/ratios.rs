//! `ratios CRITERION_FOLDER GROUP LIMIT`: a Markdown table of the latest results of a benchmark
//! group, each with its ratio to the result named LIMIT. `scripts/bench` runs it.

use std::path::Path;

use anyhow::bail;
use openindex_bench::{ratio_table, read_group};

#[expect(clippy::print_stdout, reason = "the program prints a table")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, group, limit] = &arguments[..] else {
        bail!("usage: ratios CRITERION_FOLDER GROUP LIMIT");
    };
    let measurements = read_group(Path::new(folder), group)?;
    print!("{}", ratio_table(&measurements, limit)?);
    Ok(())
}
