//! What SQLite's failures look like from outside: unavailable or corrupt, and never an answer that
//! lets somebody in or tells them that their token is unknown.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::audit::{AuditAction, AuditStore};
use openindex_domain::testing::{Harness, fixtures};
use openindex_domain::token::{Actor, InsertOutcome, InsertToken, Requirement, TokenStore};
use openindex_domain::{StoreError, StoreHealth};
use sqlx::Row;
use support::Sqlite;

fn insertion(number: u64) -> InsertToken {
    let token = fixtures::token(number, fixtures::NOW);
    InsertToken {
        actor: Actor {
            token: fixtures::token(0, fixtures::NOW).id,
            requirement: Requirement::HUMAN,
            now: fixtures::NOW,
        },
        digest: fixtures::digest(number),
        quota: 100,
        audit: fixtures::audit(
            number,
            fixtures::NOW,
            AuditAction::TokenIssued { token: token.id },
        ),
        token,
    }
}

async fn seeded(options: SqliteOptions) -> Sqlite {
    let sqlite = Sqlite::start_with(options).await;
    sqlite.put_user(&fixtures::user(1)).await;
    sqlite
        .put_token(&fixtures::token(0, fixtures::NOW), &fixtures::digest(0))
        .await;
    sqlite
}

fn brief() -> SqliteOptions {
    SqliteOptions::default().with_busy_timeout(Duration::from_millis(50))
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

fn is_corrupt<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Corrupt(_)))
}

/// The whole chain of causes, as an operator's log shows it.
fn causes(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_missing_file_is_created_for_its_owner_only() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .store
        .insert_within_quota(insertion(1))
        .await
        .map(|outcome| assert_eq!(outcome, InsertOutcome::Inserted))
        .expect("inserted");
    let mut files = 0;
    for file in fs::read_dir(sqlite.directory.path()).expect("a directory") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and the index of the log");
}

#[tokio::test]
async fn an_existing_file_keeps_its_mode_and_content() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    fs::set_permissions(sqlite.path(), fs::Permissions::from_mode(0o640)).expect("a mode");
    let again = SqliteStore::connect(&sqlite.url()).await.expect("a store");
    again.ready().await.expect("migrated before");
    let mode = fs::metadata(sqlite.path()).expect("metadata").permissions();
    assert_eq!(mode.mode() & 0o777, 0o640);
    let found = again.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store answers").is_some());
}

#[tokio::test]
async fn a_missing_directory_is_named_and_not_created() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("not-there");
    let url = format!("sqlite://{}", missing.join("store.db").display());
    let connected = SqliteStore::connect(&url).await;
    assert!(is_unavailable(&connected));
    let causes = causes(&connected.expect_err("no directory"));
    assert!(
        causes.contains("cannot create the database file"),
        "{causes}"
    );
    assert!(causes.contains("not-there/store.db"), "{causes}");
    assert!(!missing.exists());
}

#[tokio::test]
async fn with_mode_rw_a_missing_file_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let url = format!("sqlite://{}?mode=rw", path.display());
    assert!(is_unavailable(&SqliteStore::connect(&url).await));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_not_ready() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", directory.path().join("store.db").display());
    let store = SqliteStore::connect(&url).await.expect("a store");
    assert!(is_corrupt(&store.ready().await));
    assert!(store.find_by_digest(&fixtures::digest(0)).await.is_err());
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    store.migrate().await.expect("and again, without effect");
}

#[tokio::test]
async fn a_newer_schema_is_accepted_and_a_changed_one_is_not() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
             execution_time) VALUES (9999, 'of a newer release', TRUE, x'00', 1)",
        )
        .await;
    sqlite.store.ready().await.expect("still served");
    sqlite.store.migrate().await.expect("nothing to do");
    sqlite
        .execute("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1")
        .await;
    assert!(is_corrupt(&sqlite.store.ready().await));
    assert!(is_corrupt(&sqlite.store.migrate().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_the_same_time_all_migrate() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", directory.path().join("store.db").display());
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let store = SqliteStore::connect(&url).await?;
                store.migrate().await?;
                store.ready().await
            })
        })
        .collect();
    for started in starting {
        started.await.expect("no panic").expect("ready");
    }
}

#[tokio::test]
async fn a_file_of_garbage_is_corrupt_and_not_an_unknown_token() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    sqlite.raw.close().await;
    fs::write(sqlite.path(), vec![0x5a; 65_536]).expect("garbage");
    let connected = SqliteStore::connect(&sqlite.url()).await;
    assert!(is_corrupt(&connected), "{connected:?}");
    let calls = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(is_unavailable(&calls), "the closed store: {calls:?}");
}

#[tokio::test]
async fn damaged_pages_are_corrupt_and_not_an_unknown_token() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let pages: Vec<i64> =
        sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE tbl_name = 'tokens'")
            .fetch_all(&sqlite.raw)
            .await
            .expect("the pages of the table and its indexes");
    sqlite.store.close().await;
    sqlite.raw.close().await;
    let mut bytes = fs::read(sqlite.path()).expect("the file");
    for page in pages {
        let end = usize::try_from(page).expect("a page number") * 4096;
        bytes[end - 4096..end].fill(0x5a);
    }
    fs::write(sqlite.path(), bytes).expect("damage");
    let store = SqliteStore::connect(&sqlite.url()).await.expect("a store");
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(is_corrupt(&found), "{found:?}");
}

