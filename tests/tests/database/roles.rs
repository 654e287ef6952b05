//! The role that owns the tables, and the role that serves.

use std::process::Command;

use openindex_tests::{Cluster, Database, Kind, Server, binary};

use crate::support::{
    as_user, assert_well, grant, name, oi_server, outcomes, said, served, wait_for_log,
};

const PAGE: &str = include_str!("../../../docs/postgresql.md");

/// Returns the fenced blocks marked `sh roles`, in order.
fn blocks() -> Vec<&'static str> {
    PAGE.split("```sh roles\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn the_set_up_with_two_roles_works_word_for_word() {
    let cluster = Cluster::new();
    let admin = cluster
        .url
        .rsplit_once('/')
        .expect("a database")
        .0
        .to_owned()
        + "/postgres";
    let address = admin.split_once('@').expect("a user").1;
    let address = address.split_once('/').expect("a database").0;
    let programs = binary("oi-server");
    let programs = programs.parent().expect("a directory").display();
    let path = std::env::var("PATH").unwrap_or_default();
    // The cluster already has a database of this name, which the page creates.
    let script = format!(
        "psql --quiet \"$ADMIN_URL\" --command 'DROP DATABASE openindex'\n{}",
        blocks().concat().replace("db.example.com:5432", address)
    );
    assert_eq!(blocks().len(), 3, "a block was added or lost its mark");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("ADMIN_URL", &admin)
        .env("PATH", format!("{programs}:{path}"))
        .env_remove("DATABASE_URL")
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let token = stdout
        .split_whitespace()
        .find(|word| word.starts_with("oi_pat_"));
    let token = token.expect("a token");
    let url = format!("postgres://openindex_server:second-secret@{address}/openindex");
    let server = Server::start_at(&url, &[]);
    assert_well(&server, token);
    assert!(
        !server.log().contains("can alter the schema"),
        "{}",
        server.log()
    );
    let link = oi_server(&url, &["sign-in-link", "--email", "ada@example.com"]);
    assert!(link.status.success(), "{link:?}");
}

#[test]
fn the_serving_role_cannot_change_the_audit_log_or_the_schema() {
    let database = Database::new(Kind::Postgres);
    // Before PostgreSQL 15, every role may create objects unless that is revoked.
    database.execute("GRANT CREATE ON SCHEMA public TO PUBLIC");
    let (url, role) = served(&database);
    let admin = Server::bootstrap(&Database::at(&url));
    let server = Server::start_at(&url, &[]);
    assert_well(&server, &admin.token);
    let as_served = Database::at(&url);
    let owner = database.url().split(['/', '@']).nth(2).expect("a user");
    for statement in [
        "UPDATE audit_events SET action = 'x'",
        "DELETE FROM audit_events",
        "TRUNCATE audit_events",
        "TRUNCATE tokens CASCADE",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only",
        "DROP TRIGGER audit_events_append_only ON audit_events",
        "CREATE OR REPLACE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql \
         AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_events FOR EACH ROW \
         EXECUTE FUNCTION audit_events_append_only()",
        "CREATE RULE mine AS ON INSERT TO audit_events DO INSTEAD NOTHING",
        "SET session_replication_role = replica",
        "ALTER TABLE tokens ADD COLUMN mine text",
        "ALTER TABLE tokens OWNER TO CURRENT_USER",
        "DROP TABLE audit_events",
        "CREATE TABLE mine (id integer REFERENCES users (id))",
        "CREATE TABLE mine (id integer)",
        "CREATE TEMPORARY TABLE audit_events (id integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE INDEX mine ON audit_events (at)",
        "INSERT INTO openindex_migrations SELECT * FROM openindex_migrations",
        "DELETE FROM openindex_migrations",
        "GRANT DELETE ON audit_events TO PUBLIC",
        &format!("SET ROLE {owner}"),
        &format!("SET SESSION AUTHORIZATION {owner}"),
        &format!("GRANT {owner} TO CURRENT_USER"),
        "ALTER ROLE CURRENT_USER SUPERUSER",
    ] {
        let tried = as_served.try_execute(statement);
        let rejected = tried.as_ref().is_err_and(|error| {
            ["permission denied", "must be", "no privileges"]
                .iter()
                .any(|words| error.contains(words))
        });
        // A grant without the grant option is a warning, and has no effect.
        let no_effect = statement.starts_with("GRANT DELETE") && tried.is_ok();
        assert!(rejected || no_effect, "{statement}: {tried:?}");
    }
    assert!(as_served.try_execute("DELETE FROM audit_events").is_err());
    // Running the SQL again revokes what was granted meanwhile.
    database.execute(&format!(
        "GRANT ALL ON audit_events, openindex_migrations TO {role}"
    ));
    database.execute("GRANT ALL ON audit_events TO PUBLIC");
    grant(&database, &role);
    for statement in ["TRUNCATE audit_events", "DELETE FROM openindex_migrations"] {
        assert!(as_served.try_execute(statement).is_err(), "{statement}");
    }
    assert_well(&server, &admin.token);
}

