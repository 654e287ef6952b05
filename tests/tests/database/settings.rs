//! Defaults of a database or a role: the server works with them, or says in one line what is wrong.

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

use crate::support::{as_user, assert_well, name, oi_server, said, served};

/// A title with long characters of many scripts.
fn title() -> String {
    "Ж漢é😀".repeat(40)
}

fn assert_serves(url: &str, token: &str, what: &str) {
    let server = Server::start_at(url, &[]);
    assert_well(&server, token);
    let item = json!({"domain": "OPS", "title": title()});
    let created = server.http.post("/browse", token, &item);
    assert_eq!(created.status, 201, "{what}: {created:?}: {}", server.log());
    assert_eq!(created.json()["title"], title(), "{what}");
    for path in [
        "/me/pats",
        "/audit",
        "/admin/pats",
        "/browse?q=Ж漢",
        "/stats",
    ] {
        let listed = server.http.get(path, token);
        assert_eq!(listed.status, 200, "{what}: {path}: {listed:?}");
    }
    let log = server.log();
    assert!(!log.contains("database failed"), "{what}: {log}");
}

#[test]
fn a_database_whose_encoding_cannot_store_every_text_is_rejected_at_start_and_at_migrate() {
    let outside = Database::new(Kind::Postgres);
    for encoding in ["SQL_ASCII", "LATIN1"] {
        let database = format!("{}_{}", name(&outside), encoding.to_lowercase());
        outside.execute(&format!(
            "CREATE DATABASE {database} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'"
        ));
        let url = outside.url().replace(name(&outside), &database);
        for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            for url in [url.clone(), format!("{url}?pool_mode=transaction")] {
                let output = oi_server(&url, arguments);
                let said = said(&output);
                assert!(!output.status.success(), "{said}");
                assert!(
                    said.contains(&format!(
                        "database encoding must be UTF8 (got {encoding}); create the database with \
                         `createdb --encoding=UTF8 --template=template0`"
                    )),
                    "{said}"
                );
            }
        }
    }
}

#[test]
fn the_server_works_with_any_defaults_of_a_role() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let token = Server::bootstrap(&database).token;
    for setting in [
        "client_encoding = 'LATIN1'",
        "client_encoding = 'SQL_ASCII'",
        "DateStyle = 'German, DMY'",
        "IntervalStyle = 'sql_standard'",
        "standard_conforming_strings = off",
        "bytea_output = 'escape'",
        "TimeZone = 'Asia/Kathmandu'",
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "lock_timeout = 1",
        "idle_in_transaction_session_timeout = 1",
        "row_security = on",
        "synchronous_commit = off",
        "extra_float_digits = -15",
        "plan_cache_mode = force_custom_plan",
        "quote_all_identifiers = on",
        "search_path = \"$user\", nowhere, public",
    ] {
        database.execute(&format!("ALTER ROLE {role} SET {setting}"));
        assert_serves(&url, &token, setting);
        assert_serves(&format!("{url}?pool_mode=transaction"), &token, setting);
        database.execute(&format!("ALTER ROLE {role} RESET ALL"));
    }
}

#[test]
fn migrations_work_with_any_defaults_of_a_database() {
    for settings in [
        &[
            "default_transaction_isolation = 'serializable'",
            "default_transaction_read_only = on",
        ][..],
        &[
            "standard_conforming_strings = off",
            "client_encoding = 'LATIN1'",
            "lock_timeout = 1",
        ],
        &[
            "check_function_bodies = off",
            "default_with_oids = off",
            "DateStyle = 'SQL, DMY'",
        ],
    ] {
        let database = Database::new(Kind::Postgres);
        for setting in settings {
            database.execute(&format!("ALTER DATABASE {} SET {setting}", name(&database)));
        }
        let migrated = oi_server(database.url(), &["migrate"]);
        assert!(
            migrated.status.success(),
            "{settings:?}: {}",
            said(&migrated)
        );
    }
}