#[tokio::test]
async fn a_file_that_was_swapped_under_the_server_is_not_ready() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let old = sqlite.directory.path().join("old.db");
    fs::rename(sqlite.path(), old).expect("moved away");
    assert!(is_unavailable(&sqlite.store.ready().await));
    fs::write(sqlite.path(), b"").expect("another file");
    assert!(is_unavailable(&sqlite.store.ready().await));
    let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(
        !matches!(found, Ok(None)),
        "never unknown because of it: {found:?}"
    );
}

#[tokio::test]
async fn a_writer_that_is_locked_out_is_unavailable_and_readers_go_on() {
    let sqlite = seeded(brief()).await;
    let mut other = sqlite.raw.acquire().await.expect("a connection");
    sqlx::raw_sql("BEGIN EXCLUSIVE")
        .execute(&mut *other)
        .await
        .expect("locked");
    let inserted = sqlite.store.insert_within_quota(insertion(1)).await;
    assert!(is_unavailable(&inserted), "{inserted:?}");
    let noted = sqlite
        .store
        .record_last_used(&[(fixtures::token(0, fixtures::NOW).id, fixtures::NOW)])
        .await;
    assert!(is_unavailable(&noted), "{noted:?}");
    let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("readers do not wait").is_some());
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut *other)
        .await
        .expect("unlocked");
    let inserted = sqlite.store.insert_within_quota(insertion(1)).await;
    assert_eq!(inserted.expect("it recovers"), InsertOutcome::Inserted);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    assert!(is_unavailable(
        &sqlite.store.find_by_digest(&fixtures::digest(0)).await
    ));
    assert!(is_unavailable(
        &sqlite.store.insert_within_quota(insertion(1)).await
    ));
    assert!(is_unavailable(&sqlite.store.ready().await));
}

#[tokio::test]
async fn values_that_the_domain_refuses_are_corrupt() {
    for damage in [
        "UPDATE tokens SET scope = 'root'",
        "UPDATE tokens SET kind = 'robot'",
        "UPDATE tokens SET name = ' '",
        "UPDATE tokens SET created_at = -1",
        "UPDATE tokens SET expires_at = 253402300800000",
        "UPDATE tokens SET successor = 'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2'",
        "UPDATE tokens SET id = x'00'",
        "UPDATE users SET role = 'owner'",
        "UPDATE users SET email = 'nobody'",
    ] {
        let sqlite = seeded(SqliteOptions::default()).await;
        sqlite
            .execute("PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
            .await;
        sqlite.execute(damage).await;
        let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
        assert!(is_corrupt(&found), "{damage}: {found:?}");
    }
}

#[tokio::test]
async fn a_digest_of_the_wrong_length_is_corrupt_where_it_is_read() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute("PRAGMA ignore_check_constraints = ON; UPDATE tokens SET digest = zeroblob(31)")
        .await;
    let inserted = sqlite.store.insert_within_quota(insertion(1)).await;
    assert!(is_corrupt(&inserted), "{inserted:?}");
}

#[tokio::test]
async fn the_schema_refuses_what_the_domain_would() {
    let sqlite = seeded(SqliteOptions::default()).await;
    for damage in [
        "UPDATE tokens SET scope = 'root'",
        "UPDATE tokens SET digest = zeroblob(31)",
        "UPDATE tokens SET digest = 'text'",
        "UPDATE tokens SET created_at = 'now'",
        "UPDATE users SET role = 'owner'",
        "DELETE FROM users",
    ] {
        let answer = sqlx::raw_sql(damage).execute(&sqlite.raw).await;
        assert!(answer.is_err(), "{damage}");
    }
}

#[tokio::test]
async fn the_trail_is_append_only() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let inserted = sqlite.store.insert_within_quota(insertion(1)).await;
    assert_eq!(inserted.expect("inserted"), InsertOutcome::Inserted);
    for change in ["UPDATE audit_events SET at = 0", "DELETE FROM audit_events"] {
        let answer = sqlx::raw_sql(change).execute(&sqlite.raw).await;
        assert!(answer.is_err(), "{change}");
    }
    let trail = sqlite.store.newest(10).await.expect("the store answers");
    assert_eq!(trail, vec![insertion(1).audit]);
}

#[tokio::test]
async fn an_error_names_the_constraint_and_no_value() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let mut taken = insertion(1);
    taken.digest = fixtures::digest(0);
    let error = sqlite
        .store
        .insert_within_quota(taken)
        .await
        .expect_err("taken");
    let causes = causes(&error);
    assert!(causes.contains("tokens.digest"), "{causes}");
    assert!(!causes.to_lowercase().contains("d1d1"), "{causes}");
}

#[tokio::test]
async fn a_lookup_searches_indexes_and_scans_no_table() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let plan: Vec<String> = sqlx::query(
        "EXPLAIN QUERY PLAN SELECT t.id, u.role FROM tokens t JOIN users u ON u.id = t.owner_id \
         WHERE t.digest = x'00'",
    )
    .fetch_all(&sqlite.raw)
    .await
    .expect("a plan")
    .iter()
    .map(|row| row.get("detail"))
    .collect();
    assert_eq!(plan.len(), 2, "{plan:?}");
    assert!(plan[0].contains("(digest=?)"), "{plan:?}");
    assert!(plan[1].contains("(id=?)"), "{plan:?}");
}
