//! Failures of SQLite: every call fails as unavailable or corrupt; no token is accepted, and none
//! is reported as unknown.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::time::Duration;

use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::audit::{AuditFilter, AuditStore};
use openindex_domain::session::SessionStore;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{CreateTokenOutcome, TokenStore};
use openindex_domain::{StoreError, StoreHealth};
use support::{creation, is_unavailable, seeded};

fn brief() -> SqliteOptions {
    SqliteOptions::default().with_busy_timeout(Duration::from_millis(250))
}

/// Returns the whole chain of causes, as the log shows it.
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
        .create_token(creation(1))
        .await
        .map(|outcome| assert_eq!(outcome, CreateTokenOutcome::Created))
        .expect("inserted");
    let mut files = 0;
    for file in fs::read_dir(sqlite.directory.path()).expect("a directory") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
        files += 1;
    }
    assert_eq!(
        files, 4,
        "the database, its log, the index of the log and the lock"
    );
}

#[tokio::test]
async fn files_that_root_creates_belong_to_the_owner_of_their_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let (user, group) = (65_534, 65_533);
    if chown(directory.path(), Some(user), Some(group)).is_err() {
        // Only root can do this.
        return;
    }
    let url = format!("sqlite://{}", directory.path().join("store.db").display());
    let store = SqliteStore::connect(&url).await.expect("a store");
    store.migrate().await.expect("migrated");
    store.close().await;
    let mut files = 0;
    for file in fs::read_dir(directory.path()).expect("a directory") {
        let file = file.expect("a file");
        let metadata = file.metadata().expect("metadata");
        let owner = (metadata.uid(), metadata.gid());
        assert_eq!(owner, (user, group), "{}", file.path().display());
        files += 1;
    }
    assert_eq!(files, 2, "the database and the lock");
}

#[tokio::test]
async fn a_lock_that_leads_elsewhere_is_not_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let (database, victim) = (
        directory.path().join("store.db"),
        directory.path().join("victim"),
    );
    fs::write(&victim, "content").expect("written");
    let lock = directory.path().join("store.db-lock");
    for link in [
        |from: &Path, to: &Path| symlink(from, to),
        |from: &Path, to: &Path| fs::hard_link(from, to),
    ] {
        link(&victim, &lock).expect("linked");
        let url = format!("sqlite://{}", database.display());
        let error = SqliteStore::connect(&url).await.expect_err("no store");
        assert!(error.causes().contains("cannot lock"), "{}", error.causes());
        assert_eq!(fs::read(&victim).expect("a file"), b"content");
        fs::remove_file(&lock).expect("removed");
    }
}

#[tokio::test]
async fn an_existing_file_keeps_its_mode_and_content() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    fs::set_permissions(sqlite.path(), fs::Permissions::from_mode(0o640)).expect("a mode");
    let again = SqliteStore::connect(&sqlite.url())
        .await
        .expect("a store")
        .with_accounts();
    again.ready().await.expect("migrated before");
    let mode = fs::metadata(sqlite.path()).expect("metadata").permissions();
    assert_eq!(mode.mode() & 0o777, 0o640);
    let found = again.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
}

#[tokio::test]
async fn the_log_of_a_missing_file_is_not_destroyed_by_a_new_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let url = format!("sqlite://{}", path.display());
    for log in ["store.db-wal", "store.db-journal"] {
        let log = directory.path().join(log);
        fs::write(&log, "the newest changes").expect("written");
        let connected = SqliteStore::connect(&url).await;
        assert!(is_unavailable(&connected));
        let causes = causes(&connected.expect_err("only a log"));
        assert!(causes.contains("move the database back"), "{causes}");
        assert!(!path.exists());
        let kept = fs::read_to_string(&log).expect("kept");
        assert_eq!(kept, "the newest changes");
        fs::remove_file(&log).expect("removed");
    }
    assert!(SqliteStore::connect(&url).await.is_ok());
}

#[tokio::test]
async fn a_missing_directory_is_named_and_not_created() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("not-there");
    let url = format!("sqlite://{}", missing.join("store.db").display());
    let connected = SqliteStore::connect(&url).await;
    assert!(is_unavailable(&connected));
    let causes = causes(&connected.expect_err("no directory"));
    assert!(causes.contains("cannot create database file"), "{causes}");
    assert!(causes.contains("not-there/store.db"), "{causes}");
    assert!(!missing.exists());
}

