//! The errors of `oi-server` for unusable databases: what is wrong, with what, and what to do, but
//! never a password.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use openindex_tests::{Cluster, Database, Kind, Server, free_port, server_as_nobody};

use crate::support::{as_user, name, oi_server, outcomes, said};

/// Runs a command on an unusable database, and returns its output.
fn failing(url: &str) -> String {
    let output = oi_server(url, &["migrate"]);
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert!(!said.contains("pool timed out"), "{said}");
    said
}

fn assert_says(url: &str, expected: &[&str]) {
    let said = failing(url);
    for words in expected {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn an_address_where_no_postgresql_listens_is_named() {
    let port = free_port();
    assert_says(
        &format!("postgres://oi:hunter2@127.0.0.1:{port}/oi"),
        &[&format!(
            "database unreachable: connection refused (127.0.0.1:{port})"
        )],
    );
    assert_says(
        "postgres://oi:hunter2@no-such-host.invalid/oi",
        &["database unreachable: ", "(no-such-host.invalid:5432)"],
    );
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().display();
    assert_says(
        &format!("postgres:///oi?host={socket}&user=oi&password=hunter2"),
        &["database unreachable: ", &format!("({socket}")],
    );
    // Another program listens.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            let _ = client.read(&mut [0; 1024]);
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    assert_says(
        &format!("postgres://oi:hunter2@{address}/oi"),
        &[&address.to_string()],
    );
    assert_says(
        &format!("postgres://oi:hunter2@{address}/oi?sslmode=disable"),
        &["database unreachable: ", &address.to_string()],
    );
}

#[test]
fn a_rejected_login_is_reported_with_a_hint() {
    let cluster = Cluster::new();
    let owner = Database::in_cluster(&cluster.url);
    owner.execute_all("CREATE ROLE app LOGIN PASSWORD 'p@ss#w/o%rd'; CREATE ROLE nobody NOLOGIN");
    cluster.allow(
        "hostnossl all plain 127.0.0.1/32 reject\n\
         host all app 127.0.0.1/32 scram-sha-256\n\
         host all openindex,nobody,none 127.0.0.1/32 trust\n",
    );
    owner.execute_all("CREATE ROLE plain LOGIN; CREATE ROLE stranger LOGIN");
    let url = owner.url();
    let right = as_user(url, "app:p%40ss%23w%2Fo%25rd");
    // It may connect, but not migrate.
    assert_says(&right, &["pending migrations: 0001 tokens", "as the owner"]);
    assert_says(
        &as_user(url, "app:hunter2"),
        &[
            "password authentication failed for user \"app\"",
            "28P01",
            "percent-encode",
        ],
    );
    assert_says(
        &as_user(url, "none"),
        &["role \"none\" does not exist", "check the user"],
    );
    assert_says(
        &as_user(url, "nobody"),
        &["not permitted to log in", "ALTER ROLE"],
    );
    assert_says(
        &url.replace(name(&owner), "not_there"),
        &[
            "database \"not_there\" does not exist",
            "check the database name",
        ],
    );
    assert_says(
        &as_user(url, "stranger"),
        &["no pg_hba.conf entry", "sslmode=require"],
    );
    assert_says(&as_user(url, "plain"), &["pg_hba.conf rejects", "28000"]);
    assert_says(
        &format!("{url}?sslmode=require"),
        &["server does not support TLS", "sslmode"],
    );
    owner.execute_all("ALTER ROLE app CONNECTION LIMIT 0");
    assert_says(
        &right,
        &[
            "too many connections for role",
            "raise the connection limit",
        ],
    );
}

#[test]
fn an_unencoded_character_is_reported_without_the_password() {
    for (password, expected) in [
        ("hunter2#", "%23"),
        ("hunter2/", "%2F"),
        ("hun/hunter2@ter", "%2F"),
        ("hunter2%", "%25"),
        ("100%hunter2", "%25"),
        ("hunter2?", "%3F"),
        ("hunter2 ", "%20"),
        ("p@hunter2?x=y", "%3F"),
    ] {
        let url = format!("postgres://oi:{password}@127.0.0.1/oi");
        assert_says(&url, &["percent-encode", expected]);
    }
}

#[test]
fn a_standby_is_reported_as_read_only() {
    let cluster = Cluster::new();
    cluster.stop();
    cluster.become_standby();
    cluster.start();
    assert_says(
        &cluster.url,
        &["read-only standby", "point the database URL at the primary"],
    );
}

/// Runs `oi-server migrate` as a user who is subject to file permissions, even if the tests run as
/// root.
fn failing_as_nobody(url: &str) -> String {
    let mut command = server_as_nobody();
    let output = command.arg("migrate").env("DATABASE_URL", url).output();
    let output = output.expect("oi-server runs");
    assert!(!output.status.success(), "{output:?}");
    said(&output)
}

#[test]
fn an_unusable_sqlite_file_is_named_with_a_hint() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let url = |name: &str| format!("sqlite://{}", path(name));
    assert_says(
        &url("missing/openindex.db"),
        &[
            "missing/openindex.db: no such file or directory",
            "create its directory first",
        ],
    );
    assert_says(
        &url("missing.db?mode=rw"),
        &["database file not found: ", "missing.db"],
    );
    assert_says(&url(""), &["is a directory or a device; specify a file"]);
    assert_says(
        "sqlite:///dev/null",
        &["/dev/null is a directory or a device"],
    );
    fs::write(path("text.db"), vec![b'x'; 8192]).expect("written");
    assert_says(
        &url("text.db"),
        &[
            "file is not a database",
            "text.db",
            "check the path in the database URL",
        ],
    );
    let database = Database::new(Kind::Sqlite);
    let migrated = oi_server(database.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    let lock = database.lock();
    let said = said(&oi_server(database.url(), &["migrate"]));
    assert!(
        said.contains("another process has locked the file"),
        "{said}"
    );
    drop(lock);
}

#[test]
fn a_read_only_sqlite_file_is_reported_with_a_hint() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |path: &std::path::Path, mode: &str| {
        let status = Command::new("chmod").arg(mode).arg(path).status();
        assert!(status.expect("chmod runs").success());
    };
    let url = |name: &str| format!("sqlite://{}", directory.path().join(name).display());
    open(directory.path(), "555");
    let said = failing_as_nobody(&url("new.db"));
    assert!(
        said.contains("new.db: permission denied; give the server's user write access"),
        "{said}"
    );
    open(directory.path(), "755");
    let migrated = oi_server(&url("old.db"), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    open(&directory.path().join("old.db"), "444");
    let said = failing_as_nobody(&url("old.db"));
    assert!(said.contains("give the server's user"), "{said}");
    open(&directory.path().join("old.db"), "000");
    let said = failing_as_nobody(&url("old.db"));
    assert!(said.contains("give the server's user"), "{said}");
}

#[test]
fn a_sqlite_file_that_became_read_only_is_not_ready() {
    let database = Database::new(Kind::Sqlite);
    let token = Server::bootstrap(&database).token;
    let file = database.url().strip_prefix("sqlite://").expect("a path");
    let file = file.split('?').next().unwrap_or_default();
    let directory = std::path::Path::new(file).parent().expect("a directory");
    // Root is subject to no mode; then the server runs as another user, who owns both.
    let _ = Command::new("chown")
        .arg("-R")
        .arg("65534")
        .arg(directory)
        .status();
    let status = Command::new("chmod").args(["444", file]).status();
    assert!(status.expect("chmod runs").success());
    let server = Server::start_as_nobody(database.url());
    let [read, change, ready] = outcomes(&server, &token);
    let unavailable = (503, "unavailable".to_owned());
    assert_eq!(
        (read.0, change, ready),
        (200, unavailable.clone(), unavailable)
    );
}
