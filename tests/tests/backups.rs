//! Backups on the built programs: made while a server changes the database, and restored without
//! reviving what was revoked since.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use openindex_tests::{Bootstrapped, Client, Database, Kind, Server, binary, both_stores};
use serde_json::{Value, json};
use tempfile::TempDir;

both_stores! {
    a_restored_backup_revives_nothing_that_an_export_tells_of,
    nothing_is_changed_in_a_database_that_is_empty_or_newer,
}

const MANY_EVENTS: &str = "INSERT INTO audit_events (id, at, actor, action, subject, request_id) \
     WITH RECURSIVE numbers (n) AS \
     (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200000) \
     SELECT randomblob(16), n, 'operator', 'user.promoted', \
     'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2', 'x' FROM numbers";

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

    fn url(&self) -> String {
        format!("sqlite://{}", self.restored.display())
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
    database.execute(MANY_EVENTS);
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
    let checked = succeeds(&format!("sqlite://{}", place.backup.display()), &["check"]);
    assert!(checked.contains("found no problem"), "{checked}");
    assert_eq!(place.others(), Vec::<String>::new());
    let flag = "--accept-unknown-revocations";
    succeeds(&place.url(), &["restore", text(&place.backup), flag]);
    let restored = Server::start_at(&place.url(), &[]);
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
    let full = place.path("full.db");
    // No file may become larger than this number of blocks.
    let limited = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} backup {}",
        binary("oi-server").display(),
        text(&full)
    );
    let output = Command::new("bash")
        .args(["-c", &limited])
        .env("DATABASE_URL", database.url())
        .output()
        .expect("bash runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("cannot copy the database to {}", text(&full));
    assert!(said.contains(&expected), "{said}");
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

#[test]
fn a_backup_that_is_interrupted_leaves_nothing_and_one_that_is_killed_is_cleaned_up() {
    let database = Database::new(Kind::Sqlite);
    succeeds(database.url(), &["migrate"]);
    database.execute(MANY_EVENTS);
    let place = Place::new();
    let begin = || {
        let child = Command::new(binary("oi-server"))
            .args(["backup", text(&place.backup)])
            .env("DATABASE_URL", database.url())
            .spawn();
        let mut child = child.expect("oi-server runs");
        let is_copying = || {
            let directory = place.others().pop().map(|name| place.path(&name));
            let copy = directory.and_then(|it| fs::metadata(it.join("copy.db")).ok());
            copy.is_some_and(|copy| copy.len() > 0)
        };
        while !is_copying() {
            let ended = child.try_wait().expect("its status");
            assert_eq!(ended, None, "it was faster than the test");
        }
        child
    };
    let interrupted = begin();
    let id = interrupted.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("kill runs").success());
    let output = interrupted.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(place.others(), Vec::<String>::new());
    let mut killed = begin();
    killed.kill().expect("killed");
    killed.wait().expect("it ends");
    assert_eq!(place.others().len(), 1);
    succeeds(database.url(), &["backup", text(&place.backup)]);
    assert_eq!(place.others(), Vec::<String>::new());
}

/// A database whose backup was made, and from which more was revoked afterwards.
struct Lost {
    admin: Bootstrapped,
    kept: String,
    revoked: String,
    rotated: String,
    issuer: String,
    run: String,
    member: String,
    deleted: String,
    cookie: String,
    place: Place,
    exports: [PathBuf; 2],
    /// The URL of the restored database, before `oi-server restore` on PostgreSQL.
    url: String,
}

