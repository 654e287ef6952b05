//! A store in the file of another service, beside its tables, its migrations and its pool.

mod support;

use std::path::Path;

use openindex_adapters_sqlite::{SqliteDatabase, SqliteOptions, SqliteStore, TablePrefix};
use openindex_domain::audit::Subject;
use openindex_domain::testing::fixtures::{self, NOW};
use openindex_domain::token::{RevokeToken, TokenAction, TokenStore};
use openindex_domain::work_item::{WorkItemFilter, WorkItemStore as _};
use openindex_domain::{StoreError, StoreHealth};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, SqlSafeStr};
use support::{creation, is_corrupt, prefixed};
use tempfile::TempDir;

/// A service with a file of its own.
struct Service {
    directory: TempDir,
    pool: SqlitePool,
}

impl Service {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let connect = SqliteConnectOptions::new()
            .filename(directory.path().join("notes.db"))
            .create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1);
        Self {
            pool: pool.connect_with(connect).await.expect("a file"),
            directory,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("notes.db")
    }

    async fn store(&self, options: SqliteOptions) -> SqliteStore<true> {
        store(&self.path(), options).await
    }

    async fn execute(&self, sql: &'static str) {
        let executed = sqlx::raw_sql(sql).execute(&self.pool).await;
        executed.expect("executed");
    }

    /// Migrates the service's own tables, with the library's default table of migrations.
    async fn migrate(&self, sql: &[&'static str]) {
        let migrations = (1_i64..).zip(sql).map(|(version, sql)| {
            let sql = (*sql).into_sql_str();
            Migration::new(version, "own".into(), MigrationType::Simple, sql, false)
        });
        let migrator = Migrator::with_migrations(migrations.collect());
        migrator.run(&self.pool).await.expect("migrated");
    }

    /// Returns the names in the file, and the statements that created them.
    async fn schema(&self) -> Vec<(String, Option<String>)> {
        let schema = sqlx::query_as("SELECT name, sql FROM sqlite_schema ORDER BY name");
        schema.fetch_all(&self.pool).await.expect("a schema")
    }

    /// Returns the versions that a table of migrations lists.
    async fn listed(&self, table: &str) -> Vec<(i64, Vec<u8>)> {
        let listed = format!("SELECT version, checksum FROM {table} ORDER BY version");
        let listed = sqlx::query_as(sqlx::AssertSqlSafe(listed));
        listed.fetch_all(&self.pool).await.expect("migrations")
    }
}

async fn store(path: &Path, options: SqliteOptions) -> SqliteStore<true> {
    let url = format!("sqlite://{}", path.display());
    let store = SqliteStore::connect_with(&url, options).await;
    store.expect("a store").with_accounts()
}

/// Inserts user 1 and token 0.
async fn seed(store: &SqliteStore<true>) {
    store.put_user(&fixtures::user(1)).await.expect("a user");
    let token = fixtures::token(0, NOW);
    let put = store.put_token(&token, &fixtures::digest(0)).await;
    put.expect("a token");
}

async fn is_live(store: &SqliteStore<true>, number: u64) -> bool {
    let found = store.find_by_digest(&fixtures::digest(number)).await;
    let record = found.expect("the store works");
    record.is_some_and(|record| record.token.revoked_at.is_none())
}

/// Revokes token `number` with token 0.
async fn revoke(store: &SqliteStore<true>, number: u64) {
    let token = fixtures::token(number, NOW).id;
    let (action, subject) = (TokenAction::REVOKED, Subject::Token(token));
    let change = RevokeToken {
        actor: creation(1).actor,
        owner: fixtures::user(1).id,
        token,
        audit: fixtures::audit(100 + number, NOW, action, subject),
    };
    let revoked = store.revoke_token(change).await;
    let _ = revoked.expect("the store works");
}

/// Returns the message of a failure that is not [`StoreError::Corrupt`].
fn unavailable(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Unavailable(cause)) => cause.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn stores_with_different_prefixes_in_one_file_have_nothing_in_common() {
    let service = Service::start().await;
    let other = SqliteOptions::default()
        .with_table_prefix(TablePrefix::parse("tokens_").expect("a prefix"));
    let stores = [
        service.store(SqliteOptions::default()).await,
        service.store(prefixed()).await,
        service.store(other).await,
    ];
    for (number, store) in stores.iter().enumerate() {
        store.migrate().await.expect("migrated");
        store.ready().await.expect("ready");
        for earlier in &stores[..number] {
            earlier.ready().await.expect("still ready");
        }
        assert!(!is_live(store, 0).await);
        seed(store).await;
        assert!(is_live(store, 0).await);
    }
    revoke(&stores[1], 0).await;
    let mut live = Vec::new();
    for store in &stores {
        live.push(is_live(store, 0).await);
    }
    assert_eq!(live, [true, false, true]);
}

