//! [`RateLimitStore`] on PostgreSQL. A bucket that nobody has counted in has no row to lock, so its
//! name is locked.
//!
//! Whoever guesses sends many calls for one bucket at the same time. Those that wait for its lock
//! must not take up the connections that lookups need: few are let in at once, and when the bucket
//! is full they are told so without the lock.

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
        let _turn = self.turn_to_count().await?;
        self.call(move |connection| Box::pin(async move { count(connection, &buckets, now).await }))
            .await
    }

    async fn reset(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        let _turn = self.turn_to_count().await?;
        self.call(move |connection| {
            Box::pin(async move {
                let mut transaction = begin(connection).await?;
                locks::named(&mut transaction, &[name(&key)]).await?;
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
                // A bucket that is counted in just now can be forgotten the next time.
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
    let known = tallies(connection, buckets).await?;
    for bucket in buckets {
        if let Err(throttled) = bucket.decide(known.get(&bucket.key).copied(), now) {
            return Ok(Err(throttled));
        }
    }
    let names: Vec<String> = buckets.iter().map(|bucket| name(&bucket.key)).collect();
    let mut transaction = begin(connection).await?;
    locks::named(&mut transaction, &names).await?;
    for bucket in buckets {
        let current = tally(&mut transaction, &bucket.key).await?;
        match bucket.decide(current, now) {
            Ok(tally) => write(&mut transaction, &bucket.key, tally).await?,
            // What was counted in the buckets before is rolled back.
            Err(throttled) => return Ok(Err(throttled)),
        }
    }
    transaction.commit().await.map_err(store_error)?;
    Ok(Ok(()))
}

fn name(key: &str) -> String {
    format!("rate_limits: {key}")
}

/// What the buckets hold, without a lock: a full one stays full until its window ends or somebody
/// empties it.
async fn tallies(
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
            .filter_map(|row| Some((rows::attempt_key(row).ok()?, rows::tally(row)?)))
            .collect(),
    )
}

async fn tally(connection: &mut PgConnection, key: &str) -> Result<Option<RateWindow>, StoreError> {
    Ok(
        sqlx::query("SELECT begun_at, count FROM rate_limits WHERE key = $1 FOR NO KEY UPDATE")
            .bind(key)
            .fetch_optional(connection)
            .await
            .map_err(store_error)?
            .as_ref()
            .and_then(rows::tally),
    )
}

async fn write(
    connection: &mut PgConnection,
    key: &str,
    tally: RateWindow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO rate_limits (key, begun_at, count) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET begun_at = excluded.begun_at, count = excluded.count",
    )
    .bind(key)
    .bind(tally.begun_at.to_datetime())
    .bind(i64::from(tally.count))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}
