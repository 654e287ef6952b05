//! Many concurrent attempts in one rate limit bucket, as from a program that guesses.

mod support;

use std::time::Duration;

use openindex_adapters_postgres::PoolOptions;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore};
use openindex_domain::testing::fixtures;
use openindex_domain::token::TokenStore;
use sqlx::{Postgres as Database, Transaction};
use support::{Postgres, seed, waiting_for_locks};
use tokio::task::JoinSet;

fn bucket() -> RateLimit {
    RateLimit {
        key: "a bucket".to_owned(),
        limit: 10,
    }
}

/// Locks the bucket like another attempt that never finishes.
async fn block(postgres: &Postgres) -> Transaction<'static, Database> {
    let mut other = postgres.raw.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('rate_limits: a bucket', 0))")
        .execute(&mut *other)
        .await
        .expect("locked");
    other
}

// On one thread, every spawned task has run as far as it can before the lookup begins.
#[tokio::test]
async fn a_flood_of_attempts_leaves_a_connection_for_lookups() {
    let postgres = Postgres::start_with(
        PoolOptions::default()
            .with_max_connections(5)
            .with_acquire_timeout(Duration::from_secs(20)),
    )
    .await;
    seed(&postgres.owner).await;
    let other = block(&postgres).await;
    let mut counts = JoinSet::new();
    for _ in 0..64 {
        let store = postgres.store.clone();
        counts.spawn(async move { store.count(&[bucket()], fixtures::NOW).await });
    }
    while waiting_for_locks(&postgres.raw).await < 2 {
        assert!(
            counts.try_join_next().is_none(),
            "an attempt passed the lock"
        );
    }
    let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
    assert_eq!(waiting_for_locks(&postgres.raw).await, 2);
    other.rollback().await.expect("unlocked");
    let counted = counts.join_all().await;
    let counted = counted
        .into_iter()
        .filter(|result| result.as_ref().expect("the store works").is_ok());
    assert_eq!(counted.count(), 10);
}

#[tokio::test]
async fn a_full_bucket_rejects_attempts_without_waiting_for_its_lock() {
    let postgres = Postgres::start().await;
    for _ in 0..10 {
        let counted = postgres.store.count(&[bucket()], fixtures::NOW).await;
        counted.expect("the store works").expect("not full");
    }
    let other = block(&postgres).await;
    let empty = RateLimit {
        key: "another bucket".to_owned(),
        limit: 1,
    };
    let counted = postgres
        .store
        .count(&[empty.clone(), bucket()], fixtures::NOW)
        .await;
    assert!(counted.expect("the store works").is_err());
    other.rollback().await.expect("unlocked");
    let counted = postgres.store.count(&[empty], fixtures::NOW).await;
    counted.expect("the store works").expect("an empty bucket");
}
