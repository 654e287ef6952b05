//! A store on its own database, and a second connection to that database that can break every rule.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use openindex_adapters_postgres::{Parts, PoolOptions, PostgresStore, TablePrefix};
use openindex_domain::StoreError;
use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::admin_tokens::AdminTokenStore;
use openindex_domain::agent_run::AgentRunStore;
use openindex_domain::audit::{AuditStore, Subject};
use openindex_domain::invite::InviteStore;
use openindex_domain::rate_limit::RateLimitStore;
use openindex_domain::session::SessionStore;
use openindex_domain::testing::{
    AccountHarness, AgentRunHarness, DamageHarness, Harness, WorkHarness, fixtures,
};
use openindex_domain::token::{CreateToken, Digest, Token, TokenAction, TokenStore};
use openindex_domain::user::{PasswordHash, User, UserId, UserStore};
use openindex_domain::work_item::{WorkItem, WorkItemStore};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

static DATABASES: AtomicU32 = AtomicU32::new(0);

pub struct Postgres<const ACCOUNTS: bool = true, const WORK_ITEMS: bool = true> {
    pub url: String,
    pub store: PostgresStore<ACCOUNTS, WORK_ITEMS>,
    /// A store of the tables' owner, which inserts what a test starts from.
    pub owner: PostgresStore<ACCOUNTS>,
    pub raw: PgPool,
    prefix: TablePrefix,
}

/// Options with a table prefix.
pub fn prefixed() -> PoolOptions {
    PoolOptions::default().with_table_prefix(TablePrefix::parse("oi_").expect("a prefix"))
}

/// Creates a database for one test and returns its URL. It is not dropped: dropping it would make
/// the server write a checkpoint, which takes longer than the test, and the whole server is
/// temporary.
async fn create_database() -> String {
    let server = std::env::var("DATABASE_URL").expect(
        "these tests need a PostgreSQL server in DATABASE_URL; run them as \
         `scripts/postgres run -- cargo nextest run -p openindex-adapters-postgres`",
    );
    let name = format!(
        "openindex_test_{}_{}",
        std::process::id(),
        DATABASES.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = PgConnection::connect(&server)
        .await
        .expect("DATABASE_URL leads to a PostgreSQL server");
    // The name exists from an earlier run if its process id has been reused.
    for sql in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name}"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .expect("DATABASE_URL's user may create databases");
    }
    let (server, _) = server.rsplit_once('/').expect("a database in the URL");
    format!("{server}/{name}")
}

impl Postgres<true, false> {
    /// Starts with a store without work items, and without their tables.
    pub async fn start_without_work() -> Self {
        let Postgres {
            url,
            owner,
            raw,
            prefix,
            ..
        } = Postgres::start_empty(PoolOptions::default()).await;
        let store = PostgresStore::connect_with(&url, PoolOptions::default())
            .await
            .expect("a store")
            .with_accounts();
        store.migrate().await.expect("migrated");
        Self {
            url,
            store,
            owner,
            raw,
            prefix,
        }
    }
}

impl Postgres<false, false> {
    /// Starts with tokens and their owners only.
    pub async fn start_without_accounts() -> Self {
        let url = create_database().await;
        let store = PostgresStore::connect(&url).await.expect("a store");
        store.migrate().await.expect("migrated");
        Self {
            raw: PgPoolOptions::new()
                .max_connections(2)
                .connect_lazy_with(url.parse().expect("a URL")),
            owner: store.clone(),
            store,
            url,
            prefix: TablePrefix::default(),
        }
    }
}

impl Postgres {
    pub async fn start() -> Self {
        Self::start_with(PoolOptions::default()).await
    }

    pub async fn start_with(options: PoolOptions) -> Self {
        let postgres = Self::start_empty(options).await;
        postgres.store.migrate().await.expect("migrated");
        postgres
    }

    /// Starts with a store whose role has only the privileges that serving requires.
    pub async fn start_served() -> Self {
        let mut postgres = Self::start().await;
        postgres.store = postgres.serve_as(&postgres.new_role("").await).await;
        postgres
    }

