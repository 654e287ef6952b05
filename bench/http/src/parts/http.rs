//! `GET /me` compared with its limits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::bench::Bench;
use crate::client::Client;
use crate::load::Target;
use crate::process::{KeptAwake, Server};
use crate::report::{Report, load_table, spread};
use crate::rounds::{Spread, Turn, each, take_turns};
use crate::seed::{Database, Range, secrets};

/// As many users as tokens; the secrets of all tokens are known.
pub(super) const TOKENS: Range = Range {
    from: 0,
    to: 1000,
    per_user: 1,
    known: 1000,
};
const CONNECTIONS: [usize; 3] = [1, 32, 256];

/// A server and its requests.
struct Variant {
    name: &'static str,
    pid: u32,
    target: Target,
}

/// Returns a server on a database with tokens, and their secrets.
pub(super) fn filled(
    bench: &Bench,
    database: &Database,
    range: Range,
    arguments: &[&str],
) -> anyhow::Result<(Server, Vec<String>)> {
    // Started once to create the tables.
    drop(bench.oi_server(database, arguments)?);
    let known = database.fill(range)?;
    Ok((bench.oi_server(database, arguments)?, secrets(&known)))
}

/// Measures `GET /me` on both stores, compared with the limits.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let (sqlite, postgres) = (bench.sqlite()?, bench.postgres()?);
    let (ours_sqlite, tokens) = filled(bench, &sqlite, TOKENS, &[])?;
    let (ours_postgres, _) = filled(bench, &postgres, TOKENS, &[])?;
    let body = bench.me(&ours_sqlite, &tokens[0])?;
    let limit = bench.limits(&body, None)?;
    let select_sqlite = bench.limits(&body, Some(&sqlite))?;
    let select_postgres = bench.limits(&body, Some(&postgres))?;

    let variant = |name, server: &Server, path: &str, tokens: &[String]| Variant {
        name,
        pid: server.pid(),
        target: Target::get(server.address, path, tokens),
    };
    let mut variants = [
        variant("limit", &limit, "/me", &tokens),
        variant("`GET /health`", &ours_sqlite, "/health", &tokens),
        variant("SELECT, SQLite", &select_sqlite, "/me", &tokens),
        variant("oi-server, SQLite", &ours_sqlite, "/me", &tokens),
        variant("SELECT, PostgreSQL", &select_postgres, "/me", &tokens),
        variant("oi-server, PostgreSQL", &ours_postgres, "/me", &tokens),
        variant("the same, one token", &ours_postgres, "/me", &tokens[..1]),
    ];
    let names = variants.each_ref().map(|it| it.name);
    let mut report = Report::default();
    report.add(&format!(
        "`GET /me` returns {} bytes of JSON. {} different tokens are presented in turn.",
        body.len(),
        tokens.len()
    ));
    for connections in CONNECTIONS {
        bench.progress(&format!("http: {connections} connections"));
        let load = bench.load(connections);
        let turns = take_turns(&mut variants, bench.rounds(), |variant| {
            bench
                .turn(&[variant.pid], &variant.target, load)
                .context(variant.name)
        })?;
        report.add(&format!("### {connections} connections"));
        report.add(&load_table(&names, &turns, &[0]));
        for (name, over, under) in [
            ("health ÷ limit", 1, 0),
            ("sqlite ÷ limit", 3, 0),
            ("postgres ÷ limit", 5, 0),
            ("sqlite ÷ select", 3, 2),
            ("postgres ÷ select", 5, 4),
        ] {
            let (over, under) = (&turns[over], &turns[under]);
            let ratio = Spread::of_ratios(&each(over, Turn::rate), &each(under, Turn::rate));
            report.record(&format!("{name}, {connections}"), ratio.median);
        }
        let tail = |turns: &[Turn]| each(turns, Turn::p99);
        let ratio = Spread::of_ratios(&tail(&turns[3]), &tail(&turns[0]));
        report.record(
            &format!("sqlite p99 ÷ limit p99, {connections}"),
            ratio.median,
        );
    }
    awake(bench, &mut variants[..6], &mut report)?;
    let stores = [("SQLite", &variants[3]), ("PostgreSQL", &variants[5])];
    changing(bench, stores, &tokens, &mut report)?;
    let ratios = |store: &str| {
        CONNECTIONS.map(|connections| {
            let ratio = report.figures[&format!("{store} ÷ select, {connections}")];
            crate::report::number(ratio)
        })
    };
    let (sqlite, postgres) = (ratios("sqlite"), ratios("postgres"));
    report.add(&format!(
        "Relative to one SELECT a request, with {CONNECTIONS:?} connections: {} on SQLite, {} on \
         PostgreSQL.",
        sqlite.join(", "),
        postgres.join(", ")
    ));
    Ok(report)
}

