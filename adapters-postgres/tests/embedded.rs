//! A store in the database of another service, beside its tables, its migrations and its pool.

mod support;

use std::time::{Duration, Instant};

use openindex_adapters_postgres::{PoolOptions, PostgresDatabase, PostgresStore, TablePrefix};
use openindex_domain::audit::Subject;
use openindex_domain::testing::fixtures::{self, NOW};
use openindex_domain::token::{CreateTokenOutcome, RevokeToken, TokenAction, TokenStore};
use openindex_domain::user::UserStore as _;
use openindex_domain::{StoreError, StoreHealth};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use support::{Postgres, creation, is_corrupt, is_unavailable, prefixed, seed};

async fn empty() -> Postgres {
    Postgres::start_empty(PoolOptions::default()).await
}

async fn store(postgres: &Postgres, options: PoolOptions) -> PostgresStore<true> {
    let store = PostgresStore::connect_with(&postgres.url, options).await;
    store.expect("a store").with_accounts()
}

/// Returns a pool of the service's.
fn pool(postgres: &Postgres, max_connections: u32) -> PgPool {
    let connect: PgConnectOptions = postgres.url.parse().expect("a URL");
    let options = PgPoolOptions::new().max_connections(max_connections);
    options.connect_lazy_with(connect)
}

