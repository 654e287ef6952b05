//! [`UserStore`] on PostgreSQL.

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::user::{CreateFirstAdmin, FirstAdminOutcome, User, UserId, UserStore};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::store_error;
use crate::store::begin;
use crate::{PostgresStore, audit, rows, tokens};

#[async_trait]
impl UserStore for PostgresStore {
    async fn create_first_admin(
        &self,
        change: CreateFirstAdmin,
    ) -> Result<FirstAdminOutcome, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                let mut transaction = begin(connection).await?;
                // Nobody else adds a user until this is decided, by whatever door.
                sqlx::query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")
                    .execute(&mut *transaction)
                    .await
                    .map_err(store_error)?;
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
            })
        })
        .await
    }

    async fn page(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.call(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "SELECT id AS user_id, email AS user_email, name AS user_name, \
                     role AS user_role, created_at AS user_created_at, \
                     suspended_at AS user_suspended_at \
                     FROM users WHERE id > $1 ORDER BY id LIMIT $2",
                )
                // The nil UUID comes before every id.
                .bind(after.map_or(Uuid::nil(), UserId::uuid))
                .bind(i64::from(limit))
                .fetch_all(connection)
                .await
                .map_err(store_error)?
                .iter()
                .map(rows::user)
                .collect()
            })
        })
        .await
    }
}

async fn insert(connection: &mut PgConnection, user: &User) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, email, email_key, name, role, created_at, suspended_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(user.id.uuid())
    .bind(user.email.as_str())
    .bind(user.email.key())
    .bind(user.name.as_str())
    .bind(user.role.as_str())
    .bind(user.created_at.to_datetime())
    .bind(user.suspended_at.map(Timestamp::to_datetime))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
