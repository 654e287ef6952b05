//! [`RateLimitStore`]. A bucket without attempts has no row to lock, so its name is locked.
//!
//! An attacker who guesses passwords sends many calls for one bucket at once. Those that wait for
//! its lock must not take up the connections that lookups need, so only a few run at once
//! ([`Call::Count`]), and a full bucket is reported without its lock.

use async_trait::async_trait;
use openindex_domain::StoreError;
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore, RateLimited};

use crate::store::{Step, Stop};
use crate::tables::rate_limits;
use crate::{Call, Database, Lock, SqlStore, Tx};

#[async_trait]
impl<D: Database, const WORK_ITEMS: bool> RateLimitStore for SqlStore<D, WORK_ITEMS> {
    async fn count(
        &self,
        buckets: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>, StoreError> {
        let buckets = buckets.to_vec();
        self.change_as(Call::Count, move |tx| Box::pin(count(tx, buckets, now)))
            .await
    }

    async fn reset(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.change_as(Call::Count, move |mut tx| {
            Box::pin(async move {
                tx.lock(Lock::Names(&[lock_name(&key)])).await?;
                Ok(rate_limits::reset(&mut tx, &key).await?)
            })
        })
        .await
    }

    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64, StoreError> {
        self.maintain(move |mut tx| {
            Box::pin(async move { rate_limits::purge(&mut tx, begun_before).await })
        })
        .await
    }
}

fn lock_name(key: &str) -> String {
    format!("rate_limits: {key}")
}

async fn count<D: Database>(
    mut tx: Tx<'_, D>,
    buckets: Vec<RateLimit>,
    now: Timestamp,
) -> Step<Result<(), RateLimited>> {
    let tx = &mut tx;
    let reply = |rate_limited| Stop::Reply(Err(rate_limited));
    let keys: Vec<String> = buckets.iter().map(|bucket| bucket.key.clone()).collect();
    if D::HAS_CONCURRENT_CHANGES {
        // Without a lock: a full bucket stays full until its window ends or it is reset.
        let windows = rate_limits::windows(tx, keys.clone()).await?;
        for bucket in &buckets {
            let current = windows.get(&bucket.key).copied();
            bucket.decide(current, now).map_err(reply)?;
        }
    }
    let names: Vec<String> = keys.iter().map(|key| lock_name(key)).collect();
    tx.lock(Lock::Names(&names)).await?;
    let mut windows = rate_limits::windows(tx, keys).await?;
    for bucket in buckets {
        let current = windows.get(&bucket.key).copied();
        // Rolls back what was counted in the buckets before.
        let window = bucket.decide(current, now).map_err(reply)?;
        rate_limits::write(tx, &bucket.key, window).await?;
        windows.insert(bucket.key, window);
    }
    Ok(Ok(()))
}
