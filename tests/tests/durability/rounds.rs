//! A SQLite database whose server is killed, whose disk is full or becomes read-only, and whose
//! write-ahead log is torn, again and again under load.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use openindex_tests::{Database, Kind, Random, Server, binary};

use crate::disk::Disk;
use crate::ledger::{Ledger, assert_unavailable};

/// No limit that a test would reach.
const ARGUMENTS: [&str; 4] = ["--token-quota", "100000", "--token-rate", "1000000"];
/// Maximum number of acknowledged changes before each fault.
const CHANGES: usize = 60;
/// Number of failed changes in each fault that does not end the server.
const FAILURES: usize = 20;
/// How soon changes succeed again after a fault, without a restart.
const AGAIN: Duration = Duration::from_secs(10);

#[test]
fn a_kill_under_load_loses_nothing() {
    kills(1);
}

#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn kills_under_load_lose_nothing_in_a_long_run() {
    kills(many());
}

#[test]
fn a_full_disk_loses_nothing_and_is_over_without_a_restart() {
    full_disks(1);
}

#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn full_disks_lose_nothing_in_a_long_run() {
    full_disks(many());
}

#[test]
fn a_file_system_that_becomes_read_only_loses_nothing() {
    failing_disks(1);
}

#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn file_systems_that_become_read_only_lose_nothing_in_a_long_run() {
    failing_disks(many());
}

#[test]
fn a_torn_write_ahead_log_loses_what_was_cut_and_nothing_else() {
    torn_logs(2);
}

#[test]
#[ignore = "takes minutes; scripts/test --long runs it"]
fn torn_write_ahead_logs_lose_what_was_cut_in_a_long_run() {
    torn_logs(many());
}

fn many() -> u64 {
    number("OPENINDEX_TEST_ROUNDS").unwrap_or(50)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect(variable))
}

/// Calls `round` with a random sequence for each round, whose seed is printed: one is enough if
/// the seed is given.
#[expect(clippy::print_stderr, reason = "a round that fails can be run again")]
fn repeat(rounds: u64, mut round: impl FnMut(u64, &mut Random)) {
    let given = number("OPENINDEX_TEST_SEED");
    let base = RandomState::new().hash_one(());
    for number in 0..given.map_or(rounds, |_| 1) {
        let seed = given.unwrap_or(base.wrapping_add(number));
        eprintln!("round {number}: OPENINDEX_TEST_SEED={seed}");
        round(seed, &mut Random::new(seed));
    }
}

/// Asserts that the database has no problem.
fn assert_whole(url: &str) {
    let checked = Command::new(binary("oi-server"))
        .arg("check")
        .env("DATABASE_URL", url)
        .output()
        .expect("oi-server runs");
    assert!(checked.status.success(), "{checked:?}");
}

#[expect(clippy::print_stderr, reason = "a long run prints its figures")]
fn report(name: &str, rounds: u64, acknowledged: usize) {
    eprintln!("{rounds} times {name}: {acknowledged} acknowledged changes, none lost");
}

fn kills(rounds: u64) {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let all = Ledger::default();
    repeat(rounds, |seed, random| {
        let server = Server::start_with(&database, &ARGUMENTS);
        let http = server.http.clone();
        let changes = 1 + random.below(CHANGES);
        all.work(&http, &admin, seed, || {
            all.await_acknowledged(changes);
            server.kill();
        });
        let server = Server::start_with(&database, &ARGUMENTS);
        all.assert_complete(&server.http);
        assert_whole(database.url());
    });
    report("kill -9", rounds, all.acknowledged());
}

fn full_disks(rounds: u64) {
    let Some(disk) = Disk::new() else { return };
    let admin = Server::bootstrap(&Database::at(&disk.url())).token;
    let mut server = Server::start_at(&disk.url(), &ARGUMENTS);
    let all = Ledger::default();
    repeat(rounds, |seed, random| {
        let http = server.http.clone();
        let (changes, free) = (1 + random.below(CHANGES), random.below(256 * 1024));
        let before = server.log().len();
        all.work(&http, &admin, seed, || {
            all.await_acknowledged(changes);
            disk.fill(free as u64);
            all.await_failed(FAILURES);
            // What is remembered is still verified, and anything else is 503.
            if let Some(live) = all.live() {
                let status = http.get("/me", &live).status;
                assert!(matches!(status, 200 | 503), "{status}");
            }
            disk.free();
            let begun = Instant::now();
            all.await_acknowledged(1);
            assert!(begun.elapsed() < AGAIN, "{:?}", begun.elapsed());
        });
        assert_eq!(http.get("/ready", "").status, 200);
        let log = server.log().split_off(before);
        assert!(log.contains("free disk space"), "{log}");
        all.assert_complete(&http);
        assert_whole(&disk.url());
    });
    let (status, _) = server.stop();
    assert!(status.success(), "{status}");
    server = Server::start_at(&disk.url(), &ARGUMENTS);
    all.assert_complete(&server.http);
    report("a full disk", rounds, all.acknowledged());
}

