//! Verifying the tokens of callers from another service, in each of the ways that it has.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openindex_adapters_http::guard::Verify;
use openindex_adapters_http::remote::{RemoteSettings, RemoteVerifier};
use openindex_adapters_postgres::PostgresStore;
use openindex_adapters_sqlite::SqliteStore;
use openindex_adapters_system::{SystemClock, SystemEntropy};
use openindex_domain::token::{Secret, TokenStore, Tokens};
use serde::Deserialize;
use tokio::runtime::Runtime;

use crate::bench::Bench;
use crate::load::{Sample, Target};
use crate::parts::http::{TOKENS, filled};
use crate::process::own_cpu;
use crate::report::{Report, load_table};
use crate::rounds::{Spread, Turn, each, take_turns};
use crate::seed::Database;

const TASKS: [usize; 2] = [32, 256];

/// A way in which a service verifies a token.
#[derive(Clone)]
enum Way {
    /// One HTTP call for each token.
    Calls(Box<Calls>),
    /// What a guard asks.
    Guard(Arc<dyn Verify>),
}

impl Way {
    async fn accepts(&self, token: &str) -> bool {
        match self {
            Self::Calls(calls) => calls.accepts(token).await.unwrap_or(false),
            Self::Guard(verify) => verify.verify(token, None).await.is_ok(),
        }
    }
}

/// A careful client of the introspection endpoint: persistent connections, one call for each token.
#[derive(Clone)]
struct Calls {
    client: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    authorization: String,
}

#[derive(Deserialize)]
struct Introspection {
    active: bool,
    sub: Option<String>,
}

impl Calls {
    fn new(server: SocketAddr, token: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            endpoint: format!("http://{server}/auth/introspect"),
            authorization: format!("Bearer {token}"),
        }
    }

    async fn accepts(&self, token: &str) -> anyhow::Result<bool> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.endpoint)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(format!("token={token}")))?;
        let response = self.client.request(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        let found: Introspection = serde_json::from_slice(&body)?;
        Ok(found.active && found.sub.is_some())
    }
}

/// Runs tasks that verify the tokens in turn, each one as soon as it has the result of the last.
fn verify(
    runtime: &Runtime,
    way: &Way,
    tokens: &Arc<[String]>,
    tasks: usize,
    seconds: u64,
) -> anyhow::Result<Sample> {
    let turn = Arc::new(AtomicUsize::new(0));
    let (cpu, begun) = (own_cpu(), Instant::now());
    let end = begun + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (way, tokens, turn) = (way.clone(), Arc::clone(tokens), Arc::clone(&turn));
            runtime.spawn(async move {
                let (mut micros, mut failed, mut sent) = (Vec::new(), 0, Instant::now());
                while sent < end {
                    let token = &tokens[turn.fetch_add(1, Ordering::Relaxed) % tokens.len()];
                    let accepted = pin!(way.accepts(token)).await;
                    let received = Instant::now();
                    if accepted {
                        micros.push(received.duration_since(sent).as_secs_f64() * 1e6);
                    } else {
                        failed += 1;
                    }
                    sent = received;
                }
                (micros, failed)
            })
        })
        .collect();
    let (mut micros, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (its_micros, its_failed) = runtime.block_on(task)?;
        micros.extend(its_micros);
        failed += its_failed;
    }
    let (elapsed, cpu) = (begun.elapsed(), own_cpu().saturating_sub(cpu));
    Ok(Sample::of_calls(&micros, failed, elapsed, cpu))
}

/// Returns the use cases on the server's database, or on a SQLite file with the same tokens: the
/// server has its own file to itself.
fn in_process(bench: &Bench, runtime: &Runtime, database: &Database) -> anyhow::Result<Tokens> {
    let store: Arc<dyn TokenStore> = if database.is_postgres() {
        Arc::new(runtime.block_on(PostgresStore::connect(&database.url))?)
    } else {
        let copy = bench.sqlite()?;
        let (server, _) = filled(bench, &copy, TOKENS, &[])?;
        drop(server);
        Arc::new(runtime.block_on(SqliteStore::connect(&copy.url))?)
    };
    Ok(Tokens::new(
        store,
        Arc::new(SystemClock),
        Arc::new(SystemEntropy),
    ))
}

/// Measures verification from another service: by one call for each token, in batches, and on the
/// server's own database.
///
/// # Errors
///
/// If a server does not start or respond.
pub fn run(bench: &Bench) -> anyhow::Result<Report> {
    let mut report = Report::default();
    report.add(
        "A service in Rust verifies tokens in so many tasks, each of which verifies its next token \
         as soon as it has a result. `GET /me` is measured by wrk on as many connections.",
    );
    let (sqlite, postgres) = (bench.sqlite()?, bench.postgres()?);
    for (store, key, database) in [
        ("SQLite", "sqlite", &sqlite),
        ("PostgreSQL", "postgres", &postgres),
    ] {
        let (server, tokens) = filled(bench, database, TOKENS, &[])?;
        let target = Target::get(server.address, "/me", &tokens);
        let (own, tokens) = tokens.split_first().context("a token")?;
        let tokens: Arc<[String]> = tokens.into();
        let runtime = Runtime::new()?;
        let remote = |batches: usize| {
            let url = format!("http://{}", server.address).parse()?;
            let mut settings = RemoteSettings::new(url, Secret::parse(own)?);
            settings.batches = batches.try_into()?;
            let verifier = RemoteVerifier::new(settings)?;
            anyhow::Ok(Some(Way::Guard(Arc::new(verifier))))
        };
        let in_process = in_process(bench, &runtime, database)?;
        let mut variants = [
            (
                "one introspection each",
                Some(Way::Calls(Box::new(Calls::new(server.address, own)))),
            ),
            ("`GET /me`", None),
            ("`RemoteVerifier`", remote(2)?),
            ("the same, one batch at a time", remote(1)?),
            (
                "in-process, with the same tokens",
                Some(Way::Guard(Arc::new(in_process))),
            ),
        ];
        let names = variants.each_ref().map(|(name, _)| *name);
        for tasks in TASKS {
            bench.progress(&format!("remote: {store}, {tasks} tasks"));
            let load = bench.load(tasks);
            let turns = take_turns(&mut variants, bench.rounds(), |(_, way)| match way {
                None => bench.turn(&[server.pid()], &target, load),
                Some(way) => bench.turn_of(&[server.pid()], load, |seconds| {
                    verify(&runtime, way, &tokens, tasks, seconds)
                }),
            })?;
            report.add(&format!("### {store}, {tasks} tasks"));
            report.add(&load_table(&names, &turns, &[0, 1]));
            for (name, base) in [("one call", 0), ("me", 1)] {
                let rates = |turns: &[Turn]| each(turns, Turn::rate);
                let ratio = Spread::of_ratios(&rates(&turns[2]), &rates(&turns[base]));
                report.record(&format!("remote ÷ {name}, {key}, {tasks}"), ratio.median);
            }
            let failed: u64 = turns.iter().flatten().map(|it| it.sample.failed).sum();
            ensure!(failed == 0, "{failed} verifications failed");
        }
    }
    Ok(report)
}
