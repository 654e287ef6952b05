//! Proof that revocation is immediate: three servers on one PostgreSQL database, or one server on a
//! SQLite file, and, as the last replica, a service that verifies remotely at them; many clients
//! that verify while tokens are revoked, users suspended and demoted and agent runs ended, and while
//! servers stop, crash and lose their database, are replaced by another one, also of another release,
//! and follow PostgreSQL to its standby. Every request and response is logged in one sequence, and an
//! oracle looks for a request that was accepted although it began after the end of its credential had
//! been acknowledged, and for a credential that was lost. Deliberately stale servers, and a
//! deliberately stale service, show that the oracle would find one.

mod board;
mod changes;
mod clients;
mod failover;
mod faults;
mod index_double;
mod log;
mod oracle;
mod oracle_cases;
mod pace;
mod proxy;
mod service;
mod soak;
mod stale_double;
mod totals;
mod trial;
mod upgrade;
mod wire;

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use openindex_adapters_http::guard::Guard;
use openindex_tests::{Client, Database, Kind, Server, binary};

use changes::Way;
use failover::{By, FAILOVER, Failovers};
use faults::{Fault, Processes};
use log::{Log, Outcome};
use oracle::judge;
use pace::Plan;
use service::Service;
use totals::Totals;
use trial::{Trial, say};
use upgrade::Fleet;
use wire::Replicas;

/// Only the log lines that explain a failure: a line for each request would fill the test's memory.
const ARGUMENTS: [&str; 12] = [
    "--log",
    "openindex_app=info,warn",
    "--token-quota",
    "100000",
    "--run-quota",
    "100000",
    "--token-rate",
    "1000000",
    "--run-rate",
    "1000000",
    // The number of reports from each address is limited.
    "--trusted-proxies",
    "127.0.0.1",
];
/// Maximum number of findings that are printed.
const SHOWN: usize = 10;

#[test]
fn no_replica_accepts_an_ended_credential_whatever_breaks() {
    let plan = Plan {
        checks: 20_000,
        changes: 304,
        faults: 12,
        clients: 52,
        users: 24,
    };
    prove(Kind::Postgres, plan);
}

#[test]
fn the_server_of_a_file_accepts_no_ended_credential_whatever_breaks() {
    let plan = Plan {
        checks: 10_000,
        changes: 140,
        faults: 6,
        clients: 50,
        users: 12,
    };
    prove(Kind::Sqlite, plan);
}

/// `OPENINDEX_TEST_CHECKS` and `OPENINDEX_TEST_CHANGES` change its length.
#[test]
#[ignore = "takes many minutes; scripts/test --long runs it"]
fn no_replica_accepts_an_ended_credential_in_a_long_run() {
    prove_at_length(Kind::Postgres, 52);
}

/// As long as the one on PostgreSQL.
#[test]
#[ignore = "takes many minutes; scripts/test --long runs it"]
fn the_server_of_a_file_accepts_no_ended_credential_in_a_long_run() {
    prove_at_length(Kind::Sqlite, 50);
}

#[test]
fn servers_are_replaced_one_by_one_and_nothing_is_lost() {
    upgrade(Plan {
        checks: 8_000,
        changes: 112,
        faults: upgrade::UPGRADE,
        clients: 26,
        users: 12,
    });
}

/// `OPENINDEX_TEST_CHECKS` and `OPENINDEX_TEST_CHANGES` change its length.
#[test]
#[ignore = "takes many minutes, and requires the previous release; scripts/test --long runs it"]
fn the_previous_release_is_replaced_and_nothing_is_lost_in_a_long_run() {
    let previous = upgrade::previous_release();
    let previous =
        previous.expect("OPENINDEX_TEST_PREVIOUS, as scripts/previous-release prints it");
    say(&format!("the previous release: {}", previous.display()));
    upgrade(Plan {
        checks: number("OPENINDEX_TEST_CHECKS", 200_000),
        changes: number("OPENINDEX_TEST_CHANGES", 2_000),
        faults: upgrade::steps(2),
        clients: 52,
        users: 24,
    });
}

#[test]
fn a_failover_by_a_list_of_hosts_loses_and_revives_nothing() {
    prove_failovers(By::List, 1);
}

#[test]
fn a_failover_by_a_proxy_loses_and_revives_nothing() {
    prove_failovers(By::Proxy, 1);
}

/// `OPENINDEX_TEST_FAILOVERS` changes its length.
#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn failovers_by_a_list_of_hosts_lose_and_revive_nothing_in_a_long_run() {
    prove_failovers(By::List, number("OPENINDEX_TEST_FAILOVERS", 20));
}

/// As long as the one by a list of hosts.
#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn failovers_by_a_proxy_lose_and_revive_nothing_in_a_long_run() {
    prove_failovers(By::Proxy, number("OPENINDEX_TEST_FAILOVERS", 20));
}

/// `OPENINDEX_TEST_SOAK_SECONDS` changes its length.
#[test]
#[ignore = "takes an hour; scripts/test --long runs it"]
fn three_servers_do_not_grow_in_a_long_run() {
    soak::soak(Kind::Postgres, soak_length());
}

/// As long as that of three servers.
#[test]
#[ignore = "takes an hour; scripts/test --long runs it"]
fn the_server_of_a_file_does_not_grow_in_a_long_run() {
    soak::soak(Kind::Sqlite, soak_length());
}