fn failing_disks(rounds: u64) {
    let Some(disk) = Disk::new() else { return };
    let admin = Server::bootstrap(&Database::at(&disk.url())).token;
    let all = Ledger::default();
    repeat(rounds, |seed, random| {
        let server = Server::start_at(&disk.url(), &ARGUMENTS);
        let http = server.http.clone();
        let changes = 1 + random.below(CHANGES);
        all.work(&http, &admin, seed, || {
            all.await_acknowledged(changes);
            // While it aborts, ext4 reports a few writes as done that it loses, to any program.
            all.doubt(true);
            disk.fail();
            all.await_failed(FAILURES);
            if let Some(live) = all.live() {
                let status = http.get("/me", &live).status;
                assert!(matches!(status, 200 | 503), "{status}");
            }
        });
        assert_unavailable(&http.get("/ready", ""));
        let _ = server.until_logged("check the disk and its file system");
        let (_, log) = server.stop();
        assert!(!log.contains("panicked"), "{log}");
        disk.repair();
        all.doubt(false);
        let server = Server::start_at(&disk.url(), &ARGUMENTS);
        all.assert_complete(&server.http);
        assert_whole(&disk.url());
    });
    report("a read-only file system", rounds, all.acknowledged());
}

#[test]
fn a_server_does_not_start_on_a_read_only_file_system_and_says_why() {
    let Some(disk) = Disk::new() else { return };
    let _ = Server::bootstrap(&Database::at(&disk.url()));
    disk.remount_read_only();
    let output = Command::new(binary("oi-server"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DATABASE_URL", disk.url())
        .output()
        .expect("oi-server runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
}

/// The write-ahead log of the database in this file.
fn log_of(database: &Database) -> PathBuf {
    let file = database.url().strip_prefix("sqlite://").expect("a file");
    PathBuf::from(format!("{file}-wal"))
}

/// Damages a file from this position on: what follows is missing, or in parts something else.
fn tear(file: &PathBuf, position: u64, length: u64, random: &mut Random) {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .open(file)
        .expect("a file");
    if position == length || random.below(2) == 0 {
        file.set_len(position).expect("cut");
        return;
    }
    let count = 1 + random.below(512.min(usize::try_from(length - position).expect("small")));
    let bytes: Vec<u8> = (0..count)
        .map(|_| u8::try_from(random.below(256)).expect("a byte"))
        .collect();
    file.seek(SeekFrom::Start(position)).expect("there");
    file.write_all(&bytes).expect("written");
}

fn torn_logs(rounds: u64) {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let log = log_of(&database);
    let length = || fs::metadata(&log).map_or(0, |log| log.len());
    let (mut acknowledged, mut lost) = (0, 0);
    repeat(rounds, |_, random| {
        // The server before has exited and left everything in the main file.
        assert!(!log.exists());
        let server = Server::start_with(&database, &ARGUMENTS);
        let ledger = Ledger::default();
        // Of each change: the length of the log before it was sent, and when it was acknowledged.
        let (mut changes, mut lengths) = (Vec::new(), Vec::new());
        for _ in 0..=random.below(CHANGES / 2) {
            let before = length();
            let change = ledger.change(&server.http, &admin, random);
            changes.push(change.expect("a response").expect("acknowledged"));
            let after = length();
            assert!(before < after, "the log does not grow");
            lengths.push((before, after));
        }
        server.kill();
        let whole = length();
        let position = random.below(usize::try_from(whole).expect("small") + 1) as u64;
        tear(&log, position, whole, random);
        let kept = lengths.iter().filter(|(_, after)| *after <= position);
        let possible = lengths.iter().filter(|(before, _)| *before < position);
        let (kept, possible) = (kept.count(), possible.count());

        let server = Server::start_with(&database, &ARGUMENTS);
        ledger.assert_prefix(&server.http, &changes, kept, possible);
        assert_whole(database.url());
        let (status, _) = server.stop();
        assert!(status.success(), "{status}");
        acknowledged += kept;
        lost += changes.len() - possible;
    });
    report("a torn write-ahead log", rounds, acknowledged);
    assert!(rounds < 20 || lost > 0, "nothing was ever cut");
}
