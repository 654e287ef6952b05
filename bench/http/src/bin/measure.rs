//! `measure`: the program that `bench/run` builds and runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use openindex_bench_http::bench::{Bench, LOG};
use openindex_bench_http::machine;
use openindex_bench_http::parts::{PARTS, Part};
use openindex_bench_http::report::{Report, time};
use openindex_bench_http::targets;

#[derive(Parser)]
struct Args {
    /// Run each part once, briefly, to check that it works; ignore the figures
    #[arg(long)]
    quick: bool,
    /// Maximum number of tokens in a table [default: 10 000 000; 10 000 with --quick]
    #[arg(long)]
    largest: Option<u64>,
    /// Root of the workspace.
    #[arg(long)]
    root: PathBuf,
    /// Cargo's target folder.
    #[arg(long)]
    target: PathBuf,
    /// File to write the results to
    #[arg(long)]
    output: PathBuf,
    /// Command line to show in the results
    #[arg(long)]
    command: String,
    /// Parts to run [default: all]
    parts: Vec<String>,
}

// As in `oi-server`: the part `remote` is a service.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    for name in &args.parts {
        PARTS
            .iter()
            .find(|part| part.name == name)
            .with_context(|| format!("unknown part: {name}"))?;
    }
    let largest = args
        .largest
        .unwrap_or(if args.quick { 10_000 } else { 10_000_000 });
    let bench = Bench::new(args.root.clone(), args.target.clone(), args.quick, largest)?;
    // The results of each part are stored, so that one part can be measured again.
    let kept = args.target.join(if args.quick {
        "bench-quick"
    } else {
        "bench-results"
    });
    fs::create_dir_all(&kept)?;
    let (begun, mut failed) = (Instant::now(), Vec::new());
    for part in PARTS {
        if !args.parts.is_empty() && !args.parts.iter().any(|name| name == part.name) {
            continue;
        }
        let begun = Instant::now();
        match (part.run)(&bench) {
            Ok(mut report) => {
                report.add(&format!("*`{}`, {}*", part.name, time(begun.elapsed())));
                let file = kept.join(part.name).with_extension("json");
                fs::write(file, serde_json::to_vec_pretty(&report)?)?;
            }
            Err(error) => {
                bench.progress(&format!("{} FAILED: {error:#}", part.name));
                failed.push(part.name);
            }
        }
    }
    let reports: Vec<_> = PARTS
        .iter()
        .filter_map(|part| {
            let text = fs::read(kept.join(part.name).with_extension("json")).ok()?;
            Some((part, serde_json::from_slice::<Report>(&text).ok()?))
        })
        .collect();
    let postgres = bench.postgres().and_then(|it| it.postgres_version()).ok();
    let results = results(&args, &bench, postgres, &reports)?;
    fs::write(&args.output, results)?;
    bench.progress(&format!(
        "{} after {}",
        args.output.display(),
        time(begun.elapsed())
    ));
    anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn results(
    args: &Args,
    bench: &Bench,
    postgres: Option<String>,
    reports: &[(&Part, Report)],
) -> anyhow::Result<String> {
    let mut text = String::from("# Results\n\n");
    if args.quick {
        text.push_str(
            "**A quick run, to check that the benchmarks work: ignore these figures.**\n\n",
        );
    }
    write!(
        text,
        "Written by `{}`; [README.md](README.md) explains each figure.\n\n{}\n",
        args.command,
        machine::describe(&bench.root, &bench.target, postgres)
    )?;
    write!(
        text,
        "Load generator and server have one core each; PostgreSQL uses both. Every server logs at \
         `{LOG}`. Figures are medians of {} rounds, with the range of all rounds in parentheses; \
         ratios are formed within a round. Each turn lasts {} s, after {} s of the same load.\n\n",
        bench.rounds(),
        bench.load(1).measure,
        bench.load(1).warm_up
    )?;
    let figures: BTreeMap<String, f64> = reports
        .iter()
        .flat_map(|(_, report)| report.figures.clone())
        .collect();
    write!(text, "## Targets\n\n{}\n", targets::compare(&figures))?;
    for (part, report) in reports {
        write!(text, "## {}\n\n{}\n\n", part.title, report.text.trim_end())?;
    }
    Ok(text.trim_end().to_owned() + "\n")
}
