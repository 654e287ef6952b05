//! `GET /me` compared with other servers that store API keys, on the same PostgreSQL.

use anyhow::{Context as _, ensure};

use crate::bench::Bench;
use crate::load::Target;
use crate::parts::http::{TOKENS, filled};
use crate::process::{Server, free_address};
use crate::report::{Report, load_table};
use crate::rounds::{Spread, Turn, each, take_turns};

const CONNECTIONS: [usize; 3] = [1, 32, 256];

/// A server of another project.
struct Peer {
    name: &'static str,
    /// Its folder in `bench/peers`, and where that is installed.
    folder: &'static str,
    seed: &'static [&'static str],
    serve: &'static [&'static str],
}

/// The first word of `seed` and `serve` is a program in the folder or, if not there, in `PATH`.
const PEERS: [Peer; 2] = [
    Peer {
        name: "better-auth",
        folder: "better-auth",
        seed: &["node", "seed.mjs"],
        serve: &["node", "serve.mjs"],
    },
    Peer {
        name: "django-rest-knox",
        folder: "django-rest-knox",
        seed: &["venv/bin/python", "peer.py"],
        serve: &[
            "venv/bin/gunicorn",
            "--config",
            "gunicorn.conf.py",
            "peer:application",
        ],
    },
];

/// Measures `GET /me` of each installed peer, compared with ours.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let database = bench.postgres()?;
    let (ours, tokens) = filled(bench, &database, TOKENS, &[])?;
    let target = Target::get(ours.address, "/me", &tokens);
    let mut variants = vec![("oi-server, PostgreSQL", ours, target)];
    for peer in &PEERS {
        match start(bench, peer) {
            Ok((server, tokens)) => {
                let target = Target::get(server.address, "/me", &tokens);
                variants.push((peer.name, server, target));
            }
            Err(error) => {
                bench.progress(&format!("{} skipped: {error:#}", peer.name));
                report.add(&format!("{} skipped: {error:#}.", peer.name));
            }
        }
    }
    let names: Vec<_> = variants.iter().map(|(name, ..)| *name).collect();
    for connections in CONNECTIONS {
        bench.progress(&format!("peers: {connections} connections"));
        let load = bench.load(connections);
        let turns = take_turns(&mut variants, bench.rounds(), |(name, server, target)| {
            bench
                .turn(&[server.pid()], target, load)
                .with_context(|| (*name).to_owned())
        })?;
        report.add(&format!("### {connections} connections"));
        report.add(&load_table(&names, &turns, &[0]));
        let ours = each(&turns[0], Turn::rate);
        let fastest = turns[1..]
            .iter()
            .map(|peer| Spread::of_ratios(&each(peer, Turn::rate), &ours).median)
            .reduce(f64::max);
        if let Some(fastest) = fastest {
            report.record(&format!("fastest peer ÷ ours, {connections}"), fastest);
        }
    }
    Ok(report)
}

/// Fills a database for the peer with users and keys, and starts the peer.
fn start(bench: &Bench, peer: &Peer) -> anyhow::Result<(Server, Vec<String>)> {
    let folder = bench.target.join("peers").join(peer.folder);
    ensure!(
        folder.join(".installed").exists(),
        "not installed; run bench/peers/set-up"
    );
    bench.progress(&format!("peers: {} creates its keys", peer.name));
    let database = bench.postgres()?;
    let command = |words: &[&str]| {
        let own = folder.join(words[0]);
        let mut command = bench.cores.server(if own.exists() {
            own.as_os_str()
        } else {
            words[0].as_ref()
        });
        command
            .args(&words[1..])
            .current_dir(&folder)
            .env("DATABASE_URL", &database.url)
            .env("NODE_ENV", "production")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let (users, keys) = (TOKENS.to / TOKENS.per_user, TOKENS.to);
    let seeded = command(peer.seed)
        .args([users.to_string(), keys.to_string()])
        .output()?;
    ensure!(
        seeded.status.success(),
        "no keys were created: {}",
        String::from_utf8_lossy(&seeded.stderr).trim()
    );
    let keys: Vec<String> = String::from_utf8(seeded.stdout)?
        .lines()
        .map(str::to_owned)
        .collect();
    ensure!(!keys.is_empty(), "no keys were printed");
    let address = free_address()?;
    let mut serve = command(peer.serve);
    serve.env("PORT", address.port().to_string());
    let server = Server::start(&mut serve, address, "/", &bench.log(peer.folder))?;
    bench.me(&server, &keys[0])?;
    Ok((server, keys))
}
