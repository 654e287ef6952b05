//! Throughput under overload, and the cost of silent connections.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;

use crate::bench::Bench;
use crate::load::Target;
use crate::parts::http::{TOKENS, filled};
use crate::process::{Server, memory};
use crate::report::{Report, load_table, mebibytes, spread};
use crate::rounds::{Spread, Turn, each, take_turns};

/// Numbers of connections for peak throughput; the better one counts.
const SUSTAINABLE: [usize; 2] = [64, 256];
/// Four times the larger number.
const OVERLOAD: usize = 1024;
const SILENT: usize = 5000;
/// Pause after each hundred of them.
const PAUSE: Duration = Duration::from_millis(10);
/// Connections that send requests while the silent ones are open.
const BESIDE: usize = 32;

/// Measures goodput at four times the connections, and latency with silent connections open.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    report.add(&format!(
        "Every connection sends its next request as soon as it has a response, so {OVERLOAD} \
         connections are 4 times the load of {}, at which the server is already saturated.",
        SUSTAINABLE[1]
    ));
    let (sqlite, postgres) = (bench.sqlite()?, bench.postgres()?);
    for (name, key, database) in [
        ("SQLite", "sqlite", &sqlite),
        ("PostgreSQL", "postgres", &postgres),
    ] {
        let (server, tokens) = filled(bench, database, TOKENS, &[])?;
        let target = Target::get(server.address, "/me", &tokens);
        report.add(&format!("### {name}"));
        bench.progress(&format!("overload: {name}"));
        goodput(bench, &server, &target, key, &mut report)?;
        bench.progress(&format!("overload: silent connections, {name}"));
        silent(bench, &server, &target, key, &mut report)?;
    }
    Ok(report)
}

fn goodput(
    bench: &Bench,
    server: &Server,
    target: &Target,
    key: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut variants = [SUSTAINABLE[0], SUSTAINABLE[1], OVERLOAD];
    let turns = take_turns(&mut variants, bench.rounds(), |connections| {
        bench.turn(&[server.pid()], target, bench.load(*connections))
    })?;
    let names = variants.map(|connections| format!("{connections} connections"));
    report.add(&load_table(
        &names.each_ref().map(String::as_str),
        &turns,
        &[1],
    ));
    let peaks: Vec<f64> = each(&turns[0], Turn::rate)
        .into_iter()
        .zip(each(&turns[1], Turn::rate))
        .map(|(one, other)| one.max(other))
        .collect();
    let goodput = Spread::of_ratios(&each(&turns[2], Turn::rate), &peaks);
    report.add(&format!(
        "Goodput at {OVERLOAD} connections relative to the peak: {}.",
        spread(goodput)
    ));
    report.record(&format!("goodput, {key}"), goodput.median);
    Ok(())
}

fn silent(
    bench: &Bench,
    server: &Server,
    target: &Target,
    key: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let at_rest = memory(server.pid());
    let mut with_them = at_rest;
    // Opened for each turn, since a server closes connections that stay silent for long.
    let mut variants = [false, true];
    let turns = take_turns(&mut variants, bench.rounds(), |silent| {
        let connections = if *silent { SILENT } else { 0 };
        let held = (0..connections)
            .map(|number| {
                // Not faster than they are accepted: with a full accept queue, the kernel retries
                // after a second.
                if number % 100 == 99 {
                    std::thread::sleep(PAUSE);
                }
                TcpStream::connect(server.address)
            })
            .collect::<std::io::Result<Vec<_>>>()
            .context("opening connections; `ulimit -n` must be above 10 000")?;
        let turn = bench.turn(&[server.pid()], target, bench.load(BESIDE))?;
        if *silent {
            with_them = memory(server.pid());
        }
        drop(held);
        Ok(turn)
    })?;
    let names = ["no silent connections", "5 000 silent connections"];
    report.add(&format!(
        "{BESIDE} connections, beside ones that send nothing:"
    ));
    report.add(&load_table(&names, &turns, &[0]));
    let tail = |turns: &[Turn]| each(turns, Turn::p99);
    let ratio = Spread::of_ratios(&tail(&turns[1]), &tail(&turns[0]));
    report.add(&format!(
        "p99 relative to without: {}. Memory before {}, with them {}.",
        spread(ratio),
        mebibytes(at_rest),
        mebibytes(with_them)
    ));
    report.record(&format!("silent, {key}"), ratio.median);
    Ok(())
}
