use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use openindex_tests::{Database, Kind, Server, World};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::runtime::Runtime;

use crate::support::{command, copied, migrate, said};

/// A lock on the work items of a PostgreSQL database, at which a copy waits after all other tables.
struct Locked {
    runtime: Runtime,
    connection: Option<PgConnection>,
}

impl Locked {
    fn new(database: &Database) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let connection = runtime.block_on(async {
            let mut connection = PgConnection::connect(database.url())
                .await
                .expect("connected");
            let lock = "BEGIN; LOCK TABLE work_items IN SHARE MODE";
            connection
                .execute(sqlx::raw_sql(lock))
                .await
                .expect("locked");
            connection
        });
        Self {
            runtime,
            connection: Some(connection),
        }
    }

    fn release(&mut self) {
        if let Some(connection) = self.connection.take() {
            let closed = self.runtime.block_on(connection.close());
            closed.expect("closed");
        }
    }
}

/// Starts a copy and waits until it has written all tables but that of work items.
fn begun(from: &Database, to: &Database) -> (Child, BufReader<ChildStderr>) {
    let mut copy = command(from.url(), to.url());
    let copy = copy.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut copy = copy.spawn().expect("oi-server runs");
    let mut lines = BufReader::new(copy.stderr.take().expect("standard error"));
    let mut line = String::new();
    while !line.starts_with("copied work_domains") {
        line.clear();
        assert!(lines.read_line(&mut line).expect("a line") > 0, "it ended");
    }
    (copy, lines)
}

#[test]
fn a_copy_that_is_killed_leaves_an_empty_target() {
    let source = Database::new(Kind::Sqlite);
    let target = Database::new(Kind::Postgres);
    let _world = World::fill(&source);
    migrate(&target);
    let mut locked = Locked::new(&target);
    let (mut copy, _) = begun(&source, &target);
    copy.kill().expect("killed");
    copy.wait().expect("it ends");
    for table in ["users", "tokens", "audit_events", "work_domains"] {
        assert_eq!(
            target.execute(&format!("SELECT FROM {table}")),
            0,
            "{table}"
        );
    }
    locked.release();
    // The same copy succeeds afterwards.
    let _ = copied(&source, &target);
}

#[test]
fn a_copy_into_a_file_that_is_killed_or_interrupted_leaves_it_empty() {
    let [filled, file] = [Kind::Sqlite, Kind::Sqlite].map(Database::new);
    let source = Database::new(Kind::Postgres);
    let _world = World::fill(&filled);
    let _ = copied(&filled, &source);
    let runtime = Runtime::new().expect("a runtime");
    let connection = runtime.block_on(async {
        let mut connection = PgConnection::connect(source.url())
            .await
            .expect("connected");
        let lock = "BEGIN; LOCK TABLE work_items IN ACCESS EXCLUSIVE MODE";
        connection
            .execute(sqlx::raw_sql(lock))
            .await
            .expect("locked");
        connection
    });
    let path = file.url().strip_prefix("sqlite://").expect("a path");
    let (mut copy, _) = begun(&source, &file);
    copy.kill().expect("killed");
    copy.wait().expect("it ends");
    let (copy, mut lines) = begun(&source, &file);
    let signal = Command::new("kill")
        .args(["-INT", &copy.id().to_string()])
        .status();
    assert!(signal.expect("kill runs").success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("text");
    let output = copy.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{rest}");
    assert!(
        rest.contains("interrupted; the target has either everything or nothing"),
        "{rest}"
    );
    for suffix in ["-wal", "-shm"] {
        let beside = format!("{path}{suffix}");
        assert!(!Path::new(&beside).exists(), "{beside} is left");
    }
    drop(connection);
    // A target with rows would be an error.
    let _ = copied(&source, &file);
}

#[test]
fn a_change_of_the_source_during_the_copy_is_an_error() {
    let source = Database::new(Kind::Postgres);
    let target = Database::new(Kind::Postgres);
    let (world, _) = World::fill(&source);
    migrate(&target);
    let server = Server::start(&source);
    let mut locked = Locked::new(&target);
    let (copy, mut lines) = begun(&source, &target);
    let body = json!({"name": "late", "scope": "read_write"});
    let late = server.http.post("/me/pats", world.get("admin"), &body);
    assert_eq!(late.status, 201, "{late:?}");
    locked.release();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("text");
    let output = copy.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{rest} {}", said(&output));
    assert!(
        rest.contains("the source was changed while it was copied"),
        "{rest}"
    );
    assert_eq!(target.execute("SELECT FROM users"), 0);
}
