//! A file with many tokens and audit events, and with statistics from before most of the tokens
//! expired, to measure queries on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use openindex_adapters_sql::Statement;
use openindex_domain::testing::fixtures;
use openindex_domain::token::TokenId;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::SqliteStore;
use crate::statements::query;

/// Number of live tokens of user 2, all of which a page may read; user 1 has 10.
pub(crate) const LIVE: u64 = 500;
/// Number of expired tokens of user 2, which are newer than the live ones, and of live tokens of
/// user 3, all of which have the same name and never expire.
const MANY: u64 = 10_000;

pub(crate) struct ManyTokens {
    connection: Mutex<SqliteConnection>,
    _directory: TempDir,
}

impl ManyTokens {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!(
            "sqlite://{}",
            directory.path().join("inserted.db").display()
        );
        let store = SqliteStore::connect(&url)
            .await
            .expect("a store")
            .with_accounts();
        store.migrate().await.expect("migrated");
        store.close().await;
        let mut connection = SqliteConnection::connect(&url).await.expect("a connection");
        let last = 10 + LIVE + MANY;
        let all = last + MANY;
        let fill = format!(
            "INSERT INTO users (id, email, email_key, name, role, created_at)
                 SELECT unhex(printf('00000001000070008%015x', value)), value, value, value, 'admin', 1
                 FROM json_each('[1, 2, 3]');
             WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {all})
                 INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at)
                 SELECT unhex(printf('00000002000070008%015x', n)), 'personal',
                        unhex(printf('00000001000070008%015x', 1 + (n > 10) + (n > {last}))),
                        'many', 'admin',
                        randomblob(32), 1 FROM numbers;
             INSERT INTO audit_events
                 (id, at, actor, actor_user, actor_token, action, subject)
                 SELECT id, row_number() OVER (ORDER BY id), 'token', 'usr_' || lower(hex(owner_id)),
                        'pat_' || lower(hex(id)), 'token.created', 'usr_' || lower(hex(owner_id))
                 FROM tokens;
             ANALYZE;
             UPDATE tokens SET expires_at = 2
                 WHERE id > unhex(printf('00000002000070008%015x', {LIVE} + 10))
                 AND id <= unhex(printf('00000002000070008%015x', {last}));"
        );
        let inserted = sqlx::raw_sql(AssertSqlSafe(fill)).execute(&mut connection);
        inserted.await.expect("inserted");
        // Statistics are read when a file is opened.
        let connection = SqliteConnection::connect(&url).await.expect("a connection");
        Self {
            connection: Mutex::new(connection),
            _directory: directory,
        }
    }

    /// Returns a cursor before all tokens.
    pub(crate) fn newest() -> TokenId {
        fixtures::token(11 + LIVE + 2 * MANY, fixtures::NOW).id
    }

    /// Returns the id of a token in the middle of those of user 3.
    pub(crate) fn middle() -> TokenId {
        fixtures::token(10 + LIVE + MANY + MANY / 2, fixtures::NOW).id
    }

    /// Returns whether the query finds anything.
    pub(crate) async fn finds(&self, statement: Statement) -> bool {
        let mut connection = self.connection.lock().await;
        let found = query(statement)
            .expect("a query")
            .fetch_optional(&mut *connection)
            .await;
        found.expect("found").is_some()
    }

    /// Returns how many steps of SQLite's virtual machine the query takes.
    pub(crate) async fn steps(&self, statement: Statement) -> u64 {
        let mut connection = self.connection.lock().await;
        let steps = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&steps);
        connection
            .lock_handle()
            .await
            .expect("the handle")
            .set_progress_handler(1, move || {
                counted.fetch_add(1, Ordering::Relaxed);
                true
            });
        let found = query(statement)
            .expect("a query")
            .fetch_all(&mut *connection)
            .await;
        found.expect("found");
        steps.load(Ordering::Relaxed)
    }

    /// Returns SQLite's query plan.
    pub(crate) async fn plan(&self, statement: &Statement) -> String {
        let mut connection = self.connection.lock().await;
        let explained = format!("EXPLAIN QUERY PLAN {}", statement.sql);
        let rows = sqlx::query(AssertSqlSafe(explained)).fetch_all(&mut *connection);
        let rows = rows.await.expect("a plan");
        let lines = rows.iter().map(|row| row.get::<String, _>("detail"));
        lines.collect::<Vec<_>>().join("\n")
    }
}