#[test]
fn a_timeout_that_is_too_short_is_overridden_or_named() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    for timeout in ["statement_timeout", "idle_session_timeout"] {
        database.execute(&format!("ALTER ROLE {role} SET {timeout} = 1"));
        // Overriding it may itself take longer than a millisecond.
        let output = oi_server(&url, &["migrate"]);
        let said = said(&output);
        let named = format!("{timeout} for the role and the database");
        assert!(output.status.success() || said.contains(&named), "{said}");
        database.execute(&format!("ALTER ROLE {role} RESET ALL"));
    }
}

#[test]
fn collations_of_a_database_change_nothing() {
    let outside = Database::new(Kind::Postgres);
    for (number, locale) in [
        "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'",
        "LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level2' LOCALE 'C'",
        "LOCALE 'C'",
        "LOCALE 'C.UTF-8'",
    ]
    .into_iter()
    .enumerate()
    {
        let database = format!("{}_{number}", name(&outside));
        outside.execute(&format!(
            "CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0 {locale}"
        ));
        let url = outside.url().replace(name(&outside), &database);
        let token = Server::bootstrap(&Database::at(&url)).token;
        assert_serves(&url, &token, locale);
    }
}

#[test]
fn the_schema_of_tables_that_are_not_found_is_named() {
    let database = Database::new(Kind::Postgres);
    let (url, role) = served(&database);
    let start = |url: &str| said(&oi_server(url, &["serve", "--listen", "127.0.0.1:0"]));
    // In the URL, for the role, and for the database.
    let elsewhere = "tables not found in search_path \"nowhere\": they exist in schema \"public\"; run \
                     ALTER ROLE";
    let said = start(&format!("{url}?options=-c%20search_path%3Dnowhere"));
    assert!(said.contains(elsewhere), "{said}");
    database.execute(&format!("ALTER ROLE {role} SET search_path = nowhere"));
    let said = start(&url);
    assert!(said.contains(elsewhere), "{said}");
    assert!(!said.contains("pending migrations"), "{said}");
    database.execute(&format!("ALTER ROLE {role} RESET search_path"));
    database.execute_all(&format!(
        "REVOKE USAGE ON SCHEMA public FROM PUBLIC; REVOKE USAGE ON SCHEMA public FROM {role}"
    ));
    let said = start(&url);
    let usage = format!("no USAGE on schema \"public\" for role \"{role}\"");
    assert!(said.contains(&usage), "{said}");
    assert!(
        said.contains("GRANT USAGE ON SCHEMA \"public\" TO"),
        "{said}"
    );
    database.execute(&format!("GRANT USAGE ON SCHEMA public TO {role}"));
    let db = name(&database);
    database.execute(&format!("REVOKE CONNECT ON DATABASE {db} FROM PUBLIC"));
    let said = start(&url);
    assert!(said.contains("run GRANT CONNECT ON DATABASE"), "{said}");
    assert!(!said.contains("pending migrations"), "{said}");
    database.execute(&format!("GRANT CONNECT ON DATABASE {db} TO {role}"));
    // A single table.
    database.execute_all("CREATE SCHEMA away; ALTER TABLE rate_limits SET SCHEMA away");
    let server = Server::start_at(&url, &[]);
    assert_eq!(server.http.get("/ready", "").status, 503);
    let log = server.log();
    assert!(log.contains("no USAGE on schema \\\"away\\\""), "{log}");
}

#[test]
fn an_owner_that_can_create_tables_creates_a_second_instance_and_the_log_names_the_other() {
    let database = Database::new(Kind::Postgres);
    let first = oi_server(database.url(), &["migrate"]);
    assert!(first.status.success(), "{}", said(&first));
    let owner = format!("second_{}", name(&database));
    database.execute_all(&format!(
        "CREATE ROLE {owner} LOGIN; CREATE SCHEMA {owner} AUTHORIZATION {owner}; \
         ALTER ROLE {owner} SET search_path = {owner}"
    ));
    let url = as_user(database.url(), &owner);
    let token = Server::bootstrap(&Database::at(&url)).token;
    assert_serves(&url, &token, "a schema of its own");
}
