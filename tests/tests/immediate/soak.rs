//! A soak: for an hour, waves of different load on the same servers, which are restarted one after
//! the other. Their memory and their file descriptors must not grow.

use std::fmt;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Secret, TokenKind};
use openindex_tests::{Client, Database, Kind, Server};
use serde_json::json;

use crate::faults::Processes;
use crate::log::Outcome;
use crate::pace::Plan;
use crate::totals::Totals;
use crate::trial::{Trial, say};
use crate::wire::Replicas;
use crate::{assert_database_is_sound, assert_nothing_found};

/// Clients, users, checks and changes of the waves.
const WAVES: [(usize, usize, u64, u64); 4] = [
    (4, 4, 1_000, 14),
    (32, 12, 4_000, 42),
    (1, 1, 100, 1),
    (16, 8, 2_000, 28),
];
/// The memory and the file descriptors of a server may grow by less than this part, from the second
/// quarter of its life to the last.
const GROWTH: f64 = 0.05;
/// A shorter life tells nothing.
const WAVES_OF_A_LIFE: usize = 8;

/// How many looked-up tokens the server of a file remembers, active or not. Once there are as many,
/// others are forgotten.
const REMEMBERED: usize = 131_072;
/// Maximum number of tokens of one introspection.
const INTROSPECTED: usize = 1_000;
/// Requests at the same time that open each connection that a server opens on demand.
const AT_ONCE: usize = 16;

/// A server from its start to its end.
struct Life {
    replica: usize,
    process: u32,
    /// After each wave, in kilobytes.
    memory: Vec<f64>,
    descriptors: Vec<f64>,
}

impl Life {
    fn of(replica: usize, server: &Server) -> Self {
        Self {
            replica,
            process: server.id(),
            memory: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    fn measure(&mut self) {
        let directory = format!("/proc/{}", self.process);
        let status = fs::read_to_string(format!("{directory}/status")).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let memory: u32 = memory.and_then(|text| text.parse().ok()).expect("a number");
        self.memory.push(memory.into());
        let descriptors = fs::read_dir(format!("{directory}/fd")).expect("its descriptors");
        let descriptors = u32::try_from(descriptors.count()).expect("a small number");
        self.descriptors.push(descriptors.into());
    }

    fn assert_flat(&self) {
        for values in [&self.memory, &self.descriptors] {
            assert!(growth(values) < GROWTH, "{self}: {values:?}");
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |values: &[f64], unit: f64| {
            let quarters = quarters(values).map(|values| format!("{:.1}", median(values) / unit));
            format!("{} ({:+.1} %)", quarters.join(", "), growth(values) * 100.0)
        };
        write!(
            f,
            "replica {}: {} waves; by quarter: {} MB, {} descriptors",
            self.replica,
            self.memory.len(),
            told(&self.memory, 1024.0),
            told(&self.descriptors, 1.0)
        )
    }
}

/// Returns by which part the median of the last quarter of the values is above that of the second,
/// after the start.
fn growth(values: &[f64]) -> f64 {
    let [_, second, _, last] = quarters(values).map(median);
    last / second - 1.0
}

fn quarters(values: &[f64]) -> [&[f64]; 4] {
    let quarter = values.len() / 4;
    [0, 1, 2, 3].map(|n| &values[n * quarter..][..quarter])
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Runs waves for so long, and restarts each server in turn, under load.
pub(crate) fn soak(kind: Kind, length: Duration) {
    let database = Database::new(kind);
    let mut processes = Processes::on(&database);
    let admin = Server::bootstrap(&database).token;
    let servers = u32::try_from(processes.servers.len()).expect("a small number");
    let remembered = match kind {
        Kind::Sqlite => Remembered::create(&database),
        // Nothing is remembered.
        Kind::Postgres => Remembered::default(),
    };
    for server in &processes.servers {
        warm_up(&server.http, &admin, &remembered);
    }
    let mut lives: Vec<Life> = Vec::new();
    let mut current: Vec<Life> = (0..)
        .zip(&processes.servers)
        .map(|(n, s)| Life::of(n, s))
        .collect();
    let (mut restarts, mut waves) = (0, 0);
    let (mut checks, mut changes) = (0, 0);
    let begun = Instant::now();
    while begun.elapsed() < length {
        let (clients, users, of_checks, of_changes) = WAVES[waves % WAVES.len()];
        let plan = Plan {
            checks: of_checks,
            changes: of_changes,
            faults: 0,
            clients,
            users,
        };
        let http = processes.servers[0].http.clone();
        let spares = Trial::join_spares(plan, &http, &admin, || {
            let _ = database.execute("DELETE FROM rate_limits");
        });
        let urls = processes.servers.iter().map(|server| server.url.as_str());
        let replicas = Replicas::new(urls);
        let is_due =
            restarts < servers && begun.elapsed() > length * (restarts + 1) / (servers + 1);
        let replica = restarts as usize;
        let trial = Trial::new(plan, replicas, &admin, spares);
        let log = trial.run(&http, |trial| {
            if is_due {
                processes.restart(trial, replica);
            }
        });
        assert_nothing_found(&log);
        let done = log
            .changes
            .iter()
            .filter(|change| change.outcome == Outcome::Done);
        changes += done.count();
        let totals = Totals::of(&log);
        checks += totals.accepted.count + totals.denied.count;
        if is_due {
            let successor = Life::of(replica, &processes.servers[replica]);
            lives.push(std::mem::replace(&mut current[replica], successor));
            warm_up(&processes.servers[replica].http, &admin, &remembered);
            restarts += 1;
        }
        delete_everyone_else(&processes.servers[0].http, &admin);
        for life in &mut current {
            life.measure();
        }
        waves += 1;
    }
    lives.extend(current);
    lives.retain(|life| life.memory.len() >= WAVES_OF_A_LIFE);
    let told: Vec<String> = lives.iter().map(|life| format!("\n  {life}")).collect();
    say(&format!(
        "{kind:?}, {} s: {waves} waves, {checks} checks, {changes} changes, {restarts} restarts, 0 \
         stale{}",
        begun.elapsed().as_secs(),
        told.concat()
    ));
    for life in &lives {
        life.assert_flat();
    }
    assert_database_is_sound(&database);
}

/// Makes a server open and remember what it would open and remember at some time of its life.
fn warm_up(http: &Client, admin: &str, remembered: &Remembered) {
    remembered.look_up(http, admin);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                for _ in 0..AT_ONCE {
                    let _ = http.get("/admin/users", admin);
                }
            });
        }
    });
}