/// Measures one connection again with all cores kept awake. A single request is in one place at a
/// time, so each step wakes a core, and a server with extra work is faster only because that work
/// keeps the cores awake.
fn awake(bench: &Bench, variants: &mut [Variant], report: &mut Report) -> anyhow::Result<()> {
    bench.progress("http: 1 connection, cores awake");
    let awake = match KeptAwake::start(&bench.cores) {
        Ok(awake) => awake,
        Err(error) => {
            report.add(&format!("With cores awake: skipped, {error:#}."));
            return Ok(());
        }
    };
    let turns = take_turns(variants, bench.rounds(), |variant| {
        bench.turn(&[variant.pid], &variant.target, bench.load(1))
    })?;
    drop(awake);
    report.add(
        "### 1 connection, cores awake\n\nThe same beside a loop on each core that gives way to \
         everything else (`SCHED_IDLE`).",
    );
    let names: Vec<_> = variants.iter().map(|it| it.name).collect();
    report.add(&load_table(&names, &turns, &[0]));
    for (name, over, under) in [("sqlite ÷ select", 3, 2), ("postgres ÷ select", 5, 4)] {
        let (over, under) = (&turns[over], &turns[under]);
        let ratio = Spread::of_ratios(&each(over, Turn::rate), &each(under, Turn::rate));
        report.record(&format!("{name}, 1, cores awake"), ratio.median);
    }
    Ok(())
}

/// What changes tokens beside a load: creations and revocations per second.
const CHANGES: u32 = 50;
/// Connections of the load beside them.
const BESIDE: usize = 8;

/// Measures `GET /me` with and without changes of tokens, which the generator's core sends.
fn changing(
    bench: &Bench,
    stores: [(&str, &Variant); 2],
    tokens: &[String],
    report: &mut Report,
) -> anyhow::Result<()> {
    report.add(&format!(
        "### {BESIDE} connections, beside changes\n\nMeanwhile, a client on the generator's core \
         creates and revokes up to {CHANGES} tokens per second."
    ));
    let mut owners = tokens.iter().cycle();
    for (store, variant) in stores {
        bench.progress(&format!("http: beside changes, {store}"));
        let mut rates = Vec::new();
        let turns = take_turns(&mut [false, true], bench.rounds(), |changing| {
            let turn = || bench.turn(&[variant.pid], &variant.target, bench.load(BESIDE));
            if !*changing {
                return turn();
            }
            let over = AtomicBool::new(false);
            thread::scope(|scope| {
                let changes = scope.spawn(|| change(variant, &mut owners, &over));
                let turn = turn();
                over.store(true, Ordering::Relaxed);
                rates.push(changes.join().expect("no panic")?);
                turn
            })
        })?;
        let names = [&*format!("oi-server, {store}"), "the same, beside changes"];
        report.add(&load_table(&names, &turns, &[0]));
        let rate = spread(Spread::of(rates));
        report.add(&format!("Created and revoked per second: {rate}."));
        let ratio = Spread::of_ratios(&each(&turns[1], Turn::p99), &each(&turns[0], Turn::p99));
        let key = if store == "SQLite" {
            "sqlite"
        } else {
            "postgres"
        };
        report.record(&format!("changes, p99, {key}"), ratio.median);
    }
    Ok(())
}

/// Creates and revokes tokens of the owners in turn until `over`. Returns how many per second.
fn change<'a>(
    variant: &Variant,
    owners: &mut impl Iterator<Item = &'a String>,
    over: &AtomicBool,
) -> anyhow::Result<f64> {
    let client = Client::new(variant.target.addresses[0]);
    let (begun, mut count) = (Instant::now(), 0);
    while !over.load(Ordering::Relaxed) {
        let owner = owners.next().context("an owner")?;
        let (status, body) = client.create(owner)?;
        ensure!(status == 201, "creating: {status} {body}");
        let created: serde_json::Value = serde_json::from_str(&body)?;
        let id = created["id"].as_str().context("the id")?;
        let (status, body) = client.send("DELETE", &format!("/me/pats/{id}"), owner)?;
        ensure!(status == 204, "revoking: {status} {body}");
        count += 1;
        let due = begun + Duration::from_secs(1) / CHANGES * count;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}
