//! First pages and the audit export of a database with up to a million tokens and events, relative
//! to one with a hundred.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bench::Bench;
use crate::client::Client;
use crate::process::{self, Server};
use crate::report::{Report, mebibytes, number, spread, table, time};
use crate::rounds::{Spread, quantile, take_turns};
use crate::seed::{Database, Events, Range, id};

const FEW: u64 = 100;
const MANY: u64 = 1_000_000;
/// Users of the database with many owners.
const USERS: u64 = 10_000;
/// Requests in one turn, unless they take longer.
const REQUESTS: usize = 20;
const TURN_WITHIN: Duration = Duration::from_secs(1);

/// A database, its server, and the token of an administrator.
struct Filled {
    database: Database,
    server: Server,
    client: Client,
    token: String,
}

/// Adds the tables to the report.
///
/// # Errors
///
/// If a server does not start or respond.
pub(super) fn run(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let many = bench.largest.min(MANY);
    report.add(&format!(
        "One connection, pages of 10. *Few*: {FEW} tokens and {FEW} audit events of one user. *One \
         user*: {0} of each, of one user and with one action. *Many users*: {0} of each, of {1} \
         users and with 4 actions. The ratios are to *few*.",
        number(float(many)),
        number(float(USERS.min(many))),
    ));
    for (name, key) in [("PostgreSQL", "postgres"), ("SQLite", "sqlite")] {
        let sizes = [(FEW, 1, 1), (many, 1, 1), (many, USERS.min(many), 4)];
        let mut filled = Vec::new();
        for (rows, users, actions) in sizes {
            bench.progress(&format!("list: {rows} rows of {users} users, {name}"));
            filled.push(fill(bench, key, rows, users, actions)?);
        }
        report.add(&format!("### First pages, {name}"));
        let pages = pages(bench, &mut filled, |list, ratio| {
            report.record(&format!("{list}, {key}"), ratio);
        })?;
        report.add(&pages);
        bench.progress(&format!("list: export, {name}"));
        report.add(&format!("### Audit export, {name}"));
        let exported = export(bench, &filled[0], &filled[1], |mib| {
            report.record(&format!("export, memory, {key}"), mib);
        })?;
        report.add(&exported);
        for Filled {
            database, server, ..
        } in filled
        {
            drop(server);
            bench.delete(&database)?;
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

fn fill(bench: &Bench, key: &str, rows: u64, users: u64, actions: u64) -> anyhow::Result<Filled> {
    let database = if key == "postgres" {
        bench.postgres()?
    } else {
        bench.sqlite()?
    };
    drop(bench.oi_server(&database, &[])?);
    let known = database.fill_varied(Range {
        from: 0,
        to: rows,
        per_user: rows / users,
        known: 1,
    })?;
    database.fill_events(Events {
        count: rows,
        users,
        actions,
    })?;
    let server = bench.oi_server(&database, &[])?;
    Ok(Filled {
        client: Client::new(server.address),
        token: known[0].secret.clone(),
        database,
        server,
    })
}

/// Returns the lists that are measured. The first of each route has a target.
fn lists() -> Vec<String> {
    let (user, token) = (id(0).simple(), id(5).simple());
    let me = [
        "",
        "&sort=name",
        "&sort=expiry",
        "&sort=last_used",
        "&status=live",
        "&status=expired",
        "&status=revoked",
        "&status=live&sort=name",
        "&status=live&sort=expiry",
        "&name=token%200007919",
        "&name=token%200007919&status=live",
        "&search=token",
        "&search=0007919",
    ];
    let admin = [
        String::new(),
        "&status=live".to_owned(),
        "&status=expired".to_owned(),
        "&status=revoked".to_owned(),
        "&scope=admin".to_owned(),
        "&scope=admin&status=live".to_owned(),
        "&unusedSince=2026-11-20".to_owned(),
        "&expiringBefore=2100-01-01".to_owned(),
        "&expiringBefore=2100-01-01&status=live".to_owned(),
        format!("&user=usr_{user}"),
        format!("&user=usr_{user}&status=live"),
        format!("&user=usr_{user}&status=expired"),
        format!("&user=usr_{user}&status=revoked"),
    ];
    let audit = [
        String::new(),
        "&action=token.created".to_owned(),
        format!("&actor=usr_{user}"),
        format!("&actor=usr_{user}&action=token.created"),
        format!("&subject=pat_{token}"),
        format!("&subject=pat_{token}&action=token.created"),
        "&since=2026-01-01".to_owned(),
        "&until=2026-12-01".to_owned(),
    ];
    let all = [
        ("/me/pats", me.map(str::to_owned).to_vec()),
        ("/admin/pats", admin.to_vec()),
        ("/audit", audit.to_vec()),
        ("/stats", vec![String::new()]),
    ];
    let paths = all.into_iter().flat_map(|(route, queries)| {
        queries.into_iter().map(move |query| match route {
            "/stats" => route.to_owned(),
            _ => format!("{route}?limit=10{query}"),
        })
    });
    paths.collect()
}

fn pages(
    bench: &Bench,
    filled: &mut [Filled],
    mut record: impl FnMut(&str, f64),
) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for path in lists() {
        let turns = take_turns(filled, bench.rounds(), |filled| turn(filled, &path))?;
        let few = &turns[0];
        let mut row = vec![format!("`{path}`"), spread(Spread::of(few.clone()))];
        let mut worst = 0.0_f64;
        for many in &turns[1..] {
            let ratio = Spread::of_ratios(many, few);
            worst = worst.max(ratio.median);
            row.push(spread(Spread::of(many.clone())));
            row.push(spread(ratio));
        }
        if let Some(route) = path.strip_suffix("?limit=10") {
            record(&format!("first page, {route}"), worst);
        }
        rows.push(row);
    }
    let columns = [
        "",
        "few, µs",
        "one user, µs",
        "ratio",
        "many users, µs",
        "ratio",
    ];
    Ok(table(&columns, &rows))
}

/// Returns the median time of a request in microseconds.
fn turn(filled: &mut Filled, path: &str) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    let turn = Instant::now();
    // The first request prepares the statement.
    while times.len() <= REQUESTS && (times.is_empty() || turn.elapsed() < TURN_WITHIN) {
        let begun = Instant::now();
        let (status, body) = filled.client.send("GET", path, &filled.token)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
        ensure!(status == 200, "GET {path} returned {status}: {body}");
    }
    let measured = if times.len() > 1 { &times[1..] } else { &times };
    Ok(quantile(measured, 0.5))
}

/// Exports all events with `oi`, and returns a table of times and memory.
fn export(
    bench: &Bench,
    few: &Filled,
    many: &Filled,
    mut record: impl FnMut(f64),
) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for (name, filled) in [("few", few), ("one user", many)] {
        let before = process::memory(filled.server.pid());
        let file = bench.log("export");
        let begun = Instant::now();
        let mut oi = Command::new(bench.program("oi"))
            .args(["settings", "admin", "audit", "export", "--output"])
            .arg(&file)
            .env("OPENINDEX_TOKEN", &filled.token)
            .env(
                "OPENINDEX_APP_URL",
                format!("http://{}", filled.server.address),
            )
            .env(
                "OPENINDEX_CONFIG_DIR",
                bench.log("oi").with_extension("config"),
            )
            .stdout(Stdio::null())
            .spawn()?;
        let (mut server, mut client) = (before, 0);
        let status = loop {
            server = server.max(process::memory(filled.server.pid()));
            client = client.max(process::memory(oi.id()));
            if let Some(status) = oi.try_wait()? {
                break status;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let taken = begun.elapsed();
        ensure!(status.success(), "oi failed: {status}");
        let events = fs::read_to_string(&file)?.matches("\n{").count() as u64;
        let grown = server.saturating_sub(before);
        if events > FEW {
            record(float(grown.max(client)) / float(1 << 20));
        }
        rows.push(vec![
            name.to_owned(),
            number(float(events)),
            time(taken),
            number(float(events) / taken.as_secs_f64()),
            mebibytes(fs::metadata(&file)?.len()),
            mebibytes(grown),
            mebibytes(client),
        ]);
        fs::remove_file(&file)?;
    }
    let columns = [
        "`oi settings admin audit export`",
        "events",
        "time",
        "events/s",
        "size",
        "memory of the server grew by",
        "memory of `oi`",
    ];
    Ok(table(&columns, &rows))
}
