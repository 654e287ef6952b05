//! The latency of a revocation, and whether it takes effect everywhere immediately.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::bench::Bench;
use crate::client::Client;
use crate::load::{self, Target};
use crate::report::{Report, spread, table};
use crate::rounds::{Spread, quantile};
use crate::seed::{Known, Range, secrets};

const REPLICAS: usize = 3;
const CONNECTIONS: usize = 256;
const PER_USER: u64 = 100;
/// Maximum time in seconds that tokens are verified while others are revoked.
const LONGEST: u64 = 600;
/// Tokens that are verified and stay live.
const LIVE: u64 = 1000;

/// The result of revoking tokens one after another.
struct Revoked {
    /// Times from sending each DELETE to receiving its response, in milliseconds.
    millis: Vec<f64>,
    /// Requests that were accepted after the 204 of the token's revocation.
    accepted: u64,
}

/// Measures DELETE on three replicas, at rest and while they verify.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let rounds = bench.rounds();
    let for_each = bench.quick_or(40, 200);
    let database = bench.postgres()?;
    drop(bench.oi_server(&database, &[])?);
    let doomed = u64::try_from(2 * rounds * for_each)?;
    // The first token of each user revokes the others.
    let users = doomed.div_ceil(PER_USER - 1);
    let known = database.fill(Range {
        from: 0,
        to: users * PER_USER + LIVE,
        per_user: PER_USER,
        known: users * PER_USER + LIVE,
    })?;
    let (doomed, live) = known.split_at(usize::try_from(users * PER_USER)?);
    let replicas = (0..REPLICAS)
        .map(|_| bench.oi_server(&database, &[]))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let addresses: Vec<_> = replicas.iter().map(|it| it.address).collect();
    let target = Target {
        addresses: addresses.clone(),
        ..Target::get(addresses[0], "/me", &secrets(live))
    };
    let mut pairs = doomed
        .chunks(usize::try_from(PER_USER)?)
        .flat_map(|of_user| of_user[1..].iter().map(|token| (&of_user[0], token)));
    let (mut idle, mut busy, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        bench.progress("revocation");
        let these: Vec<_> = pairs.by_ref().take(for_each).collect();
        idle.push(revoke(&addresses, &these)?);
        let these: Vec<_> = pairs.by_ref().take(for_each).collect();
        let (turn, revoked) = while_verifying(bench, &target, &addresses, &these)?;
        busy.push(revoked);
        rates.push(turn);
    }
    let mut report = Report::default();
    let accepted: u64 = idle.iter().chain(&busy).map(|it| it.accepted).sum();
    let all = idle.len() * for_each + busy.len() * for_each;
    report.add(&format!(
        "{REPLICAS} replicas on one PostgreSQL; {for_each} tokens per round are revoked one after \
         another by one client, at rest and while {CONNECTIONS} connections verify other tokens on \
         all replicas ({} per second meanwhile). After each 204, the token is sent to every \
         replica immediately: after {all} revocations, {accepted} requests were accepted.",
        spread(Spread::of(rates))
    ));
    let spread_of = |revoked: &[Revoked], share| {
        Spread::of(revoked.iter().map(|it| quantile(&it.millis, share)))
    };
    let row = |name: &str, revoked: &[Revoked]| {
        vec![
            name.to_owned(),
            spread(spread_of(revoked, 0.5)),
            spread(spread_of(revoked, 0.99)),
            spread(spread_of(revoked, 1.0)),
        ]
    };
    report.add(&table(
        &["DELETE", "p50, ms", "p99, ms", "longest, ms"],
        &[row("at rest", &idle), row("while verifying", &busy)],
    ));
    report.record(
        "revocation, p99 under load, ms",
        spread_of(&busy, 0.99).median,
    );
    report.record(
        "revocation, accepted after",
        f64::from(u32::try_from(accepted)?),
    );
    Ok(report)
}

/// Revokes tokens while there is load on the replicas. Returns how many requests per second were
/// verified meanwhile.
fn while_verifying(
    bench: &Bench,
    target: &Target,
    addresses: &[SocketAddr],
    pairs: &[(&Known, &Known)],
) -> anyhow::Result<(f64, Revoked)> {
    let load = load::start(target, CONNECTIONS, LONGEST)?;
    std::thread::sleep(Duration::from_secs(bench.load(CONNECTIONS).warm_up));
    let revoked = revoke(addresses, pairs);
    let sample = load.stop()?;
    ensure!(sample.good() > 0, "no successful response meanwhile");
    Ok((sample.rate(), revoked?))
}

/// Revokes the second token of each pair with the first, on the replicas in turn, and then sends it
/// to all replicas.
fn revoke(addresses: &[SocketAddr], pairs: &[(&Known, &Known)]) -> anyhow::Result<Revoked> {
    let clients: Vec<_> = addresses.iter().copied().map(Client::new).collect();
    let mut revoked = Revoked {
        millis: Vec::new(),
        accepted: 0,
    };
    for (number, (actor, token)) in pairs.iter().enumerate() {
        let path = format!("/me/pats/{}", token.id());
        let client = &clients[number % clients.len()];
        let begun = Instant::now();
        let (status, body) = client
            .send("DELETE", &path, &actor.secret)
            .context("deleting")?;
        revoked.millis.push(begun.elapsed().as_secs_f64() * 1e3);
        ensure!(status == 204, "DELETE: {status} {body}");
        for client in &clients {
            let presented = client.send("GET", "/me", &token.secret);
            match presented.context("presenting")? {
                (401, _) => {}
                (200, _) => revoked.accepted += 1,
                (status, _) => bail!("GET /me: {status}"),
            }
        }
    }
    Ok(revoked)
}