    /// Starts with a table prefix and with such a role.
    pub async fn start_prefixed_and_served() -> Self {
        let mut postgres = Self::start_with(prefixed()).await;
        postgres.store = postgres.serve_as(&postgres.new_role("").await).await;
        postgres
    }

    /// Creates a role that may log in, with `more` at the end of `CREATE ROLE`.
    pub async fn new_role(&self, more: &str) -> String {
        let role = self.url.rsplit_once("openindex_test_");
        let role = format!("served_{}", role.expect("a database").1);
        let create = format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN {more}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&self.raw)
            .await
            .expect("a role");
        role
    }

    /// Grants the role the privileges that serving requires, and connects as that role.
    pub async fn serve_as(&self, role: &str) -> PostgresStore<true, true> {
        let grants = openindex_adapters_postgres::grants(role, "public", Parts::ALL, self.prefix);
        sqlx::raw_sql(AssertSqlSafe(grants))
            .execute(&self.raw)
            .await
            .expect("granted");
        let (_, rest) = self.url.split_once('@').expect("a user in the URL");
        let options = PoolOptions::default().with_table_prefix(self.prefix);
        PostgresStore::connect_with(&format!("postgres://{role}@{rest}"), options)
            .await
            .expect("a store")
            .with_accounts()
            .with_work_items()
    }

    /// Starts without a schema.
    pub async fn start_empty(options: PoolOptions) -> Self {
        let url = create_database().await;
        let connect: PgConnectOptions = url.parse().expect("a URL");
        Self {
            store: PostgresStore::connect_with(&url, options)
                .await
                .expect("a store")
                .with_accounts()
                .with_work_items(),
            owner: PostgresStore::connect_with(
                &url,
                PoolOptions::default().with_table_prefix(options.table_prefix),
            )
            .await
            .expect("a store")
            .with_accounts(),
            prefix: options.table_prefix,
            raw: PgPoolOptions::new()
                .max_connections(2)
                .connect_lazy_with(connect),
            url,
        }
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&self.raw)
            .await
            .expect("executed");
    }
}

#[async_trait]
impl<const ACCOUNTS: bool, const WORK_ITEMS: bool> Harness for Postgres<ACCOUNTS, WORK_ITEMS> {
    fn tokens(&self) -> Arc<dyn TokenStore> {
        Arc::new(self.store.clone())
    }

    fn audit(&self) -> Arc<dyn AuditStore> {
        Arc::new(self.store.clone())
    }

    async fn put_user(&self, user: &User) {
        put_user(&self.owner, user).await;
    }

    async fn put_token(&self, token: &Token, digest: &Digest) {
        put_token(&self.owner, token, digest).await;
    }
}

#[async_trait]
impl<const ACCOUNTS: bool, const WORK_ITEMS: bool> AgentRunHarness
    for Postgres<ACCOUNTS, WORK_ITEMS>
{
    fn agent_runs(&self) -> Arc<dyn AgentRunStore> {
        Arc::new(self.store.clone())
    }
}

#[async_trait]
impl WorkHarness for Postgres {
    fn work_items(&self) -> Arc<dyn WorkItemStore> {
        Arc::new(self.store.clone())
    }

    async fn put_work_item(&self, item: &WorkItem) {
        put_work_item(&self.owner, item).await;
    }
}

#[async_trait]
impl<const WORK_ITEMS: bool> AccountHarness for Postgres<true, WORK_ITEMS> {
    fn users(&self) -> Arc<dyn UserStore> {
        Arc::new(self.store.clone())
    }

    fn sessions(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.store.clone())
    }

    fn invites(&self) -> Arc<dyn InviteStore> {
        Arc::new(self.store.clone())
    }

    fn admin_tokens(&self) -> Arc<dyn AdminTokenStore> {
        Arc::new(self.store.clone())
    }

    fn rate_limits(&self) -> Arc<dyn RateLimitStore> {
        Arc::new(self.store.clone())
    }

    async fn put_password(&self, user: UserId, hash: &PasswordHash) {
        let put = self.owner.put_password(user, hash);
        put.await.expect("a password");
    }
}

