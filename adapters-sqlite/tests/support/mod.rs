//! A store on a file of its own, and a second connection to that file past every rule.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::StoreError;
use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::attempt::AttemptStore;
use openindex_domain::audit::{AuditAction, AuditStore, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::inventory::InventoryStore;
use openindex_domain::invite::InviteStore;
use openindex_domain::session::SessionStore;
use openindex_domain::testing::{AccountHarness, Harness, fixtures};
use openindex_domain::token::{Digest, InsertToken, Token, TokenStore};
use openindex_domain::user::{PasswordHash, User, UserId, UserStore};
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
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("store.db").display());
        let store = SqliteStore::connect_with(&url, options)
            .await
            .expect("a store");
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
        sqlx::query(
            "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at, \
             revoked_at, last_used_at, successor) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (id) DO UPDATE SET kind = ?2, owner_id = ?3, name = ?4, scope = ?5, \
             digest = ?6, created_at = ?7, expires_at = ?8, revoked_at = ?9, last_used_at = ?10, \
             successor = ?11",
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
        .execute(&self.raw)
        .await
        .expect("a token");
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

    fn inventory(&self) -> Arc<dyn InventoryStore> {
        Arc::new(self.store.clone())
    }

    fn attempts(&self) -> Arc<dyn AttemptStore> {
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

/// The insertion of token `number` by token 0, whose trail is event `number`.
pub fn insertion(number: u64) -> InsertToken {
    let token = fixtures::token(number, fixtures::NOW);
    InsertToken {
        actor: Actor {
            credential: CredentialId::Token(fixtures::token(0, fixtures::NOW).id),
            requirement: Requirement::HUMAN,
            now: fixtures::NOW,
        },
        digest: fixtures::digest(number),
        quota: 100,
        audit: fixtures::audit(
            number,
            fixtures::NOW,
            AuditAction::TokenIssued,
            Subject::Token(token.id),
        ),
        token,
    }
}

/// A store with user 1 and their token 0.
pub async fn seeded(options: SqliteOptions) -> Sqlite {
    let sqlite = Sqlite::start_with(options).await;
    sqlite.put_user(&fixtures::user(1)).await;
    sqlite
        .put_token(&fixtures::token(0, fixtures::NOW), &fixtures::digest(0))
        .await;
    sqlite
}

pub fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

pub fn is_corrupt<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Corrupt(_)))
}
