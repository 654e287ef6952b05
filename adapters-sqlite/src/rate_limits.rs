//! [`RateLimitStore`] on SQLite.

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore, RateLimited, RateWindow};
use sqlx::SqliteConnection;

use crate::SqliteStore;
use crate::error::store_error;
use crate::rows;

#[async_trait]
impl RateLimitStore for SqliteStore {
    async fn count(
        &self,
        buckets: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>, StoreError> {
        let mut transaction = self.begin().await?;
        for bucket in buckets {
            let current = window(&mut transaction, &bucket.key).await?;
            match bucket.decide(current, now) {
                Ok(window) => write(&mut transaction, &bucket.key, window).await?,
                // Rolls back what was counted in the buckets before.
                Err(rate_limited) => return Ok(Err(rate_limited)),
            }
        }
        transaction.commit().await?;
        Ok(Ok(()))
    }

    async fn reset(&self, key: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM rate_limits WHERE key = ?1")
            .bind(key)
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
        transaction.commit().await
    }

    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let purged = sqlx::query("DELETE FROM rate_limits WHERE begun_at < ?1")
            .bind(begun_before.unix_millis())
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?
            .rows_affected();
        transaction.commit().await?;
        Ok(purged)
    }
}

async fn window(
    connection: &mut SqliteConnection,
    key: &str,
) -> Result<Option<RateWindow>, StoreError> {
    Ok(
        sqlx::query("SELECT begun_at, count FROM rate_limits WHERE key = ?1")
            .bind(key)
            .fetch_optional(connection)
            .await
            .map_err(store_error)?
            .as_ref()
            .and_then(rows::rate_window),
    )
}

async fn write(
    connection: &mut SqliteConnection,
    key: &str,
    window: RateWindow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rate_limits (key, begun_at, count) VALUES (?1, ?2, ?3) \
         ON CONFLICT (key) DO UPDATE SET begun_at = excluded.begun_at, count = excluded.count",
    )
    .bind(key)
    .bind(window.begun_at.unix_millis())
    .bind(window.count)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