#[test]
fn every_table_of_the_database_is_among_those_that_are_granted() {
    let database = Database::new(Kind::Postgres);
    let (_, role) = served(&database);
    let kinds = "relkind IN ('r', 'p', 'v', 'm', 'S', 'f')";
    let without = format!(
        "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND {kinds} \
         AND NOT has_table_privilege('{role}', oid, 'SELECT')"
    );
    assert_eq!(
        database.execute(&without),
        0,
        "a table or sequence lacks its grant"
    );
    let tables =
        format!("SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace AND {kinds}");
    assert!(database.execute(&tables) >= 11);
}

#[test]
fn a_role_that_only_serves_starts_without_pending_migrations_and_names_them_otherwise() {
    let database = Database::new(Kind::Postgres);
    let role = format!("served_{}", name(&database));
    database.execute(&format!("CREATE ROLE {role} LOGIN"));
    let url = as_user(database.url(), &role);
    // The database is empty.
    let bootstrap = ["bootstrap", "--email", "ada@example.com", "--name", "Ada"];
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["migrate"],
        &bootstrap,
    ] {
        let started = oi_server(&url, arguments);
        let said = said(&started);
        assert!(!started.status.success(), "{said}");
        assert!(said.contains("pending migrations: 0001 tokens"), "{said}");
        let right = format!("GRANT USAGE, CREATE ON SCHEMA public TO {role}");
        assert!(
            said.contains("run `oi-server migrate` as the owner") && said.contains(&right),
            "{said}"
        );
    }
    let migrated = oi_server(database.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    grant(&database, &role);
    let again = oi_server(&url, &["migrate"]);
    assert!(again.status.success(), "nothing is pending: {again:?}");
    // As after an older release.
    database.execute("DELETE FROM openindex_migrations WHERE version > 1000");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {role}"));
    let said_now = said(&oi_server(&url, &["serve", "--listen", "127.0.0.1:0"]));
    assert!(
        said_now.contains("pending migrations: 1001 work, 1002 "),
        "{said_now}"
    );
    let owner = database.url().split(['/', '@']).nth(2).expect("a user");
    assert!(
        said_now.contains(&format!("as the owner of the tables (role {owner})")),
        "{said_now}"
    );
    // As after a newer release.
    let other = Database::new(Kind::Postgres);
    let migrated = oi_server(other.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    other.execute(
        r"INSERT INTO openindex_migrations (version, description, success, checksum, execution_time)
          VALUES (9999, 'newer', TRUE, '\x00', 1)",
    );
    let server = Server::start(&other);
    let log = server.log();
    assert!(log.contains("schema is newer than this server"), "{log}");
    assert!(log.contains("9999"), "{log}");
    assert_eq!(server.http.get("/ready", "").status, 200);
}

#[test]
fn a_missing_privilege_is_named_and_the_server_is_not_ready() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let admin = Server::bootstrap(&database);
    database.execute(&format!("REVOKE INSERT ON audit_events FROM {role}"));
    let server = Server::start_at(&url, &[]);
    wait_for_log(
        &server,
        "missing privileges: INSERT on audit_events; run the SQL from",
    );
    let unavailable = (503, "unavailable".to_owned());
    let [read, change, ready] = outcomes(&server, &admin.token);
    assert_eq!(
        (read.0, change, ready),
        (200, unavailable.clone(), unavailable)
    );
    wait_for_log(&server, "permission denied for table audit_events");
    grant(&database, &role);
    assert_well(&server, &admin.token);
}

#[test]
fn a_server_that_runs_as_the_owner_is_warned_about_the_second_role_once() {
    let database = Database::new(Kind::Postgres);
    let migrated = oi_server(database.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    let server = Server::start(&database);
    let log = server.log();
    let line = log
        .lines()
        .filter(|it| it.contains("oi-server grants --help"));
    let lines: Vec<_> = line.collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains(r#""level":"WARN""#), "{log}");
}

#[test]
fn the_tables_can_be_in_another_schema() {
    let database = Database::new(Kind::Postgres);
    let role = format!("served_{}", name(&database));
    let owner = database.url().split(['/', '@']).nth(2).expect("a user");
    database.execute_all(&format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA tracker"));
    for user in [owner, &role] {
        let database_name = name(&database);
        database.execute_all(&format!(
            "ALTER ROLE {user} IN DATABASE {database_name} SET search_path = tracker"
        ));
    }
    let migrated = oi_server(database.url(), &["migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    let arguments = ["grants", "--role", &role, "--schema", "tracker"];
    let grants = oi_server("sqlite://unused.db", &arguments);
    database.execute_all(&String::from_utf8(grants.stdout).expect("SQL"));
    let url = as_user(database.url(), &role);
    let admin = Server::bootstrap(&Database::at(&url));
    assert_well(&Server::start_at(&url, &[]), &admin.token);
}