impl Lost {
    fn of(kind: Kind) -> Self {
        let database = Database::new(kind);
        let source = Server::start(&database);
        let admin = Server::bootstrap(&database);
        let http = &source.http;
        let kept = create(&source.http, &admin.token, "kept").1;
        let (revoked_id, revoked) = create(&source.http, &admin.token, "revoked");
        let (rotated_id, rotated) = create(&source.http, &admin.token, "rotated");
        let issuer = create(&source.http, &admin.token, "issuer").1;
        let body = json!({"agentId": "builder", "ttlSeconds": 3600});
        let run = http.post("/agent-runs", &issuer, &body).json();
        let (member_id, member) = source.join_with_token(&admin.token, "grace@example.com");
        let (deleted_id, deleted) = source.join_with_token(&admin.token, "eve@example.com");
        let cookie = source.sign_in_by_link(&database, "ada@example.com");
        let place = Place::new();
        let url = match kind {
            Kind::Sqlite => {
                succeeds(database.url(), &["backup", text(&place.backup)]);
                place.url()
            }
            Kind::Postgres => String::new(),
        };
        let (source, url) = if kind == Kind::Postgres {
            // A copy of the database, as pg_restore would create it.
            drop(source.stop());
            let (cluster, name) = database.url().rsplit_once('/').expect("a database");
            let copy = format!("{name}_copy");
            let maintenance = Database::at(&format!("{cluster}/postgres"));
            maintenance.execute(&format!("CREATE DATABASE {copy} TEMPLATE {name}"));
            (Server::start(&database), format!("{cluster}/{copy}"))
        } else {
            (source, url)
        };
        let http = &source.http;
        let done = |response: openindex_tests::Response| {
            assert!(response.status < 300, "{response:?}");
            response
        };
        done(http.delete(&format!("/me/pats/{revoked_id}"), &admin.token));
        let rotate = format!("/me/pats/{rotated_id}/rotate");
        done(http.post(&rotate, &admin.token, &json!({"overlapSeconds": 3600})));
        let run_id = run["id"].as_str().expect("an id");
        done(http.delete(&format!("/agent-runs/{run_id}"), &admin.token));
        let suspend = format!("/admin/users/{member_id}/suspend");
        done(http.post(&suspend, &admin.token, &json!({})));
        done(http.delete(&format!("/admin/users/{deleted_id}"), &admin.token));
        // Sets a new password.
        let _ = source.sign_in_by_link(&database, "ada@example.com");
        let exports = ["json", "csv"].map(|format| {
            let path = format!("/audit/export?format={format}");
            let export = done(http.get(&path, &admin.token));
            let file = place.path(&format!("audit.{format}"));
            fs::write(&file, export.text).expect("written");
            file
        });
        Self {
            kept,
            revoked,
            rotated,
            issuer,
            run: run["token"].as_str().expect("a secret").to_owned(),
            member,
            deleted,
            cookie,
            admin,
            place,
            exports,
            url,
        }
    }

    /// Runs the command that restores, with these arguments.
    fn restore(&self, kind: Kind, arguments: &[&str]) -> Output {
        let mut all = vec!["restore"];
        if kind == Kind::Sqlite {
            all.push(text(&self.place.backup));
        }
        all.extend(arguments);
        server(&self.url, &all)
    }
}

fn outcome(server: &Server, token: &str) -> (u16, String) {
    server.http.get("/me", token).outcome()
}