#[tokio::test]
async fn a_prefixed_store_is_beside_tables_and_migrations_of_the_same_names() {
    const USERS: &str = "CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('Ada')";
    const TOKENS: &str =
        "CREATE TABLE tokens (color TEXT); CREATE INDEX tokens_revoked ON tokens (color)";
    const LATER: &str = "ALTER TABLE users ADD COLUMN age INTEGER";
    let service = Service::start().await;
    service.migrate(&[USERS, TOKENS]).await;
    let before = service.listed("_sqlx_migrations").await;

    let store = service.store(prefixed()).await;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    seed(&store).await;
    assert!(is_live(&store, 0).await);

    assert_eq!(service.listed("_sqlx_migrations").await, before);
    service.migrate(&[USERS, TOKENS, LATER]).await;
    let names: Vec<String> = sqlx::query_scalar("SELECT name FROM users")
        .fetch_all(&service.pool)
        .await
        .expect("the service's users");
    assert_eq!(names, ["Ada"]);
    store.migrate().await.expect("nothing to do");
    store.ready().await.expect("ready");
    let names = service.schema().await.into_iter().map(|(name, _)| name);
    let foreign: Vec<_> = names
        .filter(|name| !name.starts_with("oi_") && !name.starts_with("sqlite_autoindex"))
        .collect();
    assert_eq!(
        foreign,
        ["_sqlx_migrations", "tokens", "tokens_revoked", "users"]
    );
}

#[tokio::test]
async fn migrations_of_the_service_are_none_of_ours_without_a_prefix_either() {
    const NOTES: &str = "CREATE TABLE notes (text TEXT)";
    const PAGES: &str = "CREATE TABLE pages (text TEXT)";
    let service = Service::start().await;
    service.migrate(&[NOTES, PAGES]).await;
    let store = service.store(SqliteOptions::default()).await;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    // The library rejects a table that lists migrations which it does not know.
    service.migrate(&[NOTES, PAGES, "DROP TABLE notes"]).await;
    store.ready().await.expect("ready");
}

#[tokio::test]
async fn a_database_of_an_earlier_release_is_taken_over() {
    let service = Service::start().await;
    let earlier = sqlx::migrate!();
    earlier.run(&service.pool).await.expect("migrated");
    let before = service.listed("_sqlx_migrations").await;

    let store = service.store(SqliteOptions::default()).await;
    let pending = unavailable(store.ready().await);
    assert!(pending.contains("pending migration: 1;"), "{pending}");
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    assert_eq!(service.listed("openindex_migrations").await, before);
    assert_eq!(service.listed("_sqlx_migrations").await, before);
    seed(&store).await;

    // A server of that release beside it, or after a rollback, finds its own.
    earlier.run(&service.pool).await.expect("nothing to do");
    // So does this release after that one added work items.
    let mut work = sqlx::migrate!("./migrations-work");
    work.set_ignore_missing(true);
    work.run(&service.pool).await.expect("migrated");
    let with_work_items = store.clone().with_work_items();
    with_work_items.migrate().await.expect("migrated");
    with_work_items.ready().await.expect("ready");
    let items = with_work_items
        .items(&WorkItemFilter::default(), NOW, None, 1)
        .await;
    assert!(items.is_ok(), "{items:?}");
    assert_eq!(
        service.listed("openindex_migrations").await,
        service.listed("_sqlx_migrations").await
    );
    assert!(is_live(&store, 0).await);
}

#[tokio::test]
async fn a_changed_migration_of_an_earlier_release_is_corrupt() {
    let service = Service::start().await;
    sqlx::migrate!().run(&service.pool).await.expect("migrated");
    service
        .execute("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2")
        .await;
    let store = service.store(SqliteOptions::default()).await;
    assert!(is_corrupt(&store.ready().await));
    assert!(is_corrupt(&store.migrate().await));
}

#[tokio::test]
async fn a_prefixed_store_takes_nothing_over() {
    let service = Service::start().await;
    sqlx::migrate!().run(&service.pool).await.expect("migrated");
    let store = service.store(prefixed()).await;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    assert!(!is_live(&store, 0).await);
}

#[tokio::test]
async fn tables_of_others_are_named_and_nothing_is_written() {
    for (theirs, named) in [
        (
            "CREATE TABLE Tokens (x TEXT); CREATE TABLE users (x TEXT)",
            "Tokens, users",
        ),
        ("CREATE VIEW sessions AS SELECT 1", "sessions"),
        ("CREATE TABLE attempts (x TEXT)", "attempts"),
        (
            "CREATE TABLE t (x TEXT); CREATE INDEX audit_events_newest ON t (x)",
            "audit_events_newest",
        ),
    ] {
        let service = Service::start().await;
        service.execute(theirs).await;
        let before = service.schema().await;
        let store = service.store(SqliteOptions::default()).await;
        for said in [store.migrate().await, store.ready().await] {
            let said = unavailable(said);
            assert!(said.contains(&format!("OpenIndex: {named};")), "{said}");
            assert!(said.contains("set a table prefix"), "{said}");
        }
        assert_eq!(service.schema().await, before);
        // The advice helps.
        let store = service.store(prefixed()).await;
        store.migrate().await.expect("migrated");
        store.ready().await.expect("ready");
    }
    let service = Service::start().await;
    service.execute("CREATE TABLE oi_users (x TEXT)").await;
    let said = unavailable(service.store(prefixed()).await.migrate().await);
    assert!(said.contains(": oi_users;"), "{said}");
}

