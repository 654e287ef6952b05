//! Inserts the starting state of a test with the statements of the store, so that no column is
//! forgotten. Only the database's constraints apply.

use openindex_domain::StoreError;
use openindex_domain::audit::{AuditCursor, AuditFilter};
use openindex_domain::token::{Digest, Token};
use openindex_domain::user::{PasswordHash, User, UserId};
use openindex_domain::work_item::{WorkItem, WorkItemFilter};

use crate::schema::{self, TOKENS, Table, USERS};
use crate::store::run;
use crate::tables::{audit, owners, tokens, users, work_items};
use crate::{Database, SqlStore, Statement};

/// Returns the statement of a page of the audit log, to look at its plan.
#[must_use]
pub fn audit_events(filter: &AuditFilter, after: Option<AuditCursor>, limit: u32) -> Statement {
    audit::select_page(filter, after, limit)
}

/// Returns the statements of a search with few matches, to look at their plans: one counts the items
/// that may match, the other reads a page of them.
#[must_use]
pub fn search_statements<D: Database>(filter: &WorkItemFilter, limit: u32) -> [Statement; 2] {
    work_items::search_statements::<D>(filter, limit)
}

impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> SqlStore<D, ACCOUNTS, WORK_ITEMS> {
    /// Inserts a user, or replaces the one with the same id, whose password is unchanged. Without
    /// accounts, this is an owner.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn put_user(&self, user: &User) -> Result<(), StoreError> {
        let replace = if ACCOUNTS {
            let insert = users::inserted(user, None);
            replacing(insert, &USERS, &["password_hash", "deleted_at"])
        } else {
            owners::replaced(&user.as_owner())
        };
        self.put(vec![replace]).await
    }

    /// Sets the password of a user.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn put_password(&self, user: UserId, hash: &PasswordHash) -> Result<(), StoreError> {
        let hash = hash.clone();
        run!(self, Change, |tx| users::set_password(
            tx,
            user,
            Some(&hash)
        ))
    }

    /// Inserts a token, or replaces the one with the same id.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn put_token(&self, token: &Token, digest: &Digest) -> Result<(), StoreError> {
        let insert = tokens::inserted(token, digest);
        self.put(vec![replacing(insert, &TOKENS, &[])]).await
    }

    /// Inserts a work item, or replaces the one with the same key. Its domain's next number becomes
    /// greater than its own.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn put_work_item(&self, item: &WorkItem) -> Result<(), StoreError> {
        let domain = Statement::new(
            "INSERT INTO work_domains (key, last_number) VALUES ($1, $2) ON CONFLICT (key) \
             DO UPDATE SET last_number = excluded.last_number \
             WHERE work_domains.last_number < excluded.last_number",
        );
        let domain = domain
            .bind(item.key.domain.as_str())
            .bind(item.key.number.get());
        let insert = work_items::inserted(item)?;
        self.put(vec![domain, replacing(insert, &schema::WORK_ITEMS, &[])])
            .await
    }

    async fn put(&self, statements: Vec<Statement>) -> Result<(), StoreError> {
        run!(self, Change, |tx| tx.execute_all(statements))
    }
}

/// Returns the insert as one that replaces the row with the same key, and does not change the columns
/// in `kept`.
fn replacing(mut insert: Statement, table: &Table, kept: &[&str]) -> Statement {
    let keys: Vec<_> = table.columns().take(table.key).collect();
    let others = table.columns().skip(table.key);
    let others: Vec<_> = others
        .filter(|column| !kept.contains(column))
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    insert.push(&format!(
        " ON CONFLICT ({}) DO UPDATE SET {}",
        keys.join(", "),
        others.join(", ")
    ));
    insert
}