fn a_restored_backup_revives_nothing_that_an_export_tells_of(kind: Kind) {
    let lost = Lost::of(kind);
    for export in &lost.exports {
        let output = lost.restore(kind, &["--revocations", text(export)]);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stdout).expect("text");
        for expected in [
            "Revoked 3 tokens.",
            "Ended 1 agent run.",
            "Suspended 1 user.",
            "Deleted 1 user.",
            "Removed 1 password.",
            "Ended all browser sessions (1)",
            "Nothing is known about users after",
            "Nothing is known about 4 active tokens after",
            "ada@example.com  kept",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        if kind == Kind::Postgres {
            // There is one database to restore.
            break;
        }
        if export != &lost.exports[1] {
            fs::remove_file(&lost.place.restored).expect("removed");
        }
    }
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    if kind == Kind::Sqlite {
        assert_eq!(mode(&lost.place.restored), 0o600);
        let mut files = lost.place.others();
        files.sort();
        assert_eq!(files, ["audit.csv", "audit.json", "restored.db"]);
    }
    let checked = succeeds(&lost.url, &["check"]);
    assert!(checked.contains("found no problem"), "{checked}");
    let restored = Server::start_at(&lost.url, &[]);
    let revoked = (401, "token_revoked".to_owned());
    assert_eq!(outcome(&restored, &lost.kept).0, 200);
    assert_eq!(outcome(&restored, &lost.issuer).0, 200);
    assert_eq!(outcome(&restored, &lost.revoked), revoked);
    assert_eq!(outcome(&restored, &lost.rotated), revoked);
    assert_eq!(outcome(&restored, &lost.run), revoked);
    assert_eq!(
        outcome(&restored, &lost.member),
        (401, "owner_suspended".to_owned())
    );
    assert_eq!(outcome(&restored, &lost.deleted).0, 401);
    let cookie = [("cookie", lost.cookie.as_str())];
    let page = restored.http.send("GET", "/settings/tokens", &cookie, None);
    assert_eq!(page.status, 303, "{page:?}");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let form = "email=ada%40example.com&password=five+words+that+nobody+says";
    let signed_in = restored.http.send("POST", "/sign-in", &headers, Some(form));
    assert_ne!(signed_in.status, 303, "{signed_in:?}");
    let events = restored
        .http
        .get("/audit?action=token.revoked", &lost.admin.token);
    let events = events.json();
    let actors = events["items"].as_array().expect("events").iter();
    let actors: Vec<&Value> = actors.map(|event| &event["actor"]["kind"]).collect();
    assert!(actors.contains(&&json!("operator")), "{events}");
}

fn nothing_is_changed_in_a_database_that_is_empty_or_newer(kind: Kind) {
    let database = Database::new(kind);
    succeeds(database.url(), &["migrate"]);
    for arguments in [
        ["--accept-unknown-revocations"].as_slice(),
        &["--revoke-all-created-before", "now"],
    ] {
        let restore = [&["restore"], arguments].concat();
        let said = fails(database.url(), &restore);
        assert!(said.contains("restore the backup first"), "{said}");
    }
    let admin = Server::bootstrap(&database).token;
    database.execute(
        "INSERT INTO openindex_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, 'later', success, checksum, 0 FROM openindex_migrations WHERE version = 1",
    );
    let restore = ["restore", "--revoke-all-created-before", "now"];
    let said = fails(database.url(), &restore);
    assert!(said.contains("a newer release has migrated"), "{said}");
    assert_eq!(outcome(&Server::start(&database), &admin).0, 200);
}