pub async fn put_user<const ACCOUNTS: bool>(owner: &PostgresStore<ACCOUNTS>, user: &User) {
    owner.put_user(user).await.expect("a user");
}

pub async fn put_token<const ACCOUNTS: bool>(
    owner: &PostgresStore<ACCOUNTS>,
    token: &Token,
    digest: &Digest,
) {
    owner.put_token(token, digest).await.expect("a token");
}

pub async fn put_work_item(owner: &PostgresStore<true>, item: &WorkItem) {
    owner.put_work_item(item).await.expect("a work item");
}

/// The creation of token `number` with token 0, audited as event `number`.
pub fn creation(number: u64) -> CreateToken {
    let token = fixtures::token(number, fixtures::NOW);
    CreateToken {
        actor: Actor {
            credential: CredentialId::Token(fixtures::token(0, fixtures::NOW).id),
            requirement: Requirement::HUMAN,
            now: fixtures::NOW,
            form: None,
        },
        digest: fixtures::digest(number),
        quota: 100,
        rate: openindex_domain::token::CreationRate::DEFAULT_TOKENS,
        audit: fixtures::audit(
            number,
            fixtures::NOW,
            TokenAction::CREATED,
            Subject::Token(token.id),
        ),
        token,
    }
}

/// Inserts user 1 and their token 0.
pub async fn seed(owner: &PostgresStore<true>) {
    put_user(owner, &fixtures::user(1)).await;
    let token = fixtures::token(0, fixtures::NOW);
    put_token(owner, &token, &fixtures::digest(0)).await;
}

/// Starts with user 1 and their token 0.
pub async fn seeded() -> Postgres {
    let postgres = Postgres::start().await;
    seed(&postgres.owner).await;
    postgres
}

pub fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

pub fn is_corrupt<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt(_)))
}

/// Returns how many sessions of this database wait for a lock.
pub async fn waiting_for_locks(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    .fetch_one(pool)
    .await
    .expect("a count")
}

pub async fn a_session_waits_for_a_lock(pool: &PgPool) -> bool {
    waiting_for_locks(pool).await > 0
}

#[async_trait]
impl DamageHarness for Postgres {
    /// The constraints are restored afterwards, and apply to what is written from then on.
    async fn damage(&self, statement: &str) {
        let statement = self.prefix.statement(statement.to_owned().into());
        let [instant, range, audit_events] =
            ["instant", "instant_range", "audit_events"].map(|name| self.prefix.name(name));
        let statement = format!(
            "DO $$ DECLARE c record; instants text; again text[] := '{{}}'; BEGIN \
               PERFORM set_config('session_replication_role', 'replica', true); \
               FOR c IN SELECT conrelid::regclass AS owner, conname, \
                   replace(pg_get_constraintdef(oid), ' NOT VALID', '') AS rule \
                   FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 \
                   AND connamespace = 'public'::regnamespace LOOP \
                 EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.owner, c.conname); \
                 again := again || format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', \
                                          c.owner, c.conname, c.rule); \
               END LOOP; \
               SELECT replace(pg_get_constraintdef(oid), ' NOT VALID', '') INTO instants \
                 FROM pg_constraint WHERE conname = '{range}'; \
               ALTER DOMAIN {instant} DROP CONSTRAINT {range}; \
               ALTER TABLE {audit_events} DISABLE TRIGGER USER; \
               EXECUTE $sql${statement}$sql$; \
               FOR n IN 1 .. coalesce(array_length(again, 1), 0) LOOP EXECUTE again[n]; END LOOP; \
               EXECUTE 'ALTER DOMAIN {instant} ADD CONSTRAINT {range} ' || instants || ' NOT VALID'; \
             END $$"
        );
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&self.raw)
            .await
            .expect("damaged");
    }

    fn instant_past_every_rule(&self) -> &'static str {
        "timestamptz 'infinity'"
    }
}
