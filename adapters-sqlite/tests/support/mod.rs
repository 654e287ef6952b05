//! A store on its own file, and a second connection to that file that can break every rule.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::StoreError;
use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::admin_tokens::AdminTokenStore;
use openindex_domain::agent_run::{AgentId, AgentRunStore};
use openindex_domain::audit::{AuditAction, AuditStore, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::invite::InviteStore;
use openindex_domain::rate_limit::RateLimitStore;
use openindex_domain::session::SessionStore;
use openindex_domain::testing::{
    AccountHarness, AgentRunHarness, DamageHarness, Harness, WorkHarness, fixtures,
};
use openindex_domain::token::{CreateToken, Digest, Token, TokenId, TokenStore};
use openindex_domain::user::{PasswordHash, User, UserId, UserStore};
use openindex_domain::work_item::{Holder, WorkItem, WorkItemStore};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tempfile::TempDir;

pub struct Sqlite {
    pub directory: TempDir,
    pub store: SqliteStore,
    pub raw: SqlitePool,
}

impl Sqlite {
    pub async fn start() -> Self {
        Self::start_with(SqliteOptions::default()).await
    }

    pub async fn start_with(options: SqliteOptions) -> Self {
        Self::open(options, SqliteStore::with_work_items).await
    }

    /// Starts without work items.
    pub async fn start_without_work() -> Self {
        Self::open(SqliteOptions::default(), |store| store).await
    }

    async fn open(options: SqliteOptions, choose: fn(SqliteStore) -> SqliteStore) -> Self {
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
impl Harness for Sqlite {
    fn tokens(&self) -> Arc<dyn TokenStore> {
        Arc::new(self.store.clone())
    }

    fn audit(&self) -> Arc<dyn AuditStore> {
        Arc::new(self.store.clone())
    }

    async fn put_user(&self, user: &User) {
        sqlx::query(
            "INSERT INTO users (id, email, email_key, name, role, created_at, suspended_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET \
             email = ?2, email_key = ?3, name = ?4, role = ?5, created_at = ?6, suspended_at = ?7",
        )
        .bind(user.id.uuid())
        .bind(user.email.as_str())
        .bind(user.email.key())
        .bind(user.name.as_str())
        .bind(user.role.as_str())
        .bind(user.created_at.unix_millis())
        .bind(user.suspended_at.map(Timestamp::unix_millis))
        .execute(&self.raw)
        .await
        .expect("a user");
    }

    async fn put_token(&self, token: &Token, digest: &Digest) {
        let run = token.run.as_ref();
        sqlx::query(
            "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at, \
             revoked_at, last_used_at, successor, agent_id, work_item, issuer_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (id) DO UPDATE SET kind = ?2, owner_id = ?3, name = ?4, scope = ?5, \
             digest = ?6, created_at = ?7, expires_at = ?8, revoked_at = ?9, last_used_at = ?10, \
             successor = ?11, agent_id = ?12, work_item = ?13, issuer_id = ?14",
        )
        .bind(token.id.uuid())
        .bind(token.kind().as_str())
        .bind(token.owner.uuid())
        .bind(token.name.as_str())
        .bind(token.scope.as_str())
        .bind(&digest.as_bytes()[..])
        .bind(token.created_at.unix_millis())
        .bind(token.expires_at.map(Timestamp::unix_millis))
        .bind(token.revoked_at.map(Timestamp::unix_millis))
        .bind(token.last_used_at.map(Timestamp::unix_millis))
        .bind(token.successor.map(|id| id.to_string()))
        .bind(run.map(|run| run.agent.as_str()))
        .bind(run.and_then(|run| run.work_item).map(|key| key.to_string()))
        .bind(run.map(|run| run.issuer.uuid()))
        .execute(&self.raw)
        .await
        .expect("a token");
    }
}

#[async_trait]
impl AgentRunHarness for Sqlite {
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
        let (key, claim) = (item.key, item.claim.as_ref());
        let holder = claim.map(|claim| &claim.holder);
        sqlx::query(
            "INSERT INTO work_domains (key, last_number) VALUES (?1, ?2) \
             ON CONFLICT (key) DO UPDATE SET last_number = max(last_number, ?2)",
        )
        .bind(key.domain.as_str())
        .bind(key.number.get())
        .execute(&self.raw)
        .await
        .expect("a domain");
        sqlx::query(
            "INSERT OR REPLACE INTO work_items (domain, number, part, kind, title, description, \
             search_text, status, priority, target, assignee_id, claim_agent, claim_user_id, \
             claim_run_id, claimed_at, created_by, created_at, updated_at, resolved_at, version, \
             last_part, claim_on_behalf_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, \
             ?18, ?19, ?20, ?21, ?22)",
        )
        .bind(key.domain.as_str())
        .bind(key.number.get())
        .bind(key.part.map_or(0, NonZeroU32::get))
        .bind(item.kind.as_str())
        .bind(item.title.as_str())
        .bind(item.description.as_str())
        .bind(item.search_text())
        .bind(item.status.as_str())
        .bind(item.priority.rank())
        .bind(item.target.as_str())
        .bind(item.assignee.map(UserId::uuid))
        .bind(holder.and_then(Holder::agent).map(AgentId::as_str))
        .bind(holder.and_then(Holder::person).map(UserId::uuid))
        .bind(claim.and_then(|claim| claim.run).map(TokenId::uuid))
        .bind(claim.map(|claim| claim.at.unix_millis()))
        .bind(item.created_by.uuid())
        .bind(item.created_at.unix_millis())
        .bind(item.updated_at.unix_millis())
        .bind(item.resolved_at.map(Timestamp::unix_millis))
        .bind(i64::try_from(item.version).expect("a small number"))
        .bind(item.last_part)
        .bind(claim.and_then(|claim| claim.on_behalf).map(UserId::uuid))
        .execute(&self.raw)
        .await
        .expect("a work item");
    }
}

#[async_trait]
impl AccountHarness for Sqlite {
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
        sqlx::query("UPDATE users SET password_hash = ?2 WHERE id = ?1")
            .bind(user.uuid())
            .bind(hash.as_stored())
            .execute(&self.raw)
            .await
            .expect("a password");
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
            AuditAction::TokenCreated,
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
        let statement = format!(
            "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF; \
             DROP TRIGGER IF EXISTS audit_events_no_update; {statement}; \
             PRAGMA ignore_check_constraints = OFF; PRAGMA foreign_keys = ON;"
        );
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&self.raw)
            .await
            .expect("damaged");
    }

    fn instant_past_every_rule(&self) -> &'static str {
        "9253402300799999"
    }
}
