use std::fs;
use std::process::Output;

use openindex_tests::{Database, Kind, Server};

use crate::support::{command, copied, migrate, oi_server, run, said};

fn assert_fails(output: &Output, expected: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
    for words in expected {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// Returns a file with a few rows.
fn source() -> Database {
    let source = Database::new(Kind::Sqlite);
    let _ = Server::bootstrap(&source);
    source
}

#[test]
fn a_target_with_rows_is_an_error_and_stays_as_it_is() {
    let source = source();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let target = Database::new(kind);
        let admin = Server::bootstrap(&target);
        let output = run(&source, &target);
        assert_fails(
            &output,
            &["the target is not empty: table owners has rows, and not all content is that of"],
        );
        let server = Server::start(&target);
        assert_eq!(server.http.get("/me", &admin.token).status, 200);
    }
}

#[test]
fn a_file_that_a_server_has_is_an_error() {
    let source = source();
    let target = Database::new(Kind::Sqlite);
    let server = Server::start(&source);
    let in_use = ["is in use by another process", "stop that one"];
    assert_fails(&run(&source, &target), &in_use);
    drop(server);
    let server = Server::start(&target);
    assert_fails(&run(&source, &target), &in_use);
    drop(server);
    let _ = copied(&source, &Database::new(Kind::Sqlite));
}

#[test]
fn another_schema_is_an_error_that_names_the_fix() {
    let target = Database::new(Kind::Postgres);
    let old = source();
    old.execute(
        "DROP TRIGGER work_items_search_insert; DROP TRIGGER work_items_search_update; \
         DROP TRIGGER work_items_search_delete; DROP TABLE work_items_search; \
         DELETE FROM openindex_migrations WHERE version = 1003",
    );
    assert_fails(
        &run(&old, &target),
        &[
            "cannot read the source",
            "pending migration: 1003; run `oi-server migrate`",
        ],
    );
    let newer = "INSERT INTO openindex_migrations \
                 (version, description, success, checksum, execution_time) VALUES \
                 (9999, 'newer', TRUE, (SELECT checksum FROM openindex_migrations LIMIT 1), 1)";
    let newer_source = source();
    newer_source.execute(newer);
    let expected = ["a newer release has migrated the database (migration 9999)"];
    assert_fails(&run(&newer_source, &target), &expected);
    let newer_file = Database::new(Kind::Sqlite);
    for database in [&target, &newer_file] {
        migrate(database);
        database.execute(newer);
        assert_fails(&run(&source(), database), &expected);
    }
    assert_fails(&run(&target, &Database::new(Kind::Sqlite)), &expected);
}

#[test]
fn a_role_that_cannot_create_tables_fills_those_of_their_owner() {
    let source = source();
    let target = Database::new(Kind::Postgres);
    let (_, name) = target.url().rsplit_once('/').expect("a name");
    let role = format!("served_{name}");
    target.execute(&format!("CREATE ROLE {role} LOGIN"));
    let (_, place) = target.url().split_once('@').expect("a user");
    let served = Database::at(&format!("postgres://{role}@{place}"));
    assert_fails(
        &run(&source, &served),
        &[
            "cannot write the target",
            "run `oi-server migrate` as the owner of the tables",
        ],
    );
    let right = format!("GRANT USAGE, CREATE ON SCHEMA public TO {role}");
    assert_fails(&run(&source, &served), &[&right]);
    migrate(&target);
    assert_fails(&run(&source, &served), &["permission denied"]);
    let grants = oi_server(&["grants", "--role", &role]).output();
    let grants = String::from_utf8(grants.expect("oi-server runs").stdout);
    let grants = grants.expect("SQL");
    target.execute_all(&grants);
    target.execute(&format!("REVOKE ALL ON sessions, work_items FROM {role}"));
    let output = run(&source, &served);
    let command = format!("more; run the SQL from `oi-server grants --role {role}` as the owner");
    assert_fails(&output, &["missing privileges: ", &command]);
    assert!(said(&output).len() < 600, "{}", said(&output));
    target.execute_all(&grants);
    let (digest, _) = copied(&source, &served);
    // The role may read everything, too.
    let back = copied(&served, &Database::new(Kind::Sqlite));
    assert_eq!(back.0, digest);
}

#[test]
fn a_source_without_tables_is_not_one_with_pending_migrations() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("empty.db");
    fs::write(&file, "").expect("written");
    let empty = Database::new(Kind::Postgres);
    for source in [&*format!("sqlite://{}", file.display()), empty.url()] {
        let output = command(source, Database::new(Kind::Sqlite).url()).output();
        let output = output.expect("oi-server runs");
        assert_fails(
            &output,
            &["cannot read the source", "no tables of OpenIndex"],
        );
        assert!(!said(&output).contains("pending"), "{}", said(&output));
    }
}