fn soak_length() -> Duration {
    Duration::from_secs(number("OPENINDEX_TEST_SOAK_SECONDS", 3_600))
}

/// A trial on servers and on a service that verifies remotely at them.
struct Staged {
    trial: Trial,
    http: Client,
    _service: Service,
}

impl Staged {
    fn new(plan: Plan, servers: &[Server], database: &Database, admin: &str) -> Self {
        let http = servers[0].http.clone();
        let spares = Trial::join_spares(plan, &http, admin, || {
            let _ = database.execute("DELETE FROM rate_limits");
        });
        let mut replicas = Replicas::new(servers.iter().map(|server| server.url.as_str()));
        let service = Service::join(&mut replicas, &http, admin, Guard::new);
        Self {
            trial: Trial::new(plan, replicas, admin, spares),
            http,
            _service: service,
        }
    }

    fn run(self, faults: impl FnOnce(&Trial) + Send) -> Log {
        let log = self.trial.run(&self.http, faults);
        assert_nothing_found(&log);
        assert_all_happened(&log);
        log
    }
}

fn prove_failovers(by: By, failovers: u64) {
    let plan = Plan {
        checks: 2_000 * failovers,
        changes: 28 * failovers,
        faults: failovers,
        clients: 16,
        users: 8,
    };
    let mut cluster = Failovers::new(by);
    let database = Database::at(&cluster.direct_url());
    let admin = Server::bootstrap(&database);
    let http = cluster.servers[0].http.clone();
    let ended = Failovers::ended_token(&http, &admin.token);
    let staged = Staged::new(plan, &cluster.servers, &database, &admin.token);
    let log = staged.run(|trial| cluster.fail_over(trial, &admin.token, &ended));
    assert_eq!(Totals::of(&log).faults[FAILOVER], failovers);
    cluster.assert_well(&log);
}

fn prove_at_length(kind: Kind, clients: usize) {
    let checks = number("OPENINDEX_TEST_CHECKS", 1_000_000);
    let plan = Plan {
        checks,
        changes: number("OPENINDEX_TEST_CHANGES", 10_000),
        faults: (checks / 2_500).max(Fault::all(kind).len() as u64),
        clients,
        users: 24,
    };
    prove(kind, plan);
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

fn prove(kind: Kind, plan: Plan) {
    let database = Database::new(kind);
    let mut processes = Processes::on(&database);
    let admin = Server::bootstrap(&database);
    let staged = Staged::new(plan, &processes.servers, &database, &admin.token);
    let log = staged.run(|trial| processes.break_things(trial));
    let totals = Totals::of(&log);
    for fault in Fault::all(kind) {
        let name = fault.name();
        assert!(totals.faults.contains_key(name), "{name}: {totals}");
    }
}

fn upgrade(plan: Plan) {
    let database = Database::new(Kind::Postgres);
    let mut fleet = Fleet::on(&database);
    let admin = Server::bootstrap_by(fleet.previous(), &database);
    let staged = Staged::new(plan, &fleet.servers, &database, &admin.token);
    let log = staged.run(|trial| fleet.upgrade(trial));
    let totals = Totals::of(&log);
    assert_eq!(totals.faults.values().sum::<u64>(), plan.faults, "{totals}");
    // A request can meet a connection as its server closes it; each client has one to each server.
    let threads = (plan.clients + plan.users + 1) as u64;
    assert!(totals.unknown.count <= threads * plan.faults, "{totals}");
    // Every acknowledged creation: the oracle has seen that each works until it is ended.
    let tokens = database.execute("SELECT FROM tokens");
    // A right of a token has the span of the token.
    let created: HashSet<u64> = log.issued.iter().map(|it| it.span.invoked).collect();
    let created = created.len() as u64;
    assert!(tokens >= created, "{tokens} of {created} tokens");
    assert_database_is_sound(&database);
    say(&format!(
        "{} checks, {created} acknowledged creations, {} acknowledged changes, {} steps: 0 stale \
         accepts, 0 lost writes; requests without response: {}",
        log.checks.len(),
        log.changes
            .iter()
            .filter(|change| change.outcome == Outcome::Done)
            .count(),
        plan.faults,
        totals.unknown,
    ));
}

fn assert_nothing_found(log: &Log) {
    let findings = judge(log);
    let shown: Vec<String> = findings
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        shown.join("\n")
    );
}

fn assert_database_is_sound(database: &Database) {
    let checked = Command::new(binary("oi-server"))
        .arg("check")
        .env("DATABASE_URL", database.url())
        .output()
        .expect("oi-server runs");
    assert!(checked.status.success(), "{checked:?}");
}

/// A trial in which nothing ends, or nothing is accepted, would prove nothing.
fn assert_all_happened(log: &Log) {
    let totals = Totals::of(log);
    for way in Way::ALL.map(Way::name) {
        let done = totals.changes.get(way).map_or(0, |(done, _)| done.count);
        assert!(done > 0, "{way}: {totals}");
    }
    // Without those of an outage, which have no verdict.
    let judged = totals.accepted.count + totals.denied.count;
    for verdict in [&totals.accepted, &totals.denied] {
        assert!(verdict.count * 10 > judged, "{totals}");
    }
    for verdicts in totals.by_replica.values() {
        let replicas = totals.by_replica.len() as u64;
        let enough = usize::try_from(judged / replicas / 50).expect("a small number");
        assert!(verdicts.iter().all(|count| *count > enough), "{totals}");
    }
}
