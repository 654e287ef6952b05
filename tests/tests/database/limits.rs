//! A database, or a pooler in front of it, that is full, paused, starting or disabled: a temporary
//! outage that is reported as such, with the setting to change.

use openindex_tests::{Cluster, Database, Kind, PgBouncer, Server, free_port};

use crate::support::{assert_well, name, oi_server, outcomes, said, served, wait_for_log};

const TRUST: &str = "auth_type = trust\nadmin_users = openindex";

/// Asserts what each command that opens a database prints when it fails.
fn assert_fails(url: &str, expected: &[&str]) {
    for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let output = oi_server(url, arguments);
        let said = said(&output);
        assert!(!output.status.success(), "{said}");
        for words in expected {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert!(!said.contains("pending migrations"), "{said}");
    }
}

#[test]
fn an_exhausted_pooler_is_reported_with_the_setting_to_change() {
    let database = Database::new(Kind::Postgres);
    let _ = Server::bootstrap(&database);
    for (settings, expected) in [
        ("max_client_conn = 1", "raise max_client_conn in PgBouncer"),
        (
            "default_pool_size = 1\nquery_wait_timeout = 1",
            "raise its default_pool_size",
        ),
        (
            "max_db_connections = 1\nquery_wait_timeout = 1",
            "PgBouncer",
        ),
        (
            "default_pool_size = 1",
            "its default_pool_size is exhausted",
        ),
    ] {
        let pooler = PgBouncer::start(database.url(), &format!("{TRUST}\n{settings}"));
        assert_fails(&pooler.before(database.url()), &[expected]);
    }
}

#[test]
fn a_pooler_that_cannot_reach_its_database_points_to_its_log() {
    let database = Database::new(Kind::Postgres);
    let (before, _) = database.url().rsplit_once(':').expect("a port");
    let away = format!("{before}:{}/{}", free_port(), name(&database));
    let settings = format!("{TRUST}\nquery_wait_timeout = 1\nserver_login_retry = 1");
    let pooler = PgBouncer::start(&away, &settings);
    assert_fails(&pooler.before(&away), &["PgBouncer"]);
}

#[test]
fn a_paused_pooler_or_disabled_database_is_a_temporary_outage() {
    let database = Database::new(Kind::Postgres);
    let token = Server::bootstrap(&database).token;
    let pooler = PgBouncer::start(database.url(), TRUST);
    let url = pooler.before(database.url());
    let transaction = format!("{TRUST}\npool_mode = transaction");
    let lending = PgBouncer::start(database.url(), &transaction);
    let lent = lending.before(database.url());
    let server = Server::start_at(&lent, &[]);
    assert_well(&server, &token);
    lending.command("PAUSE");
    for outcome in outcomes(&server, &token) {
        assert_eq!(outcome, (503, "unavailable".to_owned()));
    }
    wait_for_log(&server, "if a pooler is in front, whether it is paused");
    assert_fails(&lent, &["whether it is paused"]);
    lending.command("RESUME");
    assert_well(&server, &token);
    wait_for_log(&server, "database recovered");
    drop(server);
    let server = Server::start_at(&url, &[]);
    assert_well(&server, &token);
    let db = name(&database);
    pooler.command(&format!("DISABLE {db}"));
    assert_fails(
        &url,
        &["is disabled", "run ENABLE in the PgBouncer console"],
    );
    pooler.command(&format!("ENABLE {db}"));
    assert_well(&server, &token);
}

#[test]
fn a_limit_of_postgresql_is_reported_with_the_command_that_raises_it() {
    let cluster = Cluster::new();
    let database = Database::in_cluster(&cluster.url);
    let (url, _) = served(&database);
    let db = name(&database);
    database.execute(&format!("ALTER DATABASE {db} CONNECTION LIMIT 0"));
    assert_fails(
        &url,
        &[
            "too many connections for database",
            "ALTER DATABASE … CONNECTION LIMIT",
        ],
    );
    database.execute(&format!("ALTER DATABASE {db} CONNECTION LIMIT -1"));
    for setting in [
        "wal_level = minimal",
        "max_wal_senders = 0",
        "max_connections = 4",
        "superuser_reserved_connections = 3",
    ] {
        database.execute(&format!("ALTER SYSTEM SET {setting}"));
    }
    cluster.stop();
    cluster.start();
    assert_fails(
        &url,
        &[
            "remaining connection slots are reserved",
            "raise max_connections in PostgreSQL",
        ],
    );
}
