//! [`UserStore`] on SQLite.

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::{CreateFirstAdmin, FirstAdminOutcome, User, UserId, UserStore};
use sqlx::SqliteConnection;

use crate::error::store_error;
use crate::{SqliteStore, audit, rows, tokens};

#[async_trait]
impl UserStore for SqliteStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<FirstAdminOutcome, StoreError> {
        let mut transaction = self.begin().await?;
        let anybody: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
            .fetch_one(&mut *transaction)
            .await
            .map_err(store_error)?;
        if anybody {
            return Ok(FirstAdminOutcome::InstanceHasUsers);
        }
        insert(&mut transaction, &change.user).await?;
        tokens::insert(&mut transaction, &change.token, &change.digest).await?;
        audit::insert(&mut transaction, &change.audit).await?;
        transaction.commit().await.map_err(store_error)?;
        Ok(FirstAdminOutcome::Created)
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        sqlx::query(
            "SELECT id AS user_id, email AS user_email, name AS user_name, role AS user_role, \
             created_at AS user_created_at, suspended_at AS user_suspended_at \
             FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
        )
        // No bytes come before every id.
        .bind(after.map_or_else(Vec::new, |id| id.uuid().as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(&self.readers)
        .await
        .map_err(store_error)?
        .iter()
        .map(rows::user)
        .collect()
    }
}

async fn insert(connection: &mut SqliteConnection, user: &User) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, email, email_key, name, role, created_at, suspended_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .bind(user.id.uuid())
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(user.name.as_str())
    .bind(user.role.as_str())
    .bind(user.created_at.unix_millis())
    .bind(user.suspended_at.map(Timestamp::unix_millis))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