#[tokio::test]
async fn with_mode_rw_a_missing_file_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let url = format!("sqlite://{}?mode=rw", path.display());
    let connected = SqliteStore::connect(&url).await;
    assert!(is_unavailable(&connected));
    let causes = causes(&connected.expect_err("no file"));
    let expected = format!("database file not found: {}", path.display());
    assert!(causes.contains(&expected), "{causes}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_of_garbage_is_an_outage_not_an_unknown_token() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    sqlite.raw.close().await;
    fs::write(sqlite.path(), vec![0x5a; 65_536]).expect("garbage");
    let connected = SqliteStore::connect(&sqlite.url()).await;
    assert!(is_unavailable(&connected), "{connected:?}");
    let calls = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(is_unavailable(&calls), "the closed store: {calls:?}");
}

#[tokio::test]
async fn damaged_pages_are_an_outage_not_an_unknown_token() {
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
    let store = SqliteStore::connect(&sqlite.url())
        .await
        .expect("a store")
        .with_accounts();
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(is_unavailable(&found), "{found:?}");
}

#[tokio::test]
async fn a_truncated_file_is_an_outage() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    sqlite.raw.close().await;
    let bytes = fs::read(sqlite.path()).expect("the file");
    fs::write(sqlite.path(), &bytes[..bytes.len() / 2]).expect("truncated");
    match SqliteStore::connect(&sqlite.url()).await {
        Ok(store) => {
            let found = store.find_by_digest(&fixtures::digest(0)).await;
            assert!(is_unavailable(&found), "{found:?}");
            assert!(is_unavailable(&store.ready().await));
        }
        connected => assert!(is_unavailable(&connected), "{connected:?}"),
    }
}

#[tokio::test]
async fn a_missing_column_is_an_outage_for_requests_and_for_the_readiness_check() {
    for (change, missing) in [
        ("ALTER TABLE users RENAME COLUMN role TO rank", "users.role"),
        (
            "ALTER TABLE used_forms RENAME COLUMN made TO created",
            "used_forms.made",
        ),
        (
            "ALTER TABLE rate_limits RENAME COLUMN count TO n",
            "rate_limits.count",
        ),
        (
            "ALTER TABLE work_items RENAME COLUMN status TO state",
            "work_items.status",
        ),
    ] {
        let sqlite = seeded(SqliteOptions::default()).await;
        sqlite.store.ready().await.expect("ready");
        sqlite.execute(change).await;
        let ready = sqlite.store.ready().await.expect_err("not ready");
        assert!(matches!(ready, StoreError::Unavailable(_)), "{ready:?}");
        assert!(causes(&ready).contains(missing), "{ready:?}");
    }
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute("ALTER TABLE tokens RENAME COLUMN agent_id TO agent")
        .await;
    let inserted = sqlite.store.create_token(creation(1)).await;
    assert!(is_unavailable(&inserted), "{inserted:?}");
}

#[tokio::test]
async fn a_replaced_file_is_not_ready() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let old = sqlite.directory.path().join("old.db");
    fs::rename(sqlite.path(), old).expect("moved away");
    assert!(is_unavailable(&sqlite.store.ready().await));
    fs::write(sqlite.path(), b"").expect("another file");
    assert!(is_unavailable(&sqlite.store.ready().await));
    let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(
        !matches!(found, Ok(None)),
        "never an unknown token: {found:?}"
    );
}

