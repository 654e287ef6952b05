//! A real `PgBouncer` between the server and PostgreSQL.

use std::thread;

use openindex_tests::{Client, Database, Kind, PgBouncer, Server};
use serde_json::json;

use crate::support::{as_user, assert_well, name, oi_server, outcomes, said, served, wait_for_log};

const SESSION: &str = "auth_type = trust";
const TRANSACTION: &str = "auth_type = trust\npool_mode = transaction";

/// Returns a migrated database with its first administrator's token.
fn migrated() -> (Database, String) {
    let database = Database::new(Kind::Postgres);
    let token = Server::bootstrap(&database).token;
    (database, token)
}

/// Asserts that everything that a server does with the database works, also for concurrent
/// requests, and that a revocation holds once it is acknowledged.
fn assert_serves(url: &str, token: &str) -> Server {
    let server = Server::start_at(url, &[]);
    assert_well(&server, token);
    let body = json!({"name": "burst", "scope": "read_write"});
    let clients: Vec<_> = (0..50)
        .map(|number| {
            let (http, token, body) = (Client::new(&server.url), token.to_owned(), body.clone());
            thread::spawn(move || {
                if number % 2 == 0 {
                    return http.get("/me", &token).status;
                }
                let created = http.post("/me/pats", &token, &body);
                assert_eq!(created.status, 201, "{created:?}");
                let created = created.json();
                let secret = created["token"].as_str().expect("a secret");
                assert_eq!(http.get("/me", secret).status, 200);
                let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
                assert_eq!(http.delete(&path, &token).status, 204);
                let revoked = http.get("/me", secret).outcome();
                assert_eq!(revoked, (401, "token_revoked".to_owned()));
                200
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().expect("no panic"), 200);
    }
    for path in [
        "/me/pats",
        "/audit",
        "/admin/pats",
        "/admin/users",
        "/browse",
        "/stats",
    ] {
        let listed = server.http.get(path, token);
        assert_eq!(listed.status, 200, "{path}: {listed:?}");
    }
    let item = json!({"domain": "OPS", "title": "Through a pooler"});
    assert_eq!(server.http.post("/browse", token, &item).status, 201);
    let log = server.log();
    for words in ["prepared statement", "database failed", "startup parameter"] {
        assert!(!log.contains(words), "{log}");
    }
    server
}

#[test]
fn with_its_default_settings_a_pooler_makes_no_difference() {
    let database = Database::new(Kind::Postgres);
    let pooler = PgBouncer::start(database.url(), SESSION);
    let url = pooler.before(database.url());
    let migrated = oi_server(&url, &["migrate"]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    let admin = Server::bootstrap(&Database::at(&url));
    let server = assert_serves(&url, &admin.token);
    assert!(
        !server.log().contains("transaction mode"),
        "{}",
        server.log()
    );
}

#[test]
fn sessions_that_a_pooler_did_not_reset_work() {
    let (database, token) = migrated();
    let settings = format!("{SESSION}\nserver_reset_query =\ndefault_pool_size = 14");
    let pooler = PgBouncer::start(database.url(), &settings);
    let url = pooler.before(database.url());
    for _ in 0..2 {
        let (status, _) = assert_serves(&url, &token).stop();
        assert!(status.success());
    }
}

#[test]
fn a_pooler_in_transaction_mode_is_detected_and_everything_works() {
    let (database, token) = migrated();
    // A parameter of the test's own driver.
    let settings = format!(
        "{TRANSACTION}\ndefault_pool_size = 4\nignore_startup_parameters = extra_float_digits"
    );
    let pooler = PgBouncer::start(database.url(), &settings);
    let url = pooler.before(database.url());
    let servers = [assert_serves(&url, &token), assert_serves(&url, &token)];
    for server in servers {
        let log = server.log();
        assert!(log.contains("pooler in transaction mode detected"), "{log}");
        assert_well(&server, &token);
    }
    // Settings last for one transaction, and no statement stays behind for another client.
    let through = Database::at(&url);
    for _ in 0..8 {
        through.execute_all(
            "DO $$ BEGIN IF current_setting('statement_timeout') <> '0' \
             OR EXISTS (SELECT FROM pg_prepared_statements) \
             THEN RAISE 'something stayed behind'; END IF; END $$",
        );
    }
}

#[test]
fn a_pooler_in_transaction_mode_with_one_or_rotating_sessions_is_detected() {
    let (database, token) = migrated();
    for more in ["default_pool_size = 1", "server_round_robin = 1"] {
        let pooler = PgBouncer::start(database.url(), &format!("{TRANSACTION}\n{more}"));
        let server = assert_serves(&pooler.before(database.url()), &token);
        let log = server.log();
        assert!(
            log.contains("pooler in transaction mode detected"),
            "{more}: {log}"
        );
    }
}

#[test]
fn the_url_can_declare_transaction_mode() {
    let (database, token) = migrated();
    let pooler = PgBouncer::start(database.url(), TRANSACTION);
    let url = format!("{}?pool_mode=transaction", pooler.before(database.url()));
    assert_serves(&url, &token);
    // Declaring it without a pooler is harmless.
    assert_serves(&format!("{}?pool_mode=transaction", database.url()), &token);
}

#[test]
fn migrations_are_not_applied_through_a_pooler_in_transaction_mode() {
    let database = Database::new(Kind::Postgres);
    let pooler = PgBouncer::start(database.url(), TRANSACTION);
    let url = pooler.before(database.url());
    for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let said = said(&oi_server(&url, arguments));
        assert!(said.contains("pending migrations: 0001 tokens"), "{said}");
        assert!(
            said.contains("with a URL that points at PostgreSQL itself"),
            "{said}"
        );
    }
}

#[test]
fn a_pooler_in_statement_mode_is_named_as_the_reason() {
    let (database, _) = migrated();
    let pooler = PgBouncer::start(database.url(), "auth_type = trust\npool_mode = statement");
    let said = said(&oi_server(&pooler.before(database.url()), &["migrate"]));
    assert!(
        said.contains("set the pooler's pool_mode to session or transaction"),
        "{said}"
    );
}

#[test]
fn the_served_role_signs_in_to_a_pooler_with_scram() {
    let database = Database::new(Kind::Postgres);
    let (_, role) = served(&database);
    let token = Server::bootstrap(&database).token;
    let pooler = PgBouncer::start(database.url(), "auth_type = scram-sha-256");
    pooler.add_users(&format!("\"{role}\" \"pass@word\"\n"));
    let through = pooler.before(database.url());
    assert_serves(&as_user(&through, &format!("{role}:pass%40word")), &token);
    let wrong = oi_server(&as_user(&through, &format!("{role}:hunter2")), &["migrate"]);
    let said = said(&wrong);
    assert!(
        said.contains("check the user and password in the database URL"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn requests_get_503_until_the_pooler_is_back() {
    let (database, token) = migrated();
    for mode in [SESSION, TRANSACTION] {
        let mut pooler = PgBouncer::start(database.url(), mode);
        let server = Server::start_at(&pooler.before(database.url()), &[]);
        assert_well(&server, &token);
        pooler.stop();
        for outcome in outcomes(&server, &token) {
            assert_eq!(outcome, (503, "unavailable".to_owned()));
        }
        wait_for_log(
            &server,
            "database unreachable: connection refused (127.0.0.1:",
        );
        pooler.restart();
        assert_well(&server, &token);
    }
}

#[test]
fn a_pooler_that_cannot_reach_the_database_is_an_outage() {
    let (database, token) = migrated();
    let settings = format!("{SESSION}\nquery_wait_timeout = 1\nserver_login_retry = 1");
    let pooler = PgBouncer::start(database.url(), &settings);
    let server = Server::start_at(&pooler.before(database.url()), &[]);
    assert_well(&server, &token);
    let name = name(&database).to_owned();
    let outside = Database::new(Kind::Postgres);
    outside.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    end_sessions(&outside, &name);
    for outcome in outcomes(&server, &token) {
        assert_eq!(outcome, (503, "unavailable".to_owned()), "{}", server.log());
    }
    outside.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    let mut tries = 0..100;
    while server.http.get("/ready", "").status != 200 {
        assert!(tries.next().is_some(), "{}", server.log());
    }
    assert_well(&server, &token);
}

fn end_sessions(outside: &Database, name: &str) {
    outside.execute(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ));
}

#[test]
fn a_startup_parameter_that_a_pooler_rejects_is_reported_with_a_hint() {
    let (database, _) = migrated();
    let pooler = PgBouncer::start(database.url(), SESSION);
    let url = format!(
        "{}?options=-c%20search_path%3Dpublic",
        pooler.before(database.url())
    );
    let said = said(&oi_server(&url, &["migrate"]));
    assert!(
        said.contains("unsupported startup parameter: options"),
        "{said}"
    );
    assert!(said.contains("ignore_startup_parameters"), "{said}");
}

/// `docs/postgresql.md` sizes pools by this number.
#[test]
fn a_server_opens_at_most_12_connections() {
    let (database, token) = migrated();
    let server = assert_serves(database.url(), &token);
    let open = database.execute(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'openindex'",
    );
    assert!((3..=12).contains(&open), "{open}");
    assert_well(&server, &token);
}