#[test]
fn the_same_database_by_another_name_is_an_error() {
    let file = source();
    let path = file.url().strip_prefix("sqlite://").expect("a path");
    let directory = tempfile::tempdir().expect("a directory");
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(path, &link).expect("a link");
    let names = [
        format!("sqlite:{path}"),
        format!("sqlite://{}", link.display()),
    ];
    let same = "source and target are the same database";
    for name in &names {
        let output = command(file.url(), name).output().expect("oi-server runs");
        assert_fails(&output, &[same, " to sqlite://"]);
    }
    let database = Database::new(Kind::Postgres);
    let _ = Server::bootstrap(&database);
    let name = format!("{}?application_name=other", database.url());
    let output = command(database.url(), &name).output();
    let output = output.expect("oi-server runs");
    assert_fails(&output, &["the database is the source of this copy"]);
}

#[test]
fn a_value_that_the_target_cannot_store_is_an_error_with_its_row() {
    for (value, expected) in [
        (
            "'a' || char(0) || 'b'",
            "a text cannot contain NUL characters",
        ),
        (
            "CAST(x'61ff' AS TEXT)",
            "the value of column name is not valid UTF-8",
        ),
    ] {
        let source = Database::new(Kind::Sqlite);
        let admin = Server::bootstrap(&source);
        source.execute(&format!("UPDATE tokens SET name = {value}"));
        let id = admin.pat_id().trim_start_matches("pat_");
        let target = Database::new(Kind::Postgres);
        assert_fails(
            &run(&source, &target),
            &[&format!("table tokens, row {id}: "), expected],
        );
        assert_eq!(target.execute("SELECT FROM users"), 0);
    }
    // What only a check of the target rejects.
    let source = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&source);
    source.damage("tokens", "scope", "scope = 'root'");
    let id = admin.pat_id().trim_start_matches("pat_");
    let row = format!("table tokens, row {id}: ");
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let target = Database::new(kind);
        let output = run(&source, &target);
        assert_fails(&output, &[&row, "tokens"]);
        assert!(
            !said(&output).contains("root"),
            "no value: {}",
            said(&output)
        );
    }
}

#[test]
fn an_owner_who_differs_from_the_user_is_an_error_with_their_row() {
    let source = Database::new(Kind::Sqlite);
    let admin = Server::bootstrap(&source);
    source.execute("UPDATE owners SET role = 'member'");
    let id = admin.user_id().trim_start_matches("usr_");
    let expected = format!("would differ from the source in table owners, row {id}");
    for kind in [Kind::Sqlite, Kind::Postgres] {
        assert_fails(&run(&source, &Database::new(kind)), &[&expected]);
    }
}

#[test]
fn what_is_typed_wrong_is_explained_and_no_password_is_shown() {
    let source = source();
    let directory = tempfile::tempdir().expect("a directory");
    let missing = format!("sqlite://{}", directory.path().join("none.db").display());
    let target = format!("sqlite://{}", directory.path().join("new.db").display());
    let output = |from: &str, to: &str| command(from, to).output().expect("oi-server runs");
    assert_fails(&output(&missing, &target), &["database file not found"]);
    assert!(
        !directory.path().join("new.db").exists(),
        "nothing was created"
    );
    let same = "source and target are the same database";
    assert_fails(&output(source.url(), source.url()), &[same]);
    let secret = "postgres://oi:hunter2@127.0.0.1:1/oi";
    for (from, to) in [(source.url(), secret), (secret, &*target)] {
        let output = output(from, to);
        assert_fails(
            &output,
            &["database unreachable", "can read the password in --"],
        );
        assert!(!said(&output).contains("hunter2"), "{}", said(&output));
    }
    let file = directory.path().join("url");
    fs::write(&file, format!("{target}\n")).expect("written");
    let arguments = [
        (&["copy"][..], "--to <URL>|--to-file <FILE>"),
        (
            &["copy", "--to", "sqlite://a.db", "--to-file", "url"],
            "cannot be used with '--to-file <FILE>'",
        ),
        (
            &["copy", "--to", "mysql://oi:hunter2@db/oi"],
            "must begin with sqlite://",
        ),
        (
            &["copy", "--to-file", "postgres://oi:hunter2@db"],
            "must be the path of a file",
        ),
    ];
    for (arguments, expected) in arguments {
        let output = oi_server(arguments).output().expect("oi-server runs");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    // The URL of the server is the source, and the target's is in a file.
    let file = file.display().to_string();
    let mut copy = oi_server(&["copy", "--to-file", &file]);
    let output = copy.env("DATABASE_URL", source.url()).output();
    let output = output.expect("oi-server runs");
    assert!(output.status.success(), "{}", said(&output));
}