#[tokio::test]
async fn a_revocation_applies_at_once_whatever_the_pool_does() {
    let service = Service::start().await;
    let store = SqliteDatabase::beside(&service.pool, prefixed()).await;
    let store = SqliteStore::new(store.expect("a database")).with_accounts();
    store.migrate().await.expect("migrated");
    seed(&store).await;
    let created = store.create_token(creation(1)).await;
    let _ = created.expect("the store works");

    // A transaction of the service that still sees the token as live.
    let mut reading = service.pool.begin().await.expect("a transaction");
    let unrevoked = "SELECT count(*) FROM oi_tokens WHERE revoked_at IS NULL";
    let count: i64 = sqlx::query_scalar(unrevoked)
        .fetch_one(&mut *reading)
        .await
        .expect("a count");
    assert_eq!(count, 2);
    assert!(is_live(&store, 1).await);
    revoke(&store, 1).await;
    assert!(!is_live(&store, 1).await);
    let count: i64 = sqlx::query_scalar(unrevoked)
        .fetch_one(&mut *reading)
        .await
        .expect("a count");
    assert_eq!(count, 2, "the pool's own view is older");
}

#[tokio::test]
async fn the_settings_of_the_pool_are_not_those_of_the_store() {
    let service = Service::start().await;
    let connect = SqliteConnectOptions::new()
        .filename(service.path())
        .foreign_keys(false)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Off)
        .pragma("query_only", "ON")
        .read_only(true);
    let pool = SqlitePool::connect_lazy_with(connect);
    let store = SqliteDatabase::beside(&pool, SqliteOptions::default()).await;
    let store = SqliteStore::new(store.expect("a database")).with_accounts();
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    seed(&store).await;
    let mut ownerless = fixtures::token(1, NOW);
    ownerless.owner = fixtures::user(9).id;
    let put = store.put_token(&ownerless, &fixtures::digest(1)).await;
    assert!(is_corrupt(&put), "foreign keys are enforced: {put:?}");
}

#[tokio::test]
async fn settings_of_the_pool_that_override_those_of_the_store_are_errors() {
    for (pragma, setting) in [
        ("Foreign_Keys", "OFF"),
        ("IGNORE_CHECK_CONSTRAINTS", "ON"),
        ("Journal_Mode", "DELETE"),
        ("Locking_Mode", "EXCLUSIVE"),
        ("Synchronous", "OFF"),
        ("Read_Uncommitted", "ON"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let connect = SqliteConnectOptions::new()
            .filename(directory.path().join("notes.db"))
            .create_if_missing(true)
            .pragma(pragma, setting);
        let pool = SqlitePool::connect_lazy_with(connect);
        let store = SqliteDatabase::beside(&pool, SqliteOptions::default()).await;
        let said = unavailable(store.map(drop));
        let name = pragma.to_lowercase();
        assert!(
            said.contains(&format!("pragma {name} of the pool")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn closing_one_leaves_the_other_open() {
    let service = Service::start().await;
    let store = SqliteDatabase::beside(&service.pool, prefixed()).await;
    let store = SqliteStore::new(store.expect("a database")).with_accounts();
    store.migrate().await.expect("migrated");
    store.close().await;
    assert!(store.find_by_digest(&fixtures::digest(0)).await.is_err());
    service.execute("CREATE TABLE notes (text TEXT)").await;

    let store = SqliteDatabase::beside(&service.pool, prefixed()).await;
    let store = SqliteStore::new(store.expect("a database")).with_accounts();
    service.pool.close().await;
    seed(&store).await;
    assert!(is_live(&store, 0).await);
}

#[tokio::test]
async fn a_pool_without_a_file_is_rejected() {
    for url in ["sqlite::memory:", "sqlite://:memory:"] {
        let pool = SqlitePool::connect(url).await.expect("a pool");
        let store = SqliteDatabase::beside(&pool, SqliteOptions::default()).await;
        let said = unavailable(store.map(drop));
        assert!(said.contains("specify the path of a file"), "{said}");
    }
}

#[tokio::test]
async fn a_pool_that_has_not_connected_yet_creates_its_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notes.db");
    let connect = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_lazy_with(connect.clone());
    let store = SqliteDatabase::beside(&pool, SqliteOptions::default()).await;
    let store = SqliteStore::new(store.expect("a database")).with_accounts();
    store.migrate().await.expect("migrated");
    seed(&store).await;
    let mut other = sqlx::SqliteConnection::connect_with(&connect)
        .await
        .expect("a connection");
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&mut other)
        .await
        .expect("a count");
    assert_eq!(users, 1);
}