/// As many tokens as a server remembers, so that its memory is full from the start, and its caches
/// of a file's pages, too.
#[derive(Default)]
struct Remembered(Vec<String>);

impl Remembered {
    /// Creates the tokens for an owner without an account, whom no list counts.
    fn create(database: &Database) -> Self {
        database.execute(
            "INSERT INTO owners (id, role, active, account) \
             VALUES (randomblob(16), 'member', 1, 0)",
        );
        let entropy = SeededEntropy::new(1);
        let secret = || Secret::generate(TokenKind::Personal, &entropy).expect("seeded entropy");
        let secrets: Vec<Secret> = (0..REMEMBERED).map(|_| secret()).collect();
        for some in secrets.chunks(INTROSPECTED) {
            let digests = some.iter().map(|secret| {
                let digest = secret.digest();
                let bytes = digest.as_bytes().iter().map(|byte| format!("{byte:02x}"));
                format!("(X'{}')", bytes.collect::<String>())
            });
            database.execute(&format!(
                "WITH digests (digest) AS (VALUES {}) \
                 INSERT INTO tokens (id, kind, owner_id, digest, created_at, name, scope) \
                 SELECT randomblob(16), 'personal', owners.id, digests.digest, users.created_at, \
                     'a token', 'read_write' FROM digests, users, owners WHERE owners.account = 0",
                digests.collect::<Vec<_>>().join(", ")
            ));
        }
        Self(secrets.iter().map(|it| it.expose().to_owned()).collect())
    }

    fn look_up(&self, http: &Client, admin: &str) {
        for some in self.0.chunks(INTROSPECTED) {
            let found = http.post("/auth/introspect", admin, &json!({"tokens": some}));
            let tokens = found.json()["tokens"].clone();
            let tokens = tokens.as_array().expect("an array");
            assert!(tokens.iter().all(|token| token["active"] == true));
        }
    }
}

/// Deletes the users of a wave with their tokens, so that lists of users do not become longer.
fn delete_everyone_else(http: &Client, admin: &str) {
    let me = http.get("/me", admin).json()["user"]["id"].clone();
    loop {
        let page = http.get("/admin/users?sort=newest&limit=200", admin).json();
        let users = page["items"].as_array().expect("users");
        let others = users.iter().map(|user| &user["id"]).filter(|id| **id != me);
        let mut deleted = 0;
        for id in others {
            let path = format!("/admin/users/{}", id.as_str().expect("an id"));
            let status = http.delete(&path, admin).status;
            // A busy server says 503, and is asked again.
            assert!(matches!(status, 204 | 503), "{status}");
            deleted += 1;
        }
        if deleted == 0 {
            return;
        }
    }
}

#[test]
fn growth_is_from_the_second_quarter_to_the_last() {
    let values =
        |value: fn(f64) -> f64| -> Vec<f64> { (0..40).map(|n| value(f64::from(n))).collect() };
    assert!(growth(&values(|_| 50.0)).abs() < 1e-9);
    // A start, and a load that comes and goes.
    let flat = values(|n| if n < 10.0 { n } else { 50.0 + n % 2.0 });
    assert!(growth(&flat) < GROWTH);
    // From 115 to 135.
    assert!((growth(&values(|n| 100.0 + n)) - 20.0 / 115.0).abs() < 1e-9);
    assert!(growth(&values(|n| 100.0 - n)) < 0.0);
}