/// Migrates the service's own tables, with the library's default table of migrations.
async fn migrate_own(postgres: &Postgres, sql: &[&'static str]) {
    let migrations = (1_i64..).zip(sql).map(|(version, sql)| {
        let sql = (*sql).into_sql_str();
        Migration::new(version, "own".into(), MigrationType::Simple, sql, false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    migrator.run(&postgres.raw).await.expect("migrated");
}

async fn listed(postgres: &Postgres, table: &str) -> Vec<(i64, Vec<u8>)> {
    let listed = format!("SELECT version, checksum FROM {table} ORDER BY version");
    let listed = sqlx::query_as(sqlx::AssertSqlSafe(listed));
    listed.fetch_all(&postgres.raw).await.expect("migrations")
}

/// Returns the names of all relations, types and functions in the schema `public`.
async fn names(postgres: &Postgres) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT name FROM (SELECT relname::text AS name, relnamespace AS place FROM pg_class \
         UNION ALL SELECT typname, typnamespace FROM pg_type \
         UNION ALL SELECT proname, pronamespace FROM pg_proc) AS found \
         WHERE place = 'public'::regnamespace ORDER BY name",
    )
    .fetch_all(&postgres.raw)
    .await
    .expect("names")
}

async fn is_live(store: &PostgresStore<true>, number: u64) -> bool {
    let found = store.find_by_digest(&fixtures::digest(number)).await;
    let record = found.expect("the store works");
    record.is_some_and(|record| record.token.revoked_at.is_none())
}

/// Revokes token `number` with token 0.
async fn revoke(store: &PostgresStore<true>, number: u64) {
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
async fn stores_with_different_prefixes_in_one_database_have_nothing_in_common() {
    let postgres = empty().await;
    let other = TablePrefix::parse("tokens_").expect("a prefix");
    let stores = [
        store(&postgres, PoolOptions::default()).await,
        store(&postgres, prefixed()).await,
        store(&postgres, PoolOptions::default().with_table_prefix(other)).await,
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
    const USERS: &str = "CREATE TABLE users (name text); INSERT INTO users VALUES ('Ada')";
    const TOKENS: &str = "CREATE TABLE tokens (color text); \
        CREATE INDEX tokens_revoked ON tokens (color); CREATE DOMAIN instant AS text; \
        CREATE FUNCTION audit_events_append_only() RETURNS integer LANGUAGE sql AS 'SELECT 1'";
    const LATER: &str = "ALTER TABLE users ADD COLUMN age integer";
    let postgres = empty().await;
    migrate_own(&postgres, &[USERS, TOKENS]).await;
    let before = (
        names(&postgres).await,
        listed(&postgres, "_sqlx_migrations").await,
    );

    let store = store(&postgres, prefixed()).await;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    seed(&store).await;
    assert!(is_live(&store, 0).await);

    let foreign = names(&postgres).await.into_iter();
    let foreign: Vec<_> = foreign
        .filter(|name| !name.starts_with("oi_") && !name.starts_with("_oi_"))
        .collect();
    assert_eq!(
        (foreign, listed(&postgres, "_sqlx_migrations").await),
        before
    );
    migrate_own(&postgres, &[USERS, TOKENS, LATER]).await;
    store.migrate().await.expect("nothing to do");
    store.ready().await.expect("ready");
}

#[tokio::test]
async fn a_table_of_migrations_that_the_role_may_not_read_is_none_of_ours() {
    let postgres = empty().await;
    migrate_own(&postgres, &["CREATE TABLE notes (body text)"]).await;
    let role = postgres.new_role("").await;
    let grant = format!("GRANT USAGE, CREATE ON SCHEMA public TO {role}");
    let granted = sqlx::raw_sql(sqlx::AssertSqlSafe(grant));
    granted.execute(&postgres.raw).await.expect("granted");
    let (_, rest) = postgres.url.split_once('@').expect("a user in the URL");
    let store = PostgresStore::connect(&format!("postgres://{role}@{rest}")).await;
    let store = store.expect("a store").with_accounts();
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_earlier_release_is_taken_over_by_servers_that_start_together() {
    let postgres = empty().await;
    let earlier = sqlx::migrate!();
    earlier.run(&postgres.raw).await.expect("migrated");
    seed(&postgres.owner).await;
    let before = listed(&postgres, "_sqlx_migrations").await;
    // An earlier schema of the search path, in which nothing is created: the tables are in another.
    postgres
        .execute("DO $$ BEGIN EXECUTE format('CREATE SCHEMA %I', current_user); END $$")
        .await;

    let first = store(&postgres, PoolOptions::default()).await;
    let pending = unavailable(first.ready().await);
    assert!(pending.contains("pending migrations: "), "{pending}");
    assert!(pending.contains("table openindex_migrations;"), "{pending}");
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = postgres.url.clone();
            tokio::spawn(async move {
                let store = PostgresStore::connect(&url).await?.with_accounts();
                store.migrate().await?;
                store.ready().await
            })
        })
        .collect();
    for started in starting {
        started.await.expect("no panic").expect("ready");
    }
    assert_eq!(
        listed(&postgres, "public.openindex_migrations").await,
        before
    );
    assert_eq!(listed(&postgres, "_sqlx_migrations").await, before);
    assert!(is_live(&first, 0).await);

    // Fails if the schema is not empty.
    postgres
        .execute("DO $$ BEGIN EXECUTE format('DROP SCHEMA %I', current_user); END $$")
        .await;

    // A server of that release beside it, or after a rollback, finds its own.
    earlier.run(&postgres.raw).await.expect("nothing to do");
    // So does this release after that one added work items.
    let mut work = sqlx::migrate!("./migrations-work");
    work.set_ignore_missing(true);
    work.run(&postgres.raw).await.expect("migrated");
    postgres.store.migrate().await.expect("migrated");
    postgres.store.ready().await.expect("ready");
}

#[tokio::test]
async fn a_changed_migration_of_an_earlier_release_is_corrupt() {
    let postgres = empty().await;
    sqlx::migrate!().run(&postgres.raw).await.expect("migrated");
    postgres
        .execute(r"UPDATE _sqlx_migrations SET checksum = '\x00' WHERE version = 2")
        .await;
    let store = store(&postgres, PoolOptions::default()).await;
    assert!(is_corrupt(&store.ready().await));
    assert!(is_corrupt(&store.migrate().await));
}

#[tokio::test]
async fn tables_of_others_are_named_and_nothing_is_written() {
    let postgres = empty().await;
    for (theirs, named, gone) in [
        (
            "CREATE TABLE tokens (x text); CREATE TABLE users (x text)",
            "tokens, users",
            "DROP TABLE tokens, users",
        ),
        (
            "CREATE VIEW sessions AS SELECT 1",
            "sessions",
            "DROP VIEW sessions",
        ),
        (
            "CREATE TABLE t (x text); CREATE INDEX audit_events_newest ON t (x)",
            "audit_events_newest",
            "DROP TABLE t",
        ),
        (
            "CREATE TYPE instant AS ENUM ()",
            "instant",
            "DROP TYPE instant",
        ),
    ] {
        postgres.execute(theirs).await;
        let before = names(&postgres).await;
        let store = store(&postgres, PoolOptions::default()).await;
        for said in [store.migrate().await, store.ready().await] {
            let said = unavailable(said);
            assert!(said.contains(&format!("OpenIndex: {named};")), "{said}");
            assert!(said.contains("set a table prefix"), "{said}");
        }
        assert_eq!(names(&postgres).await, before);
        postgres.execute(gone).await;
    }
    postgres.execute("CREATE TABLE users (x text)").await;
    // The advice helps.
    let store = store(&postgres, prefixed()).await;
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
}

#[tokio::test]
async fn a_revocation_applies_at_once_whatever_the_pool_does() {
    let postgres = empty().await;
    let pool = pool(&postgres, 2);
    let store =
        PostgresStore::new(PostgresDatabase::with_pool(pool.clone(), prefixed())).with_accounts();
    store.migrate().await.expect("migrated");
    seed(&store).await;
    let created = store.create_token(creation(1)).await;
    assert_eq!(created.expect("created"), CreateTokenOutcome::Created);

    // A transaction of the service that still sees the token as live.
    let mut reading = pool
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .await;
    let reading = reading.as_mut().expect("a transaction");
    let unrevoked = "SELECT count(*) FROM oi_tokens WHERE revoked_at IS NULL";
    let count: i64 = sqlx::query_scalar(unrevoked)
        .fetch_one(&mut **reading)
        .await
        .expect("a count");
    assert_eq!(count, 2);
    assert!(is_live(&store, 1).await);
    revoke(&store, 1).await;
    assert!(!is_live(&store, 1).await);
    let count: i64 = sqlx::query_scalar(unrevoked)
        .fetch_one(&mut **reading)
        .await
        .expect("a count");
    assert_eq!(count, 2, "the pool's own view is older");
}

#[tokio::test]
async fn connections_of_the_store_follow_new_connect_options_of_the_pool() {
    let postgres = empty().await;
    let role = postgres.new_role("SUPERUSER").await;
    let pool = pool(&postgres, 2);
    let as_role = |name: &str| PgConnectOptions::clone(&pool.connect_options()).username(name);
    pool.set_connect_options(as_role("nobody_is_called_so"));
    let store =
        PostgresStore::new(PostgresDatabase::with_pool(pool.clone(), prefixed())).with_accounts();
    assert!(is_unavailable(&store.migrate().await));

    pool.set_connect_options(as_role(&role));
    store.migrate().await.expect("migrated");
    seed(&store).await;
    assert!(is_live(&store, 0).await);

    // As after the rotation of a password, the old credentials work no longer.
    let renamed = format!(
        "ALTER ROLE {role} RENAME TO {role}_next; \
         SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE usename = '{role}_next' AND datname = current_database()"
    );
    let renamed = sqlx::raw_sql(sqlx::AssertSqlSafe(renamed));
    renamed.execute(&postgres.raw).await.expect("renamed");
    let broken = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(is_unavailable(&broken), "{broken:?}");
    pool.set_connect_options(as_role(&format!("{role}_next")));
    assert!(is_live(&store, 0).await);
    store.ready().await.expect("ready");
}

#[tokio::test]
async fn calls_have_their_own_settings_and_leave_those_of_the_pool() {
    const SETTINGS: [(&str, &str); 4] = [
        ("synchronous_commit", "off"),
        ("statement_timeout", "0"),
        ("row_security", "on"),
        ("default_transaction_read_only", "on"),
    ];
    let postgres = empty().await;
    store(&postgres, prefixed())
        .await
        .migrate()
        .await
        .expect("migrated");
    postgres
        .execute(
            "CREATE TABLE seen (name text, setting text); \
             CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO seen SELECT name, setting FROM pg_settings; RETURN NEW; END $$; \
             CREATE TRIGGER look AFTER INSERT ON oi_users FOR EACH ROW EXECUTE FUNCTION look()",
        )
        .await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .after_connect(|connection, _| {
            let set = SETTINGS.map(|(name, setting)| format!("SET {name} = {setting}"));
            let set = sqlx::AssertSqlSafe(set.join("; "));
            Box::pin(async move { sqlx::raw_sql(set).execute(connection).await.map(drop) })
        })
        .connect_lazy_with(postgres.url.parse().expect("a URL"));
    let store =
        PostgresStore::new(PostgresDatabase::with_pool(pool.clone(), prefixed())).with_accounts();
    seed(&store).await;
    for ((name, theirs), ours) in SETTINGS.into_iter().zip(["on", "6000", "off", "on"]) {
        let seen: String = sqlx::query_scalar("SELECT setting FROM seen WHERE name = $1")
            .bind(name)
            .fetch_one(&postgres.raw)
            .await
            .expect("a setting");
        assert_eq!(seen, ours, "{name}");
        let left: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(name)
            .fetch_one(&pool)
            .await
            .expect("a setting");
        assert_eq!(left, theirs, "{name}");
    }
    let account = store.account("user1@example.com").await;
    assert!(account.expect("the store works").is_some());
}

#[tokio::test]
async fn the_limit_of_the_pool_applies_to_changes_and_not_to_lookups() {
    let postgres = empty().await;
    let pool = pool(&postgres, 1);
    let options = prefixed().with_acquire_timeout(Duration::from_millis(300));
    let store =
        PostgresStore::new(PostgresDatabase::with_pool(pool.clone(), options)).with_accounts();
    store.migrate().await.expect("migrated");
    seed(&store).await;
    assert!(is_live(&store, 0).await);
    assert_eq!(store.connections(), [1, 1, 1]);

    let taken = pool.acquire().await.expect("the only connection");
    let begun = Instant::now();
    let created = store.create_token(creation(1)).await;
    assert!(is_unavailable(&created), "{created:?}");
    assert!(
        format!("{created:?}").contains("Exhausted(1)"),
        "{created:?}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "not the pool's timeout of 30 s"
    );
    assert!(is_live(&store, 0).await);
    drop(taken);
    let created = store.create_token(creation(1)).await;
    assert_eq!(created.expect("created"), CreateTokenOutcome::Created);
}

#[tokio::test]
async fn closing_the_store_leaves_the_pool_open() {
    let postgres = empty().await;
    let pool = pool(&postgres, 1);
    let store =
        PostgresStore::new(PostgresDatabase::with_pool(pool.clone(), prefixed())).with_accounts();
    store.migrate().await.expect("migrated");
    store.close().await;
    assert!(is_unavailable(
        &store.find_by_digest(&fixtures::digest(0)).await
    ));
    assert!(is_unavailable(&store.put_user(&fixtures::user(1)).await));
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM oi_users")
        .fetch_one(&pool)
        .await
        .expect("the pool works");
    assert_eq!(users, 0);
    assert!(!pool.is_closed());
}
