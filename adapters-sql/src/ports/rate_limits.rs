//! [`RateLimitStore`]. A bucket without attempts has no row to lock, so its name is locked.
//!
//! An attacker who guesses passwords sends many calls for one bucket at once. Those that wait for
//! its lock must not take up the connections that lookups need, so only a few run at once
//! ([`Call::Count`](crate::Call::Count)), and a full bucket is reported without its lock.

use async_trait::async_trait;
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore, RateLimited};

use crate::store::{Step, Stop, run};
use crate::tables::rate_limits;
use crate::{Database, Lock, Result, SqlStore, Tx};

#[async_trait]
impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> RateLimitStore
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    async fn count(
        &self,
        buckets: &[RateLimit],
        now: Timestamp,
    ) -> Result<Result<(), RateLimited>> {
        let buckets = buckets.to_vec();
        run!(self, Count, |tx| count(tx, buckets, now))
    }

    async fn reset(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        run!(self, Count, |tx| reset(tx, &key))
    }

    async fn purge_rate_limits(&self, begun_before: Timestamp) -> Result<u64> {
        run!(self, Maintenance, |tx| rate_limits::purge(tx, begun_before))
    }
}

fn lock_name(key: &str) -> String {
    format!("rate_limits: {key}")
}

async fn reset<D: Database>(tx: &mut Tx<'_, D>, key: &str) -> Result<()> {
    tx.lock(Lock::Names(&[lock_name(key)])).await?;
    rate_limits::reset(tx, key).await
}

async fn count<D: Database>(
    tx: &mut Tx<'_, D>,
    buckets: Vec<RateLimit>,
    now: Timestamp,
) -> Step<Result<(), RateLimited>> {
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
