//! The files of a SQLite database are removed or replaced under the server: nothing is acknowledged
//! that a restart would lose, and no revocation is undone.

use std::fs;
use std::path::{Path, PathBuf};

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

const TOKENS: &str = "/me/pats";

fn file(database: &Database, suffix: &str) -> PathBuf {
    let path = database.url().strip_prefix("sqlite://").expect("a file");
    PathBuf::from(format!("{path}{suffix}"))
}

/// Creates a token and returns its id and secret.
fn create(server: &Server, admin: &str) -> (String, String) {
    let body = json!({"name": "one", "scope": "read_write"});
    let created = server.http.post(TOKENS, admin, &body).json();
    let text = |field: &str| created[field].as_str().expect("text").to_owned();
    (format!("{TOKENS}/{}", text("id")), text("token"))
}

/// Asserts that nothing that requires the database succeeds, and that the log names the file and
/// the fix.
fn serves_nothing(server: &Server, admin: &str, path: &str, name: &str) {
    let _ = server.until_logged("database file was removed or replaced");
    let _ = server.until_logged("write-ahead log saved");
    let expected = (503, "unavailable".to_owned());
    for response in [
        server.http.get("/me", admin),
        server.http.get(TOKENS, admin),
        server.http.delete(path, admin),
        server
            .http
            .post(TOKENS, admin, &json!({"name": "two", "scope": "admin"})),
        server.http.get("/admin/users", admin),
    ] {
        assert_eq!(response.outcome(), expected);
    }
    assert_eq!(server.http.get("/ready", admin).status, 503);
    assert_eq!(server.http.get("/health", admin).status, 200);
    let log = server.log();
    let told = format!("{name} was removed or replaced while it was open; restart the server");
    assert!(log.contains(&told), "{log}");
}

#[test]
fn a_revocation_survives_the_removal_of_the_log_and_a_kill() {
    for removed in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let database = Database::new(Kind::Sqlite);
        let admin = Server::bootstrap(&database).token;
        let server = Server::start(&database);
        let (first, revoked) = create(&server, &admin);
        let (second, live) = create(&server, &admin);
        assert_eq!(server.http.delete(&first, &admin).status, 204);
        for suffix in removed {
            fs::remove_file(file(&database, suffix)).expect("removed");
        }
        let name = format!("openindex.db{}", removed[0]);
        serves_nothing(&server, &admin, &second, &name);
        server.kill();

        let server = Server::start(&database);
        let outcome = server.http.get("/me", &revoked).outcome();
        assert_eq!(outcome, (401, "token_revoked".to_owned()), "{removed:?}");
        // A change that was not acknowledged was not made.
        assert_eq!(server.http.get("/me", &live).status, 200, "{removed:?}");
    }
}

#[test]
fn a_replaced_database_accepts_no_change() {
    let replace: [fn(&Path); 3] = [
        |path| {
            let other = path.with_extension("other");
            fs::copy(path, &other).expect("a copy");
            fs::rename(other, path).expect("moved over it");
        },
        |path| fs::remove_file(path).expect("removed"),
        |path| {
            fs::rename(path, path.with_extension("old")).expect("moved away");
            fs::write(path, b"").expect("an empty one");
        },
    ];
    for replace in replace {
        let database = Database::new(Kind::Sqlite);
        let admin = Server::bootstrap(&database).token;
        let server = Server::start(&database);
        let (path, _) = create(&server, &admin);
        replace(&file(&database, ""));
        serves_nothing(&server, &admin, &path, "openindex.db");
        let (status, _) = server.stop();
        assert!(status.success(), "{status}");
    }
}

#[test]
fn a_restored_backup_is_served_after_a_kill_without_the_log_of_the_replaced_database() {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let (main, backup) = (file(&database, ""), file(&database, ".backup"));
    fs::copy(&main, &backup).expect("a backup");
    let server = Server::start(&database);
    let (path, later) = create(&server, &admin);
    fs::rename(&backup, &main).expect("restored");
    serves_nothing(&server, &admin, &path, "openindex.db");
    server.kill();

    let server = Server::start(&database);
    let outcome = server.http.get("/me", &later).outcome();
    assert_eq!(outcome, (401, "token_unknown".to_owned()));
    assert_eq!(server.http.get("/me", &admin).status, 200);
}

#[test]
fn a_restored_database_is_served_without_a_restart() {
    let database = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&database).token;
    let server = Server::start(&database);
    let (path, secret) = create(&server, &admin);
    let (main, away) = (file(&database, ""), file(&database, ".away"));
    fs::rename(&main, &away).expect("moved away");
    serves_nothing(&server, &admin, &path, "openindex.db");
    fs::rename(away, main).expect("moved back");
    let _ = server.until_logged("database file is back");
    assert_eq!(server.http.delete(&path, &admin).status, 204);
    server.kill();
    let server = Server::start(&database);
    let outcome = server.http.get("/me", &secret).outcome();
    assert_eq!(outcome, (401, "token_revoked".to_owned()));
}