#[tokio::test]
async fn a_writer_that_is_locked_out_is_unavailable_and_readers_continue() {
    let sqlite = seeded(brief()).await;
    let mut other = sqlite.raw.acquire().await.expect("a connection");
    sqlx::raw_sql("BEGIN EXCLUSIVE")
        .execute(&mut *other)
        .await
        .expect("locked");
    let inserted = sqlite.store.create_token(creation(1)).await;
    assert!(is_unavailable(&inserted), "{inserted:?}");
    let noted = sqlite
        .store
        .record_last_used(&[fixtures::token_use(
            fixtures::token(0, fixtures::NOW).id,
            fixtures::NOW,
        )])
        .await;
    assert!(is_unavailable(&noted), "{noted:?}");
    let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("readers do not wait").is_some());
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut *other)
        .await
        .expect("unlocked");
    let inserted = sqlite.store.create_token(creation(1)).await;
    assert_eq!(inserted.expect("it recovers"), CreateTokenOutcome::Created);
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    assert!(is_unavailable(
        &sqlite.store.find_by_digest(&fixtures::digest(0)).await
    ));
    assert!(is_unavailable(
        &sqlite.store.create_token(creation(1)).await
    ));
    assert!(is_unavailable(&sqlite.store.ready().await));
}

#[tokio::test]
async fn an_error_names_the_constraint_and_no_value() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let mut taken = creation(1);
    taken.digest = fixtures::digest(0);
    let error = sqlite.store.create_token(taken).await.expect_err("taken");
    let causes = causes(&error);
    assert!(causes.contains("tokens.digest"), "{causes}");
    assert!(!causes.to_lowercase().contains("d1d1"), "{causes}");
}

/// What may happen to the files of an open database, with the error that it causes.
type Accident = (&'static str, fn(&std::path::Path));

fn beside(path: &std::path::Path, suffix: &str) -> std::path::PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

const ACCIDENTS: [Accident; 8] = [
    ("store.db was removed or replaced", |path| {
        fs::remove_file(path).expect("removed");
    }),
    ("store.db was removed or replaced", |path| {
        fs::rename(path, beside(path, ".old")).expect("moved away");
    }),
    ("store.db was removed or replaced", |path| {
        fs::copy(path, beside(path, ".new")).expect("copied");
        fs::rename(beside(path, ".new"), path).expect("moved over it");
    }),
    ("store.db-wal was removed or replaced", |path| {
        fs::remove_file(beside(path, "-wal")).expect("removed");
    }),
    ("store.db-wal was removed or replaced", |path| {
        fs::remove_file(beside(path, "-wal")).expect("removed");
        fs::write(beside(path, "-wal"), b"").expect("another one");
    }),
    ("store.db-shm was removed or replaced", |path| {
        fs::remove_file(beside(path, "-shm")).expect("removed");
    }),
    ("store.db-lock was removed or replaced", |path| {
        fs::remove_file(beside(path, "-lock")).expect("removed");
    }),
    ("store.db-wal was removed or replaced", |path| {
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(beside(path, suffix)).expect("removed");
        }
    }),
];

#[tokio::test]
async fn without_its_files_a_store_returns_and_acknowledges_nothing() {
    for (number, (expected, accident)) in ACCIDENTS.into_iter().enumerate() {
        let sqlite = seeded(SqliteOptions::default()).await;
        // Remembered from here on.
        let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
        assert!(found.expect("the store works").is_some());
        accident(&sqlite.path());
        let inserted = sqlite.store.create_token(creation(1)).await;
        assert!(is_unavailable(&inserted), "{number}: {inserted:?}");
        let causes = causes(&inserted.expect_err("no file"));
        assert!(causes.contains(expected), "{number}: {causes}");
        let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
        assert!(is_unavailable(&found), "{number}: {found:?}");
        let session = sqlite.store.find_session(&fixtures::digest(0)).await;
        assert!(is_unavailable(&session), "{number}: {session:?}");
        let events = sqlite.store.events(&AuditFilter::default(), None, 1).await;
        assert!(is_unavailable(&events), "{number}: {events:?}");
        assert!(is_unavailable(&sqlite.store.ready().await), "{number}");
    }
}

#[tokio::test]
async fn a_database_file_that_is_restored_is_used_again() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let away = sqlite.directory.path().join("away.db");
    fs::rename(sqlite.path(), &away).expect("moved away");
    assert!(is_unavailable(&sqlite.store.ready().await));
    fs::rename(away, sqlite.path()).expect("moved back");
    let inserted = sqlite.store.create_token(creation(1)).await;
    assert_eq!(inserted.expect("inserted"), CreateTokenOutcome::Created);
    sqlite.store.ready().await.expect("ready");
}
