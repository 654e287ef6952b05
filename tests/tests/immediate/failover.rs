//! Failovers: the primary of PostgreSQL dies and its synchronous standby is promoted, again and
//! again, under the servers.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use openindex_tests::{Client, Database, HaProxy, Pair, Server, binary, free_port};
use serde_json::json;

use crate::ARGUMENTS;
use crate::log::{Log, Verdict};
use crate::trial::{PAUSE, Trial, say};

/// The name of the fault in the log.
pub(crate) const FAILOVER: &str = "primary killed and standby promoted";
/// How long after a promotion every server must serve again.
const AGAIN: Duration = Duration::from_secs(10);
/// Number of checks without a verdict before the promotion, within the time limit.
const FAILURES_MEANWHILE: u64 = 200;
const WITHOUT_PRIMARY_AT_MOST: Duration = Duration::from_secs(2);

/// How the servers find the primary.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// Their URL lists both PostgreSQL servers.
    List,
    /// A proxy in front of both checks which one is the primary.
    Proxy,
}

/// The servers, and PostgreSQL behind them.
pub(crate) struct Failovers {
    pair: Pair,
    /// The name of the database, and its URL for the servers.
    name: String,
    url: String,
    pub(crate) servers: Vec<Server>,
    _proxy: Option<HaProxy>,
    outages: Vec<Outage>,
}

/// The time without a primary, as sequence numbers of the log.
struct Outage {
    killed: u64,
    promoted: u64,
    /// How long after the promotion the last server served again.
    recovery: Duration,
}

impl Failovers {
    /// Starts three servers.
    pub(crate) fn new(by: By) -> Self {
        let pair = Pair::new();
        pair.ask("CREATE ROLE haproxy_check LOGIN");
        let database = Database::in_cluster(pair.primary());
        let (_, name) = database.url().rsplit_once('/').expect("a name");
        let name = name.to_owned();
        let (url, proxy) = match by {
            By::List => (pair.list(&name), None),
            By::Proxy => {
                let port = free_port();
                let proxy = HaProxy::before_primary(port, pair.addresses());
                let url = format!("postgres://openindex@127.0.0.1:{port}/{name}");
                await_checks(port);
                (url, Some(proxy))
            }
        };
        let servers = (0..3).map(|_| Server::start_at(&url, &ARGUMENTS));
        Self {
            servers: servers.collect(),
            pair,
            name,
            url,
            _proxy: proxy,
            outages: Vec::new(),
        }
    }

    /// Returns a URL of the database that leads to the current primary only.
    pub(crate) fn direct_url(&self) -> String {
        let (server, _) = self.pair.primary().rsplit_once('/').expect("a database");
        format!("{server}/{}", self.name)
    }

    /// Creates a token, deletes it, and returns its secret.
    pub(crate) fn ended_token(http: &Client, admin: &str) -> String {
        let body = json!({"name": "ended", "scope": "read_write"});
        let created = http.post("/me/pats", admin, &body).json();
        let text = |field: &str| created[field].as_str().expect("text").to_owned();
        let deleted = http.delete(&format!("/me/pats/{}", text("id")), admin);
        assert_eq!(deleted.status, 204, "{deleted:?}");
        text("token")
    }

    /// Fails over until the trial has had all of it, with the tokens of an administrator: a live
    /// one and an ended one.
    pub(crate) fn fail_over(&mut self, trial: &Trial, live: &str, ended: &str) {
        while trial.pace.next_fault().is_some() {
            self.pair.kill_primary();
            let killed = trial.recorder.number();
            let before = trial.pace.counts().failures;
            self.assert_all_unavailable(live, ended);
            trial.pace.wait(WITHOUT_PRIMARY_AT_MOST, |counts| {
                counts.failures >= before + FAILURES_MEANWHILE
            });
            let promoted = trial.recorder.number();
            let begun = Instant::now();
            self.pair.promote();
            self.await_all(live, begun);
            self.outages.push(Outage {
                killed,
                promoted,
                recovery: begun.elapsed(),
            });
            self.pair.attach();
            trial.recorder.log().faults.push(FAILOVER);
            trial.pace.faulted();
        }
    }

    /// Asserts that each server accepts and rejects nothing.
    fn assert_all_unavailable(&self, live: &str, ended: &str) {
        let body = json!({"name": "ci", "scope": "read_write"});
        for server in &self.servers {
            for response in [
                server.http.get("/me", live),
                server.http.get("/me", ended),
                server.http.post("/me/pats", live, &body),
                server.http.get("/ready", ""),
            ] {
                assert_eq!(response.outcome(), (503, "unavailable".to_owned()));
                assert!(!response.header("retry-after").is_empty(), "{response:?}");
                assert!(!response.text.contains("postgres"), "{response:?}");
            }
        }
    }

    /// Waits until each server verifies a token and makes a change.
    fn await_all(&self, token: &str, begun: Instant) {
        let body = json!({"name": "ci", "scope": "read_write"});
        thread::scope(|scope| {
            for http in self.servers.iter().map(|server| server.http.clone()) {
                let body = &body;
                scope.spawn(move || {
                    for status in [200, 201] {
                        loop {
                            let response = match status {
                                200 => http.get("/me", token),
                                _ => http.post("/me/pats", token, body),
                            };
                            assert!(begun.elapsed() < AGAIN, "{response:?}");
                            if response.status == status {
                                break;
                            }
                            assert_eq!(response.status, 503, "{response:?}");
                            thread::sleep(PAUSE);
                        }
                    }
                });
            }
        });
    }

    /// Asserts that no request without a primary had a verdict, and that everything is consistent
    /// in the end.
    pub(crate) fn assert_well(&self, log: &Log) {
        let mut meanwhile = 0;
        for outage in &self.outages {
            let checks = log.checks.iter().filter(|check| {
                check.span.invoked > outage.killed && check.span.responded < outage.promoted
            });
            for check in checks {
                assert_eq!(
                    check.verdict,
                    Verdict::Unknown,
                    "without a primary: {check}"
                );
                meanwhile += 1;
            }
        }
        assert!(meanwhile > 0, "no request without a primary");
        let mut recoveries: Vec<_> = self.outages.iter().map(|outage| outage.recovery).collect();
        recoveries.sort_unstable();
        say(&format!(
            "  {} failovers; all servers served again after {:.2} s (median), at most {:.2} s; \
             {meanwhile} checks without a primary, none with a verdict",
            recoveries.len(),
            recoveries[recoveries.len() / 2].as_secs_f64(),
            recoveries[recoveries.len() - 1].as_secs_f64(),
        ));
        let checked = Command::new(binary("oi-server"))
            .arg("check")
            .env("DATABASE_URL", &self.url)
            .output()
            .expect("oi-server runs");
        assert!(checked.status.success(), "{checked:?}");
    }
}

/// Waits for the first checks of a proxy, which connects to any server until then.
fn await_checks(port: u16) {
    let url = format!("postgres://openindex@127.0.0.1:{port}/postgres");
    let is_primary = || {
        // An error on a standby.
        let asked = Command::new("psql")
            .args([&url, "-c", "SELECT pg_current_wal_lsn()"])
            .output();
        asked.expect("psql runs").status.success()
    };
    let begun = Instant::now();
    while !(0..4).all(|_| is_primary()) {
        assert!(begun.elapsed() < AGAIN, "the proxy finds no primary");
        thread::sleep(PAUSE);
    }
}
