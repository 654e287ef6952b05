//! URLs and variables as other programs use them: each works, or is reported with a hint.

use std::fs;
use std::process::{Command, Output};

use openindex_tests::{Database, Kind, Server, binary};

use crate::support::{assert_well, name, oi_server, said, served};

fn migrate_with(url: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary("oi-server"));
    command.arg("migrate").env("DATABASE_URL", url);
    let output = command.envs(variables.iter().copied()).output();
    output.expect("oi-server runs")
}

#[test]
fn a_url_for_another_program_is_rejected_with_a_hint_and_never_repeated() {
    let url = "postgres://oi:hunter2@127.0.0.1/oi";
    for (url, expected) in [
        (
            "jdbc:postgresql://127.0.0.1/oi?password=hunter2".to_owned(),
            "remove jdbc:",
        ),
        (
            url.replace("postgres:", "postgresql+psycopg:"),
            "the name of a driver",
        ),
        (
            format!("{url}?SSLMODE=hunter2"),
            "parameter sslmode of the PostgreSQL URL must be lower case",
        ),
        (
            format!("{url}?sslmode=hunter2"),
            "use disable, allow, prefer",
        ),
        (format!("{url}?schema=hunter2"), "search_path%3DNAME"),
        (
            format!("{url}?sslrootcert=/hunter2.pem"),
            "path of a PEM file",
        ),
        (format!("{url}?host=hunter2,b"), "multiple hosts"),
    ] {
        let said = said(&oi_server(&url, &["migrate"]));
        assert!(said.contains(expected), "{url}: {said}");
        assert!(!said.contains("hunter2"), "{url}: {said}");
    }
    for (variable, value, expected) in [
        (
            "PGSSLMODE",
            "hunter2",
            "invalid value of environment variable PGSSLMODE; use disable",
        ),
        (
            "PGPORT",
            "hunter2",
            "invalid value of environment variable PGPORT; use a number",
        ),
        (
            "PGSSLROOTCERT",
            "/hunter2",
            "invalid value of environment variable PGSSLROOTCERT",
        ),
    ] {
        let said = said(&migrate_with("postgres:///oi", &[(variable, value)]));
        assert!(said.contains(expected), "{variable}: {said}");
        assert!(!said.contains("hunter2"), "{variable}: {said}");
    }
}

#[test]
fn settings_without_effect_are_logged_with_a_hint() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let token = Server::bootstrap(&database).token;
    let parameters = "pgbouncer=true&connection_limit=5&pool_timeout=7&application_name=eu-1&\
                      options=-c%20search_path%3Dpublic";
    let server = Server::start_at(&format!("{url}?{parameters}"), &[]);
    assert_well(&server, &token);
    let log = server.log();
    for name in ["connection_limit", "pool_timeout"] {
        assert!(log.contains(&format!("\"name\":\"{name}\"")), "{log}");
    }
    assert!(
        log.contains("a server opens at most 12 connections"),
        "{log}"
    );
    let named = format!(
        "SELECT 1 FROM pg_stat_activity WHERE usename = '{role}' AND application_name = 'eu-1'"
    );
    assert!(database.execute(&named) > 0);
    drop(server);
    let mut program = Command::new(binary("oi-server"));
    program
        .env("PGSERVICE", "elsewhere")
        .env("PGREQUIREAUTH", "none");
    let server = Server::start_program(program, &url);
    let log = server.log();
    assert!(log.contains("\"name\":\"PGSERVICE\""), "{log}");
    assert!(log.contains("\"name\":\"PGREQUIREAUTH\""), "{log}");
    assert!(!log.contains("elsewhere"), "{log}");
}

#[test]
fn what_the_url_omits_comes_from_the_variables_and_the_password_file() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let (_, server) = url.split_once('@').expect("a user");
    let (address, _) = server.split_once('/').expect("a database");
    let (host, port) = address.split_once(':').expect("a port");
    let directory = tempfile::tempdir().expect("a directory");
    let passwords = directory.path().join("passwords");
    fs::write(&passwords, format!("{host}:{port}:*:{role}:p/a#s?s%w\n")).expect("written");
    let set = std::process::Command::new("chmod")
        .arg("600")
        .arg(&passwords)
        .status();
    assert!(set.expect("chmod runs").success());
    let passwords = passwords.display().to_string();
    let variables = [
        ("PGHOST", host),
        ("PGPORT", port),
        ("PGUSER", &role),
        ("PGDATABASE", name(&database)),
        ("PGPASSFILE", &passwords),
        ("PGSSLMODE", "prefer"),
    ];
    for url in [
        "postgres://",
        "postgres:///",
        &format!("postgres://{role}@/{}", name(&database)),
    ] {
        let output = migrate_with(url, &variables);
        assert!(output.status.success(), "{url}: {}", said(&output));
    }
}
