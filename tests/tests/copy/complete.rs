use std::fs;
use std::hash::{BuildHasher as _, RandomState};

use openindex_tests::{Database, Kind, Server, World};

use crate::support::{copied, run, said};

/// Creates a PostgreSQL database that sorts texts by the rules of a language.
fn sorted_by_language() -> Database {
    let beside = Database::new(Kind::Postgres);
    let name = format!("copy_{:016x}", RandomState::new().hash_one(()));
    beside.execute(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' \
         LOCALE 'C'"
    ));
    let (server, _) = beside.url().rsplit_once('/').expect("a URL");
    Database::at(&format!("{server}/{name}"))
}

#[test]
fn everything_works_in_the_other_database_as_before_and_back_again() {
    let [first, file] = [Kind::Sqlite, Kind::Sqlite].map(Database::new);
    let second = sorted_by_language();
    let third = Database::new(Kind::Postgres);
    let (world, seen) = World::fill(&first);
    let path = first.url().strip_prefix("sqlite://").expect("a path");
    let before = fs::read(path).expect("the file");

    let (digest, tables) = copied(&first, &second);
    assert!(fs::read(path).expect("the file") == before, "only read");
    for (table, rows) in &tables {
        assert!(*rows > 0, "{table} has no row to copy");
    }
    // Through a file and into another database: nothing is lost on the way.
    assert_eq!(copied(&second, &file), (digest.clone(), tables.clone()));
    assert_eq!(copied(&file, &third), (digest.clone(), tables.clone()));
    let again = Database::new(Kind::Postgres);
    assert_eq!(copied(&third, &again), (digest.clone(), tables.clone()));
    let again = Database::new(Kind::Sqlite);
    assert_eq!(copied(&file, &again), (digest, tables));

    for database in [&first, &second, &file, &third] {
        let server = Server::start(database);
        assert_eq!(world.seen(&server), seen, "{:?}", database.kind());
        world.assert_works(&server);
        world.assert_goes_on(&server);
    }
}

/// As after a copy that was killed once everything was committed.
#[test]
fn a_second_copy_of_the_same_content_has_nothing_to_do() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (source, target) = (Database::new(Kind::Sqlite), Database::new(kind));
        let admin = Server::bootstrap(&source);
        let (digest, _) = copied(&source, &target);
        let again = run(&source, &target);
        let out = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(again.status.success(), "{}", said(&again));
        assert!(
            out.starts_with("Nothing to do: an earlier copy was complete"),
            "{out}"
        );
        assert!(out.contains(&digest), "{out}");
        // As many rows, and one of them differs.
        target.execute("UPDATE tokens SET name = 'other'");
        let differs = run(&source, &target);
        assert_eq!(differs.status.code(), Some(1), "{}", said(&differs));
        let expected = "the target is not empty: table owners has rows, and not all content";
        assert!(said(&differs).contains(expected), "{}", said(&differs));
        let server = Server::start(&target);
        assert_eq!(server.http.get("/me", &admin.token).status, 200);
    }
}

/// Each value is compared by PostgreSQL's text of it, apart from the digest.
#[test]
fn every_column_of_every_table_is_copied() {
    let [first, file] = [Kind::Sqlite, Kind::Sqlite].map(Database::new);
    let [second, third] = [Kind::Postgres, Kind::Postgres].map(Database::new);
    let _world = World::fill(&first);
    let (_, tables) = copied(&first, &second);
    let _ = copied(&second, &file);
    let _ = copied(&file, &third);
    let dump = |database: &Database| {
        database.execute("DROP TABLE openindex_migrations");
        let text = String::from_utf8(database.dump()).expect("text");
        let mut rows: Vec<_> = text.lines().map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    };
    let rows = dump(&second);
    assert_eq!(dump(&third), rows);
    let copied: u64 = tables.iter().map(|(_, rows)| rows).sum();
    assert!(rows.len() as u64 >= copied, "{rows:?}");
    // Also tables and columns that a migration adds, and whatever else has a state.
    let listed = second.execute("SELECT FROM pg_tables WHERE schemaname = 'public'");
    assert_eq!(listed, tables.len() as u64, "{tables:?}");
    for state in ["pg_sequences", "pg_largeobject_metadata", "pg_matviews"] {
        assert_eq!(
            second.execute(&format!("SELECT FROM {state}")),
            0,
            "{state}"
        );
    }
}

#[test]
fn the_log_of_a_killed_server_is_copied_and_stays() {
    let source = Database::new(Kind::Sqlite);
    let target = Database::new(Kind::Postgres);
    let server = Server::start(&source);
    let admin = Server::bootstrap(&source);
    server.kill();
    let path = source.url().strip_prefix("sqlite://").expect("a path");
    let files = || ["", "-wal"].map(|suffix| fs::read(format!("{path}{suffix}")).expect("a file"));
    let before = files();
    assert!(!before[1].is_empty(), "the log has what the server wrote");
    let _ = copied(&source, &target);
    assert!(files() == before, "only read");
    let server = Server::start(&target);
    assert_eq!(server.http.get("/me", &admin.token).status, 200);
}