#[test]
fn nothing_is_restored_while_it_is_unknown_what_was_revoked() {
    let lost = Lost::of(Kind::Sqlite);
    let refused = |arguments: &[&str], expected: &str| {
        let output = lost.restore(Kind::Sqlite, arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(said.contains("--accept-unknown-revocations"), "{said}");
        let mut files = lost.place.others();
        files.retain(|name| !name.starts_with("audit."));
        assert_eq!(files, Vec::<String>::new());
    };
    refused(&[], "nothing tells what that was");
    refused(
        &["--revoke-all-created-before", "2026-01-01"],
        "created between these times",
    );
    // With a filter: it does not have the newest event of the backup.
    let export = fs::read_to_string(&lost.exports[0]).expect("the export");
    let events: Vec<Value> = serde_json::from_str(&export).expect("JSON");
    let filtered: Vec<&Value> = events
        .iter()
        .filter(|event| event["action"] == "token.revoked" || event["action"] == "token.created")
        .collect();
    let file = lost.place.path("audit.filtered");
    fs::write(&file, serde_json::to_string(&filtered).expect("JSON")).expect("written");
    let expected = format!(
        "not tell all of it: {} does not continue the backup",
        text(&file)
    );
    let whole = text(&lost.exports[0]);
    refused(
        &["--revocations", whole, "--revocations", text(&file)],
        &expected,
    );
    // The filter cannot be seen: it has the newest event of the backup, and begins with it.
    let first = events
        .iter()
        .rposition(|event| event["action"] == "token.revoked");
    let newest = first.expect("the first change after the backup") + 1;
    let after = serde_json::to_string(&events[..=newest]).expect("JSON");
    fs::write(&file, after).expect("written");
    refused(
        &["--revocations", text(&file)],
        "must begin at least an hour before the newest event in the backup",
    );

    let accepted = lost.restore(Kind::Sqlite, &["--accept-unknown-revocations"]);
    assert!(accepted.status.success(), "{accepted:?}");
    {
        let restored = Server::start_at(&lost.url, &[]);
        assert_eq!(outcome(&restored, &lost.revoked).0, 200, "as it was said");
        let cookie = [("cookie", lost.cookie.as_str())];
        let page = restored.http.send("GET", "/settings/tokens", &cookie, None);
        assert_eq!(page.status, 303, "{page:?}");
        // A running server is not restored.
        let said = fails(&lost.url, &["restore", "--accept-unknown-revocations"]);
        assert!(said.contains("in use by another process"), "{said}");
    }
    // The same, on the database that is there.
    let said = succeeds(
        &lost.url,
        &["restore", "--revoke-all-created-before", "now"],
    );
    assert!(!said.contains("active token"), "{said}");
    // Whether the user was suspended since then is unknown, too.
    assert!(said.contains("Removed 1 password."), "{said}");
    assert!(said.contains("Nothing is known about users"), "{said}");
    let restored = Server::start_at(&lost.url, &[]);
    for token in [&lost.kept, &lost.revoked, &lost.member, &lost.admin.token] {
        assert_eq!(outcome(&restored, token).1, "token_revoked");
    }
}

#[test]
fn a_damaged_or_incomplete_backup_is_rejected() {
    let database = Database::new(Kind::Sqlite);
    let source = Server::start(&database);
    let _admin = Server::bootstrap(&database);
    let place = Place::new();
    succeeds(database.url(), &["backup", text(&place.backup)]);
    let whole = fs::read(&place.backup).expect("the backup");
    let restore = [
        "restore",
        text(&place.backup),
        "--accept-unknown-revocations",
    ];
    let rejected = |bytes: &[u8], expected: &str| {
        fs::write(&place.backup, bytes).expect("written");
        let said = fails(&place.url(), &restore);
        assert!(said.contains(expected), "{expected}: {said}");
        assert_eq!(place.others(), Vec::<String>::new());
    };
    for length in [
        1,
        100,
        4096,
        5000,
        whole.len() / 2,
        whole.len() - 1,
        whole.len() - 4096,
    ] {
        rejected(&whole[..length], "is damaged");
    }
    rejected(b"", "is not a backup of OpenIndex");
    rejected(b"hello, world; this is no database at all\n", "is damaged");
    let mut torn = whole.clone();
    for page in torn.chunks_mut(4096).skip(1).step_by(7) {
        page[..64].fill(0xff);
    }
    rejected(&torn, "is damaged");
    fs::write(&place.backup, &whole).expect("written");
    let log = place.path("backup.db-wal");
    fs::write(&log, "frames").expect("written");
    let said = fails(&place.url(), &restore);
    assert!(
        said.contains("backup.db-wal is beside the backup"),
        "{said}"
    );
    fs::remove_file(&log).expect("removed");
    // A log of another database would be applied to the restored one.
    let log = place.path("restored.db-wal");
    fs::write(&log, "frames").expect("written");
    let said = fails(&place.url(), &restore);
    assert!(
        said.contains("restored.db-wal belongs to an earlier"),
        "{said}"
    );
    fs::remove_file(&log).expect("removed");
    let said = fails(database.url(), &restore);
    assert!(said.contains("in use by another process"), "{said}");
    drop(source);
    let said = fails(database.url(), &restore);
    assert!(said.contains("already exists"), "{said}");
    let said = fails("postgres://u:hunter2@h/db", &restore);
    assert!(said.contains("pg_restore"), "{said}");
    database.execute(
        "INSERT INTO openindex_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'later', TRUE, x'00', 0)",
    );
    fs::remove_file(&place.backup).expect("removed");
    succeeds(database.url(), &["backup", text(&place.backup)]);
    let said = fails(&place.url(), &restore);
    assert!(said.contains("made by a newer release"), "{said}");
    assert_eq!(place.others(), Vec::<String>::new());
}
