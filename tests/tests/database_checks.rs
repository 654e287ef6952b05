//! `oi-server check` on the built programs: it finds each damage, and says what to do.

use std::fs;
use std::process::{Command, Output};

use openindex_tests::{Bootstrapped, Database, Kind, Server, binary, both_stores};
use serde_json::{Value, json};

both_stores! {
    a_database_with_everything_in_it_has_no_problem,
    each_damage_is_found_and_nothing_else,
    a_changed_list_of_migrations_is_named_and_not_the_url,
    of_many_rows_with_one_problem_the_first_are_listed,
}

fn check(url: &str, arguments: &[&str]) -> Output {
    Command::new(binary("oi-server"))
        .arg("check")
        .args(arguments)
        .env("DATABASE_URL", url)
        .output()
        .expect("oi-server runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn post(server: &Server, token: &str, path: &str, body: &Value) -> Value {
    let response = server.http.post(path, token, body);
    assert!(response.status < 300, "{path}: {response:?}");
    if response.text.is_empty() {
        Value::Null
    } else {
        response.json()
    }
}

/// Starts a server with a bit of everything.
fn filled(database: &Database) -> (Server, Bootstrapped) {
    let server = Server::start(database);
    let admin = Server::bootstrap(database);
    let token = &admin.token;
    let create = |name: &str| {
        let body = json!({"name": name, "scope": "read_write"});
        post(&server, token, "/me/pats", &body)
    };
    let revoked = create("revoked")["id"].as_str().expect("an id").to_owned();
    let revoked = server.http.delete(&format!("/me/pats/{revoked}"), token);
    assert_eq!(revoked.status, 204);
    let rotated = create("rotated")["id"].as_str().expect("an id").to_owned();
    post(
        &server,
        token,
        &format!("/me/pats/{rotated}/rotate"),
        &json!({}),
    );
    let issuer = create("issuer")["token"]
        .as_str()
        .expect("a secret")
        .to_owned();
    for title in ["first", "second"] {
        let item = json!({"domain": "OPS", "title": title});
        post(&server, token, "/browse", &item);
    }
    for (agent, item) in [("bound", Some("OPS-1")), ("free", None)] {
        let run = json!({"agentId": agent, "ttlSeconds": 3600, "workItemKey": item});
        post(&server, &issuer, "/agent-runs", &run);
    }
    post(&server, token, "/browse/OPS-2/claim", &json!({}));
    let (grace, _) = server.join_with_token(token, "grace@example.com");
    post(
        &server,
        token,
        &format!("/admin/users/{grace}/suspend"),
        &json!({}),
    );
    let (dan, _) = server.http.join_as("admin", token, "dan@example.com");
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", &*bearer),
        ("content-type", "application/json"),
    ];
    let path = format!("/admin/users/{dan}");
    let body = json!({"role": "member"}).to_string();
    let demoted = server.http.send("PATCH", &path, &headers, Some(&body));
    assert_eq!(demoted.status, 200, "{demoted:?}");
    let (eve, _) = server.join_with_token(token, "eve@example.com");
    let deleted = server.http.delete(&format!("/admin/users/{eve}"), token);
    assert!(deleted.status < 300, "{deleted:?}");
    let _ = server.sign_in_by_link(database, "ada@example.com");
    let invite = json!({"email": "alan@example.com", "role": "member"});
    post(&server, token, "/admin/invites", &invite);
    (server, admin)
}

fn a_database_with_everything_in_it_has_no_problem(kind: Kind) {
    let database = Database::new(kind);
    let (server, _) = filled(&database);
    let beside = check(database.url(), &[]);
    assert!(beside.status.success(), "{beside:?}");
    assert!(stdout(&beside).contains("found no problem"), "{beside:?}");
    drop(server.stop());
    let alone = check(database.url(), &[]);
    assert!(alone.status.success(), "{alone:?}");
    if kind == Kind::Sqlite {
        let rebuilt = check(database.url(), &["--rebuild-search-index"]);
        assert!(rebuilt.status.success(), "{rebuilt:?}");
    }
}

