//! A store on its own file, and a second connection to that file that can break every rule.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_adapters_sqlite::{SqliteOptions, SqliteStore, TablePrefix};
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
use openindex_domain::{StoreError, StoreHealth as _};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

pub struct Sqlite<const ACCOUNTS: bool = true, const WORK_ITEMS: bool = true> {
    pub directory: TempDir,
    pub store: SqliteStore<ACCOUNTS, WORK_ITEMS>,
    pub raw: SqlitePool,
    prefix: TablePrefix,
}

/// Options with a table prefix.
pub fn prefixed() -> SqliteOptions {
    SqliteOptions::default().with_table_prefix(TablePrefix::parse("oi_").expect("a prefix"))
}

/// Creates an empty file, to be filled as an earlier release did. Returns its directory, a connection
/// and its URL.
pub async fn empty_file() -> (TempDir, SqlitePool, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let raw = SqlitePoolOptions::new().max_connections(1);
    let raw = raw.connect_with(options).await.expect("a file");
    (directory, raw, format!("sqlite://{}", path.display()))
}

impl Sqlite {
    pub async fn start() -> Self {
        Self::start_with(SqliteOptions::default()).await
    }

    pub async fn start_with(options: SqliteOptions) -> Self {
        Self::open(options, |store| store.with_accounts().with_work_items()).await
    }
}

impl Sqlite<true, false> {
    /// Starts without work items.
    pub async fn start_without_work() -> Self {
        Self::open(SqliteOptions::default(), SqliteStore::with_accounts).await
    }
}

impl Sqlite<false, false> {
    /// Starts with tokens and their owners only.
    pub async fn start_without_accounts() -> Self {
        Self::open(SqliteOptions::default(), |store| store).await
    }
}

impl<const ACCOUNTS: bool, const WORK_ITEMS: bool> Sqlite<ACCOUNTS, WORK_ITEMS> {
    async fn open(
        options: SqliteOptions,
        choose: fn(SqliteStore) -> SqliteStore<ACCOUNTS, WORK_ITEMS>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("store.db").display());
        let store = SqliteStore::connect_with(&url, options)
            .await
            .expect("a store");
        let store = choose(store);
        store.migrate().await.expect("migrated");
        let raw = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(SqliteConnectOptions::new().filename(directory.path().join("store.db")))
            .await
            .expect("a second connection");
        Self {
            directory,
            store,
            raw,
            prefix: options.table_prefix,
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&self.raw)
            .await
            .expect("executed");
    }
}

#[async_trait]
impl<const ACCOUNTS: bool, const WORK_ITEMS: bool> Harness for Sqlite<ACCOUNTS, WORK_ITEMS> {
    fn tokens(&self) -> Arc<dyn TokenStore> {
        Arc::new(self.store.clone())
    }

    fn audit(&self) -> Arc<dyn AuditStore> {
        Arc::new(self.store.clone())
    }

    async fn put_user(&self, user: &User) {
        self.store.put_user(user).await.expect("a user");
    }

    async fn put_token(&self, token: &Token, digest: &Digest) {
        let put = self.store.put_token(token, digest);
        put.await.expect("a token");
    }
}

#[async_trait]
impl<const ACCOUNTS: bool, const WORK_ITEMS: bool> AgentRunHarness
    for Sqlite<ACCOUNTS, WORK_ITEMS>
{
    fn agent_runs(&self) -> Arc<dyn AgentRunStore> {
        Arc::new(self.store.clone())
    }
}

#[async_trait]
impl WorkHarness for Sqlite {
    fn work_items(&self) -> Arc<dyn WorkItemStore> {
        Arc::new(self.store.clone())
    }

    async fn put_work_item(&self, item: &WorkItem) {
        self.store.put_work_item(item).await.expect("a work item");
    }
}

#[async_trait]
impl<const WORK_ITEMS: bool> AccountHarness for Sqlite<true, WORK_ITEMS> {
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
        let put = self.store.put_password(user, hash);
        put.await.expect("a password");
    }
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

/// Starts with user 1 and their token 0.
pub async fn seeded(options: SqliteOptions) -> Sqlite {
    let sqlite = Sqlite::start_with(options).await;
    sqlite.put_user(&fixtures::user(1)).await;
    sqlite
        .put_token(&fixtures::token(0, fixtures::NOW), &fixtures::digest(0))
        .await;
    sqlite
}

pub fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

pub fn is_corrupt<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Corrupt(_)))
}

#[async_trait]
impl DamageHarness for Sqlite {
    async fn damage(&self, statement: &str) {
        let trigger = self.prefix.name("audit_events_no_update");
        let statement = self.prefix.statement(statement.to_owned().into());
        let statement = format!(
            "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; \
             DROP TRIGGER IF EXISTS {trigger}; {statement}; \
             PRAGMA ignore_check_constraints = OFF; PRAGMA foreign_keys = ON;"
        );
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&self.raw)
            .await
            .expect("damaged");
        // A change notices those of other connections.
        self.store.write().await.expect("a change");
    }

    fn instant_past_every_rule(&self) -> &'static str {
        "9253402300799999"
    }
}
