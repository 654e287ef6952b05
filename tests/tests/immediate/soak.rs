//! A soak: for an hour, waves of different load on the same servers, which are restarted one after
//! the other. Their memory and their file descriptors must not grow.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use openindex_tests::{Database, Kind, Server};

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
/// The memory and the file descriptors of a server may grow by less than this part, by the line
/// that fits the last three quarters of its life best.
const GROWTH: f64 = 0.05;
/// A shorter life tells nothing.
const WAVES_OF_A_LIFE: usize = 8;

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
        if self.memory.len() >= WAVES_OF_A_LIFE {
            for values in [&self.memory, &self.descriptors] {
                assert!(growth(values) < GROWTH, "{self}: {values:?}");
            }
        }
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = |values: &[f64]| {
            let from = values.get(values.len() / 4).copied().unwrap_or_default();
            (from, values.last().copied().unwrap_or_default())
        };
        let ((from, to), (opened, open)) = (ends(&self.memory), ends(&self.descriptors));
        write!(
            f,
            "replica {}: {} waves; {:.1} to {:.1} MB ({:+.1} %), {opened} to {open} descriptors \
             ({:+.1} %)",
            self.replica,
            self.memory.len(),
            from / 1024.0,
            to / 1024.0,
            growth(&self.memory) * 100.0,
            growth(&self.descriptors) * 100.0
        )
    }
}

/// Returns by which part of their mean the last three quarters of the values grow, on the line of
/// least squares.
fn growth(values: &[f64]) -> f64 {
    let last = &values[values.len() / 4..];
    let count = last.iter().map(|_| 1.0).sum::<f64>();
    let mean = last.iter().sum::<f64>() / count;
    let middle = (count - 1.0) / 2.0;
    let (mut covariance, mut variance, mut position) = (0.0, 0.0, 0.0);
    for value in last {
        let from_middle = position - middle;
        covariance += from_middle * (value - mean);
        variance += from_middle * from_middle;
        position += 1.0;
    }
    if variance == 0.0 || mean == 0.0 {
        return 0.0;
    }
    covariance / variance * (count - 1.0) / mean
}

/// Runs waves for so long, and restarts each server in turn, under load.
pub(crate) fn soak(kind: Kind, length: Duration) {
    let database = Database::new(kind);
    let mut processes = Processes::on(&database);
    let admin = Server::bootstrap(&database).token;
    let servers = u32::try_from(processes.servers.len()).expect("a small number");
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
            restarts += 1;
        }
        for life in &mut current {
            life.measure();
        }
        waves += 1;
    }
    lives.extend(current);
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

#[test]
fn growth_is_that_of_the_last_three_quarters() {
    let values =
        |value: fn(f64) -> f64| -> Vec<f64> { (0..40).map(|n| value(f64::from(n))).collect() };
    assert!(growth(&values(|_| 50.0)).abs() < 1e-9);
    // A start, and a load that comes and goes.
    let flat = values(|n| if n < 10.0 { n } else { 50.0 + n % 2.0 });
    assert!(growth(&flat) < GROWTH);
    // From 110 to 139, with a mean of 124.5.
    assert!((growth(&values(|n| 100.0 + n)) - 29.0 / 124.5).abs() < 1e-9);
    assert!(growth(&values(|n| 100.0 - n)) < 0.0);
}