/// What is damaged, in SQL of each kind of database, and what the check says of it.
const DAMAGES: [(&str, &str, &str); 22] = [
    (
        "UPDATE owners SET active = 1",
        "UPDATE owners SET active = 1",
        "differs from the owner of their tokens: a suspension",
    ),
    (
        "UPDATE tokens SET revoked_at = 1 WHERE name = 'issuer'",
        "UPDATE tokens SET revoked_at = now() WHERE name = 'issuer'",
        "is live although its issuing token was revoked: the agent run should have ended",
    ),
    (
        "UPDATE tokens SET expires_at = 1 WHERE name = 'issuer'",
        "UPDATE tokens SET expires_at = to_timestamp(1) WHERE name = 'issuer'",
        "is live although it outlives its issuing token: ",
    ),
    (
        "UPDATE work_items SET status = 'done', resolved_at = 1 WHERE number = 1",
        "UPDATE work_items SET status = 'done', resolved_at = now() WHERE number = 1",
        "is live although its work item OPS-1 is resolved: ",
    ),
    (
        "UPDATE tokens SET revoked_at = 1 WHERE name = 'bootstrap'",
        "UPDATE tokens SET revoked_at = now() WHERE name = 'bootstrap'",
        "is revoked: the audit log has no event of it",
    ),
    (
        "UPDATE tokens SET revoked_at = NULL WHERE name = 'revoked'",
        "UPDATE tokens SET revoked_at = NULL WHERE name = 'revoked'",
        "is active, but the audit log has its end: it may be accepted again",
    ),
    (
        "UPDATE tokens SET revoked_at = NULL WHERE successor IS NOT NULL",
        "UPDATE tokens SET revoked_at = NULL WHERE successor IS NOT NULL",
        "is active, but the audit log has its end: it may be accepted again",
    ),
    (
        "UPDATE users SET suspended_at = NULL WHERE deleted_at IS NULL",
        "UPDATE users SET suspended_at = NULL WHERE deleted_at IS NULL",
        "is active, but the audit log has their suspension: they may have access again",
    ),
    (
        "UPDATE users SET deleted_at = NULL, suspended_at = 1 WHERE deleted_at > 0",
        "UPDATE users SET deleted_at = NULL, suspended_at = now() WHERE deleted_at <= now()",
        "exists, but the audit log has their deletion: they may have access again",
    ),
    (
        "UPDATE users SET role = 'admin' WHERE suspended_at IS NULL",
        "UPDATE users SET role = 'admin' WHERE suspended_at IS NULL",
        "is an administrator, but the audit log has their demotion: they may have access again",
    ),
    (
        "DROP TRIGGER audit_events_no_delete; \
         DELETE FROM audit_events WHERE action = 'user.suspended'; \
         CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events \
         BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL; \
         DELETE FROM audit_events WHERE action = 'user.suspended'; \
         ALTER TABLE audit_events ENABLE TRIGGER ALL",
        "is suspended: the audit log has no event of it",
    ),
    (
        "DROP TRIGGER audit_events_no_update",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "trigger audit_events_",
    ),
    (
        "DELETE FROM work_items_search WHERE rowid = 1",
        "DROP INDEX work_items_search",
        "search",
    ),
    (
        "PRAGMA foreign_keys = OFF; UPDATE sessions SET user_id = randomblob(16)",
        "SET session_replication_role = replica; \
         UPDATE sessions SET user_id = gen_random_uuid()",
        "table sessions, column user_id refers to usr_",
    ),
    (
        "DROP INDEX tokens_revoked",
        "DROP INDEX tokens_revoked",
        "index tokens_revoked is missing (CREATE INDEX tokens_revoked ON tokens ",
    ),
    (
        "DROP INDEX sessions_of_user",
        "ALTER TABLE tokens DROP CONSTRAINT tokens_owner_id_fkey",
        " is missing (",
    ),
    (
        "DROP TRIGGER audit_events_no_delete; \
         CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events BEGIN SELECT 1; END",
        "CREATE OR REPLACE FUNCTION audit_events_append_only() RETURNS trigger LANGUAGE plpgsql \
         AS $$ BEGIN RETURN NULL; END $$",
        "differs from that of the migrations: the schema was changed",
    ),
    (
        "CREATE TRIGGER mine AFTER INSERT ON tokens BEGIN SELECT 1; END",
        "ALTER TABLE tokens ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "tokens",
    ),
    (
        "DELETE FROM tokens WHERE name = 'issuer'",
        "DELETE FROM tokens WHERE name = 'issuer'",
        "is live although its issuing token does not exist: ",
    ),
    (
        "UPDATE tokens SET expires_at = expires_at + 90000000 WHERE kind = 'agent_run'",
        "UPDATE tokens SET expires_at = expires_at + interval '25 hours' \
         WHERE kind = 'agent_run'",
        "is live although it lasts longer than 24 hours: ",
    ),
    (
        "UPDATE invites SET claimed_at = NULL, claimed_by = NULL WHERE email LIKE 'dan%'",
        "UPDATE invites SET claimed_at = NULL, claimed_by = NULL WHERE email LIKE 'dan%'",
        "is open, but the audit log has its end: it may be claimed again",
    ),
    (
        "UPDATE sessions SET user_id = (SELECT id FROM users \
         WHERE suspended_at IS NOT NULL AND deleted_at IS NULL)",
        "UPDATE sessions SET user_id = (SELECT id FROM users \
         WHERE suspended_at IS NOT NULL AND deleted_at IS NULL)",
        "is of a suspended or deleted user: ",
    ),
];

fn each_damage_is_found_and_nothing_else(kind: Kind) {
    for (sqlite, postgres, expected) in DAMAGES {
        let database = Database::new(kind);
        let (server, _) = filled(&database);
        let (damage, server) = match kind {
            Kind::Sqlite => {
                // The server would notice, and might end what is damaged.
                drop(server.stop());
                (sqlite, None)
            }
            Kind::Postgres => (postgres, Some(server)),
        };
        match kind {
            Kind::Sqlite => drop(database.execute(damage)),
            Kind::Postgres => database.execute_all(damage),
        }
        let checked = check(database.url(), &[]);
        drop(server);
        assert_eq!(checked.status.code(), Some(1), "{damage}: {checked:?}");
        let said = stdout(&checked);
        assert!(said.contains(expected), "{damage}: {said}");
        let error = String::from_utf8_lossy(&checked.stderr);
        assert!(error.contains("and found "), "{error}");
        // A revoked issuing token lacks its event, too, and has two runs.
        assert!(said.lines().count() <= 3, "{damage}: {said}");
    }
}

