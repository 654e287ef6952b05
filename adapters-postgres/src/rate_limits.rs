//! [`RateLimitStore`] on PostgreSQL. A bucket without attempts has no row to lock, so its name is
//! locked.
//!
//! An attacker who guesses passwords sends many calls for one bucket at once. Those that wait for
//! its lock must not take up the connections that lookups need, so only a few run at once, and a
//! full bucket is reported without its lock.

use std::collections::HashMap;

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore, RateLimited, RateWindow};
use sqlx::PgConnection;

use crate::error::store_error;
use crate::store::begin;
use crate::{PostgresStore, locks, rows};

#[async_trait]
impl RateLimitStore for PostgresStore {
    async fn count(
        &self,
        buckets: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>, StoreError> {
        let buckets = buckets.to_vec();
        let _permit = self.counting_permit().await?;
        self.call(move |connection| Box::pin(async move { count(connection, &buckets, now).await }))
            .await
    }

    async fn reset(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        let _permit = self.counting_permit().await?;
        self.call(move |connection| {
            Box::pin(async move {
                let mut transaction = begin(connection).await?;
                locks::named(&mut transaction, &[lock_name(&key)]).await?;
                sqlx::query("DELETE FROM rate_limits WHERE key = $1")
                    .bind(key)
                    .execute(&mut *transaction)
                    .await
                    .map_err(store_error)?;
                transaction.commit().await.map_err(store_error)
            })
        })
        .await
    }

    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64, StoreError> {
        self.maintenance(move |connection| {
            Box::pin(async move {
                // A bucket that is in use right now can be purged next time.
                Ok(sqlx::query(
                    "DELETE FROM rate_limits WHERE key IN \
                     (SELECT key FROM rate_limits WHERE begun_at < $1 FOR UPDATE SKIP LOCKED)",
                )
                .bind(begun_before.to_datetime())
                .execute(connection)
                .await
                .map_err(store_error)?
                .rows_affected())
            })
        })
        .await
    }
}

async fn count(
    connection: &mut PgConnection,
    buckets: &[RateLimit],
    now: Timestamp,
) -> Result<Result<(), RateLimited>, StoreError> {
    let windows = windows(connection, buckets).await?;
    for bucket in buckets {
        if let Err(rate_limited) = bucket.decide(windows.get(&bucket.key).copied(), now) {
            return Ok(Err(rate_limited));
        }
    }
    let names: Vec<String> = buckets
        .iter()
        .map(|bucket| lock_name(&bucket.key))
        .collect();
    let mut transaction = begin(connection).await?;
    locks::named(&mut transaction, &names).await?;
    for bucket in buckets {
        let current = window(&mut transaction, &bucket.key).await?;
        match bucket.decide(current, now) {
            Ok(window) => write(&mut transaction, &bucket.key, window).await?,
            // Rolls back what was counted in the buckets before.
            Err(rate_limited) => return Ok(Err(rate_limited)),
        }
    }
    transaction.commit().await.map_err(store_error)?;
    Ok(Ok(()))
}

fn lock_name(key: &str) -> String {
    format!("rate_limits: {key}")
}

/// Reads the buckets without a lock: a full one stays full until its window ends or it is reset.
async fn windows(
    connection: &mut PgConnection,
    buckets: &[RateLimit],
) -> Result<HashMap<String, RateWindow>, StoreError> {
    let keys: Vec<&str> = buckets.iter().map(|bucket| bucket.key.as_str()).collect();
    Ok(
        sqlx::query("SELECT key, begun_at, count FROM rate_limits WHERE key = ANY ($1)")
            .bind(keys)
            .fetch_all(connection)
            .await
            .map_err(store_error)?
            .iter()
            .filter_map(|row| Some((rows::rate_limit_key(row).ok()?, rows::rate_window(row)?)))
            .collect(),
    )
}

async fn window(
    connection: &mut PgConnection,
    key: &str,
) -> Result<Option<RateWindow>, StoreError> {
    Ok(
        sqlx::query("SELECT begun_at, count FROM rate_limits WHERE key = $1 FOR NO KEY UPDATE")
            .bind(key)
            .fetch_optional(connection)
            .await
            .map_err(store_error)?
            .as_ref()
            .and_then(rows::rate_window),
    )
}

async fn write(
    connection: &mut PgConnection,
    key: &str,
    window: RateWindow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rate_limits (key, begun_at, count) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET begun_at = excluded.begun_at, count = excluded.count",
    )
    .bind(key)
    .bind(window.begun_at.to_datetime())
    .bind(i64::from(window.count))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
