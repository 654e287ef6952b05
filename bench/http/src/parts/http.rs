//! `GET /me` compared with its limits.

use crate::bench::Bench;
use crate::load::Target;
use crate::process::{KeptAwake, Server, free_address};
use crate::report::{Report, load_table};
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
    let (public, public_path) = public(bench, &sqlite, body.len())?;

    let variant = |name, server: &Server, path: &str, tokens: &[String]| Variant {
        name,
        pid: server.pid(),
        target: Target::get(server.address, path, tokens),
    };
    let mut variants = [
        variant("limit", &limit, "/me", &tokens),
        variant("public route", &public, &public_path, &tokens),
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
            bench.turn(&[variant.pid], &variant.target, load)
        })?;
        report.add(&format!("### {connections} connections"));
        report.add(&load_table(&names, &turns, &[0, 1]));
        for (name, over, under) in [
            ("sqlite ÷ limit", 3, 0),
            ("postgres ÷ limit", 5, 0),
            ("sqlite ÷ public", 3, 1),
            ("postgres ÷ public", 5, 1),
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
    let awake = match KeptAwake::start() {
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
    report.add(&load_table(&names, &turns, &[0, 1]));
    for (name, over, under) in [("sqlite ÷ select", 3, 2), ("postgres ÷ select", 5, 4)] {
        let (over, under) = (&turns[over], &turns[under]);
        let ratio = Spread::of_ratios(&each(over, Turn::rate), &each(under, Turn::rate));
        report.record(&format!("{name}, 1, cores awake"), ratio.median);
    }
    Ok(())
}

/// Starts an `oi-server` whose discovery, a public route, returns `length` bytes. Its public URL is
/// made as long as that takes.
fn public(bench: &Bench, database: &Database, length: usize) -> anyhow::Result<(Server, String)> {
    let path = "/.well-known/openindex.json".to_owned();
    let address = free_address()?;
    let url = format!("http://{address}/");
    let plain = format!(
        r#"{{"apiUrl":"{url}","version":"{}"}}"#,
        env!("CARGO_PKG_VERSION")
    );
    let url = url + &"x".repeat(length.saturating_sub(plain.len()));
    let server = bench.oi_server_at(address, database, &["--public-url", &url])?;
    Ok((server, path))
}
