//! Backups on the built programs, made while a server changes the database.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use openindex_tests::{Client, Database, Kind, Server, binary};
use serde_json::json;
use tempfile::TempDir;

fn server(url: &str, arguments: &[&str]) -> Output {
    Command::new(binary("oi-server"))
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .expect("oi-server runs")
}

fn succeeds(url: &str, arguments: &[&str]) -> String {
    let output = server(url, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Runs a command that fails, and returns its error.
fn fails(url: &str, arguments: &[&str]) -> String {
    let output = server(url, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(!error.contains("panicked"), "{error}");
    error
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// A directory with the path of a backup and of the database to restore.
struct Place {
    directory: TempDir,
    backup: PathBuf,
    restored: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name| directory.path().join(name);
        let (backup, restored) = (path("backup.db"), path("restored.db"));
        Self {
            directory,
            backup,
            restored,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the names of the files that are not the backup.
    fn others(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.into_string().expect("a name"));
        names.filter(|name| name != "backup.db").collect()
    }
}

fn create(http: &Client, token: &str, name: &str) -> (String, String) {
    let body = json!({"name": name, "scope": "read_write"});
    let created = http.post("/me/pats", token, &body);
    assert_eq!(created.status, 201, "{created:?}");
    let created = created.json();
    let field = |name: &str| created[name].as_str().expect("text").to_owned();
    (field("id"), field("token"))
}

#[test]
fn a_backup_beside_changes_has_all_that_was_acknowledged_before() {
    let database = Database::new(Kind::Sqlite);
    let limits = ["--token-quota", "100000", "--token-rate", "1000000"];
    let source = Server::start_with(&database, &limits);
    let admin = Server::bootstrap(&database);
    let place = Place::new();
    // Enough to copy that changes are made meanwhile.
    database.execute(
        "INSERT INTO audit_events (id, at, actor, action, subject, request_id) \
         WITH RECURSIVE numbers (n) AS \
         (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200000) \
         SELECT randomblob(16), n, 'operator', 'user.promoted', \
         'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2', 'x' FROM numbers",
    );
    let stop = AtomicBool::new(false);
    let http = Client::new(&source.url);
    let (before, during) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut created = 0;
            while !stop.load(Ordering::Relaxed) {
                create(&http, &admin.token, &format!("token {created}"));
                created += 1;
            }
            created
        });
        let before = create(&source.http, &admin.token, "before").1;
        let said = succeeds(database.url(), &["backup", text(&place.backup)]);
        stop.store(true, Ordering::Relaxed);
        assert!(said.contains("1 user, "), "{said}");
        assert!(said.contains(" audit events."), "{said}");
        (before, writer.join().expect("the writer"))
    });
    assert!(during > 1, "changes went on");
    let mode = fs::metadata(&place.backup)
        .expect("the backup")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(place.others(), Vec::<String>::new());
    let restored = Server::start_at(&format!("sqlite://{}", place.backup.display()), &[]);
    assert_eq!(restored.http.get("/me", &before).status, 200);
}

#[test]
fn an_existing_file_is_not_replaced_and_a_failed_backup_leaves_nothing() {
    let database = Database::new(Kind::Sqlite);
    succeeds(database.url(), &["migrate"]);
    let place = Place::new();
    fs::write(&place.backup, "precious").expect("a file");
    let said = fails(database.url(), &["backup", text(&place.backup)]);
    assert!(said.contains("already exists"), "{said}");
    assert_eq!(fs::read(&place.backup).expect("the file"), b"precious");
    let missing = place.path("missing").join("backup.db");
    let said = fails(database.url(), &["backup", text(&missing)]);
    assert!(said.contains("cannot write"), "{said}");
    let other = text(&place.backup);
    let said = fails(
        &format!("sqlite://{other}"),
        &["backup", text(&place.restored)],
    );
    assert!(said.contains("not a database"), "{said}");
    let url = format!("sqlite://{}/none.db", place.directory.path().display());
    let said = fails(&url, &["backup", text(&place.restored)]);
    assert!(said.contains("database file not found"), "{said}");
    let said = fails(
        "postgres://u:hunter2@h/db",
        &["backup", text(&place.restored)],
    );
    assert!(said.contains("pg_dump"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(place.others(), Vec::<String>::new());
}
