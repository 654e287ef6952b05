//! Many calls that count attempts in one bucket at the same time, as a program that guesses makes
//! them.

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
        key: "somebody".to_owned(),
        limit: 10,
    }
}

/// Somebody else counts in the bucket, and does not come to an end.
async fn hold(postgres: &Postgres) -> Transaction<'static, Database> {
    let mut other = postgres.raw.begin().await.expect("a transaction");
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('rate_limits: somebody', 0))")
        .execute(&mut *other)
        .await
        .expect("locked");
    other
}

// On one thread, all that is spawned has come as far as it can before the lookup begins.
#[tokio::test]
async fn a_flood_of_attempts_leaves_a_connection_to_lookups() {
    let postgres = Postgres::start_with(PoolOptions {
        max_connections: 5,
        acquire_timeout: Duration::from_secs(20),
        ..PoolOptions::default()
    })
    .await;
    seed(&postgres.raw).await;
    let other = hold(&postgres).await;
    let mut counts = JoinSet::new();
    for _ in 0..64 {
        let store = postgres.store.clone();
        counts.spawn(async move { store.count(&[bucket()], fixtures::NOW).await });
    }
    while waiting_for_locks(&postgres.raw).await < 2 {
        assert!(counts.try_join_next().is_none(), "nobody can count");
    }
    let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store answers").is_some());
    assert_eq!(waiting_for_locks(&postgres.raw).await, 2);
    other.rollback().await.expect("unlocked");
    let counted = counts.join_all().await;
    let counted = counted
        .into_iter()
        .filter(|answer| answer.as_ref().expect("the store answers").is_ok());
    assert_eq!(counted.count(), 10);
}

#[tokio::test]
async fn a_full_bucket_says_so_while_others_count_in_it() {
    let postgres = Postgres::start().await;
    for _ in 0..10 {
        let counted = postgres.store.count(&[bucket()], fixtures::NOW).await;
        counted.expect("the store answers").expect("not full");
    }
    let other = hold(&postgres).await;
    let empty = RateLimit {
        key: "somebody else".to_owned(),
        limit: 1,
    };
    let counted = postgres
        .store
        .count(&[empty.clone(), bucket()], fixtures::NOW)
        .await;
    assert!(counted.expect("the store answers").is_err());
    other.rollback().await.expect("unlocked");
    let counted = postgres.store.count(&[empty], fixtures::NOW).await;
    counted
        .expect("the store answers")
        .expect("nothing was counted there");
}