#[test]
fn row_level_security_is_reported_with_whom_it_keeps_from_reading() {
    let database = Database::new(Kind::Postgres);
    drop(Server::bootstrap(&database));
    database.execute_all("ALTER TABLE tokens ENABLE ROW LEVEL SECURITY");
    let checked = check(database.url(), &[]);
    let said = stdout(&checked);
    let expected = "table tokens has row level security, so a server whose role does not own it \
                    cannot read it (ALTER TABLE tokens DISABLE ROW LEVEL SECURITY)";
    assert!(said.contains(expected), "{said}");
}

fn of_many_rows_with_one_problem_the_first_are_listed(kind: Kind) {
    let database = Database::new(kind);
    let (server, admin) = filled(&database);
    for number in 0..25 {
        let body = json!({"name": format!("bad {number}"), "scope": "read_write"});
        post(&server, &admin.token, "/me/pats", &body);
    }
    drop(server.stop());
    database.damage("tokens", "scope", "scope = 'root' WHERE name LIKE 'bad %'");
    let checked = check(database.url(), &[]);
    let said = stdout(&checked);
    let damaged = "column scope has an invalid value: it is not accepted; delete it with";
    assert_eq!(said.matches(damaged).count(), 20, "{said}");
    assert!(said.contains("and 5 more: it is not accepted"), "{said}");
}

#[test]
fn the_index_of_searches_is_filled_anew() {
    let database = Database::new(Kind::Sqlite);
    let (server, admin) = filled(&database);
    database.execute("DELETE FROM work_items_search");
    let search = |expected: usize| {
        let found = server.http.get("/browse?q=first", &admin.token).json();
        let found = found["items"].as_array().expect("items").len();
        assert_eq!(found, expected);
    };
    search(0);
    let checked = check(database.url(), &[]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let said = stdout(&checked);
    assert!(
        said.contains("lacks 2 work items: searches may miss"),
        "{said}"
    );
    assert!(said.contains("--rebuild-search-index"), "{said}");
    let rebuilt = check(database.url(), &["--rebuild-search-index"]);
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    search(1);
}

#[test]
fn a_damaged_file_is_found() {
    let database = Database::new(Kind::Sqlite);
    let (server, _) = filled(&database);
    drop(server.stop());
    let path = database.url().strip_prefix("sqlite://").expect("a path");
    let whole = fs::read(path).expect("the file");
    let mut torn = whole.clone();
    for page in torn.chunks_mut(4096).skip(1).step_by(5) {
        page[..64].fill(0xff);
    }
    for damaged in [
        &torn[..],
        &whole[..whole.len() / 2],
        b"hello, world, this is no database",
    ] {
        fs::write(path, damaged).expect("written");
        let checked = check(database.url(), &[]);
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        let said = stdout(&checked) + &String::from_utf8_lossy(&checked.stderr);
        assert!(said.contains("from a backup"), "{said}");
    }
}

fn a_changed_list_of_migrations_is_named_and_not_the_url(kind: Kind) {
    for (change, expected) in [
        (
            "INSERT INTO openindex_migrations \
             (version, description, success, checksum, execution_time) \
             SELECT 9999, 'later', success, checksum, 0 FROM openindex_migrations WHERE version = 1",
            "a newer release has migrated the database (migration 9999)",
        ),
        (
            "UPDATE openindex_migrations SET checksum = (SELECT checksum \
             FROM openindex_migrations WHERE version = 1) WHERE version = 3",
            "migration 3 differs from the one that was applied",
        ),
        (
            "DELETE FROM openindex_migrations WHERE version = 2",
            "migration 2 is not listed as applied, but later ones are",
        ),
        (
            "DELETE FROM openindex_migrations WHERE version = 1003",
            "if the table of applied migrations was changed",
        ),
    ] {
        let database = Database::new(kind);
        let migrated = Command::new(binary("oi-server"))
            .arg("migrate")
            .env("DATABASE_URL", database.url())
            .status();
        assert!(migrated.expect("oi-server runs").success());
        database.execute(change);
        let checked = check(database.url(), &[]);
        assert_eq!(checked.status.code(), Some(1), "{checked:?}");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("URL"), "{said}");
    }
}

#[test]
fn a_missing_or_older_database_is_an_error_and_stays_as_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("none.db");
    let url = format!("sqlite://{}", path.display());
    let checked = check(&url, &[]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains("database file not found"), "{said}");
    assert!(!path.exists());
    fs::write(&path, "").expect("an empty file");
    let checked = check(&url, &[]);
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(said.contains("oi-server migrate"), "{said}");
    assert_eq!(fs::read(&path).expect("the file"), b"");
}
