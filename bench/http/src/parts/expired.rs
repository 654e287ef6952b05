//! The cost of expired tokens for their owner's list, and of their purge for verification.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bench::Bench;
use crate::load::Target;
use crate::process::Server;
use crate::report::{Report, number, spread, table, time};
use crate::rounds::{Spread, Turn, each, take_turns};
use crate::seed::{Database, Range, secrets};

const FEW: u64 = 10;
const LIVE: u64 = 1_000;
const EXPIRED: u64 = 100_000;
/// Number of the first token of the user with many tokens.
const MANY_FROM: u64 = 2 * (LIVE + EXPIRED);
/// Tokens that are verified while others are purged.
const PRESENTED: u64 = 1_000;
const CONNECTIONS: usize = 8;

/// Measures lists of a user with 100 000 expired tokens, and verification while up to a million
/// expired tokens are purged.
///
/// # Errors
///
/// If a server or a command fails, or a purge is too fast to be measured.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for (name, key) in [("PostgreSQL", "postgres"), ("SQLite", "sqlite")] {
        report.add(&format!("### {name}"));
        let database = database(bench, key)?;
        bench.progress(&format!("expired: lists, {name}"));
        lists(bench, &database, key, &mut report)?;
        bench.delete(&database)?;
        let database = self::database(bench, key)?;
        bench.progress(&format!("expired: purge, {name}"));
        purge(bench, &database, key, &mut report)?;
        bench.delete(&database)?;
    }
    Ok(report)
}

fn database(bench: &Bench, key: &str) -> anyhow::Result<Database> {
    let database = if key == "postgres" {
        bench.postgres()?
    } else {
        bench.sqlite()?
    };
    drop(bench.oi_server(&database, &[])?);
    Ok(database)
}

fn lists(bench: &Bench, database: &Database, key: &str, report: &mut Report) -> anyhow::Result<()> {
    let user = |from, count| Range {
        from,
        to: from + count,
        per_user: count,
        known: 1,
    };
    let few = secrets(&database.fill(user(FEW, FEW))?);
    let many = secrets(&database.fill(user(MANY_FROM, LIVE + EXPIRED))?);
    // The live tokens are the oldest, so they are listed after all expired ones.
    database.run(&format!(
        "UPDATE tokens SET expires_at = {} WHERE created_at >= {}",
        if database.is_postgres() {
            "date_trunc('second', now()) - interval '1 day'"
        } else {
            "unixepoch() * 1000 - 86400000"
        },
        database.created_at(MANY_FROM + LIVE)
    ))?;
    database.run(&format!(
        "UPDATE tokens SET name = 'the one' WHERE created_at = {}",
        database.created_at(MANY_FROM + 1)
    ))?;
    let server = bench.oi_server(database, &[])?;
    let mut rows = Vec::new();
    for query in [
        "?limit=10",
        "?limit=10&status=live",
        "?limit=10&status=expired",
        "?limit=10&status=live&name=a%20token",
        "?limit=10&status=expired&name=a%20token",
        "?limit=10&name=the%20one",
        "",
    ] {
        let path = format!("/me/pats{query}");
        let mut variants = [
            Target::get(server.address, &path, &few),
            Target::get(server.address, &path, &many),
        ];
        let load = bench.load(1);
        let turns = take_turns(&mut variants, bench.rounds(), |target| {
            bench.turn(&[server.pid()], target, load)
        })?;
        let times = |index: usize| each(&turns[index], Turn::p50);
        let ratio = Spread::of_ratios(&times(1), &times(0));
        if query == "?limit=10" {
            report.record(&format!("expired, first page, {key}"), ratio.median);
        }
        if query == "?limit=10&status=live" {
            report.record(&format!("expired, live tokens, {key}"), ratio.median);
        }
        rows.push(vec![
            format!("`GET {path}`"),
            spread(Spread::of(times(0))),
            spread(Spread::of(times(1))),
            spread(ratio),
        ]);
    }
    report.add(&table(
        &[
            "one connection",
            "10 tokens, p50, µs",
            "101 000 tokens, p50, µs",
            "ratio",
        ],
        &rows,
    ));
    let rows = [
        &["settings", "personal", "tokens", "list"][..],
        &["settings", "personal", "tokens", "list", "--limit", "10"],
        &[
            "settings", "personal", "tokens", "delete", "the one", "--yes",
        ],
    ]
    .map(|arguments| {
        let taken = oi(bench, &server, &many[0], arguments)?;
        anyhow::Ok(vec![format!("`oi {}`", arguments.join(" ")), time(taken)])
    });
    let rows = rows.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    report.add(&table(&["with 101 000 tokens", "time"], &rows));
    Ok(())
}

fn oi(bench: &Bench, server: &Server, token: &str, arguments: &[&str]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let status = Command::new(bench.program("oi"))
        .args(arguments)
        .env("OPENINDEX_TOKEN", token)
        .env("OPENINDEX_APP_URL", format!("http://{}", server.address))
        .env(
            "OPENINDEX_CONFIG_DIR",
            bench.log("oi").with_extension("config"),
        )
        .stdout(Stdio::null())
        .status()?;
    ensure!(
        status.success(),
        "oi {} failed: {status}",
        arguments.join(" ")
    );
    Ok(begun.elapsed())
}

fn purge(bench: &Bench, database: &Database, key: &str, report: &mut Report) -> anyhow::Result<()> {
    let range = |from, to, known| Range {
        from,
        to,
        per_user: 100,
        known,
    };
    let ended = bench.largest.min(1_000_000);
    let known = secrets(&database.fill(range(0, PRESENTED, PRESENTED))?);
    database.fill(range(PRESENTED, PRESENTED + ended, 0))?;
    let created = database.created_at(PRESENTED);
    database.run(&format!(
        "UPDATE tokens SET expires_at = created_at WHERE created_at >= {created}"
    ))?;
    let left = || database.count("SELECT count(*) FROM tokens WHERE expires_at IS NOT NULL");
    // The purge starts with the server.
    let begun = Instant::now();
    let server = bench.oi_server(database, &[])?;
    let target = Target::get(server.address, "/me", &known);
    let load = bench.load(CONNECTIONS);
    let mut during = Vec::new();
    while during.len() < bench.rounds() {
        during.push(bench.turn(&[server.pid()], &target, load)?);
    }
    ensure!(
        left()? > 0,
        "the purge finished before it was measured; pass a larger --largest"
    );
    while left()? > 0 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let taken = begun.elapsed();
    let mut after = Vec::new();
    while after.len() < bench.rounds() {
        after.push(bench.turn(&[server.pid()], &target, load)?);
    }
    let figures = |figure: fn(&Turn) -> f64| {
        let (during, after) = (each(&during, figure), each(&after, figure));
        let ratio = Spread::of_ratios(&during, &after);
        (Spread::of(during), Spread::of(after), ratio)
    };
    let (p50, p99) = (figures(Turn::p50), figures(Turn::p99));
    report.record(&format!("purge, p99, {key}"), p99.2.median);
    report.add(&format!(
        "{} expired tokens purged in {}, {CONNECTIONS} connections that verify meanwhile:",
        number(f64::from(u32::try_from(ended)?)),
        time(taken)
    ));
    let row = |name: &str, (during, after, ratio): (Spread, Spread, Spread)| {
        vec![
            name.to_owned(),
            spread(after),
            spread(during),
            spread(ratio),
        ]
    };
    report.add(&table(
        &["`GET /me`", "at rest, µs", "during the purge, µs", "ratio"],
        &[row("p50", p50), row("p99", p99)],
    ));
    Ok(())
}
