//! Many concurrent calls that scan many rows, as searches do, and lookups beside them.

mod support;

use std::time::Duration;

use openindex_adapters_postgres::{PoolOptions, PostgresStore};
use openindex_domain::StoreError;
use openindex_domain::admin_tokens::{AdminTokenStore, TokenFilter};
use openindex_domain::audit::{AuditFilter, AuditStore};
use openindex_domain::clock::Timestamp;
use openindex_domain::rate_limit::{RateLimit, RateLimitStore};
use openindex_domain::testing::fixtures;
use openindex_domain::token::TokenStore;
use openindex_domain::work_item::{QueueSection, SearchTerms, WorkItemFilter, WorkItemStore};
use sqlx::{Postgres as Database, Transaction};
use support::{Postgres, is_unavailable, seed, waiting_for_locks};
use tokio::task::JoinSet;

const NOW: Timestamp = fixtures::NOW;

/// Locks the tables that scans and rate limits use, so that these calls block; lookups use none of
/// them.
async fn block(postgres: &Postgres) -> Transaction<'static, Database> {
    let mut other = postgres.raw.begin().await.expect("a transaction");
    sqlx::raw_sql(
        "LOCK TABLE work_items, audit_events, invites; \
         SELECT pg_advisory_xact_lock(hashtextextended('rate_limits: a bucket', 0))",
    )
    .execute(&mut *other)
    .await
    .expect("locked");
    other
}

async fn browse(store: &PostgresStore<true, true>, kind: u8) -> Result<(), StoreError> {
    match kind % 4 {
        0 => {
            let filter = WorkItemFilter {
                search: SearchTerms::parse("needle").expect("terms"),
                ..WorkItemFilter::default()
            };
            store.items(&filter, NOW, None, 10).await.map(drop)
        }
        1 => store
            .queue(&QueueSection::Available, NOW, 10)
            .await
            .map(drop),
        2 => store
            .events(&AuditFilter::default(), None, 10)
            .await
            .map(drop),
        _ => store.stats(NOW).await.map(drop),
    }
}

async fn count(store: &PostgresStore<true, true>) -> Result<(), StoreError> {
    let bucket = RateLimit {
        key: "a bucket".to_owned(),
        limit: 100,
    };
    store.count(&[bucket], NOW).await.map(drop)
}

async fn assert_lookups_succeed(store: &PostgresStore<true, true>) {
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
}

// On one thread, every spawned task has run as far as it can before the lookup begins.
#[tokio::test]
async fn floods_of_searches_and_attempts_leave_a_connection_for_lookups() {
    // The number of connections, and how many of them all the other calls get.
    for (max_connections, taken) in [(2, 1), (3, 2), (4, 2), (5, 4), (10, 4)] {
        let postgres = Postgres::start_with(
            PoolOptions::default()
                .with_max_connections(max_connections)
                .with_acquire_timeout(Duration::from_secs(20)),
        )
        .await;
        seed(&postgres.owner).await;
        let other = block(&postgres).await;
        let mut calls = JoinSet::new();
        for kind in 0..32 {
            let store = postgres.store.clone();
            calls.spawn(async move { browse(&store, kind).await });
            let store = postgres.store.clone();
            calls.spawn(async move { count(&store).await });
        }
        while waiting_for_locks(&postgres.raw).await < taken {
            assert!(calls.try_join_next().is_none(), "a call passed the lock");
        }
        assert_lookups_succeed(&postgres.store).await;
        assert_eq!(waiting_for_locks(&postgres.raw).await, taken);
        other.rollback().await.expect("unlocked");
        for result in calls.join_all().await {
            result.expect("each gets a permit");
        }
    }
}

#[tokio::test]
async fn a_search_that_takes_long_or_gets_no_permit_fails_alone() {
    let options = PoolOptions::default()
        .with_max_connections(5)
        .with_acquire_timeout(Duration::from_millis(400));
    let postgres = Postgres::start_with(options).await;
    seed(&postgres.owner).await;
    let other = block(&postgres).await;
    let mut searches = JoinSet::new();
    for kind in 0..16 {
        let store = postgres.store.clone();
        searches.spawn(async move { browse(&store, kind).await });
    }
    while let Some(result) = searches.join_next().await {
        let result = result.expect("no panic");
        assert!(is_unavailable(&result), "{result:?}");
        // The limit of its statement or of the permit, never that of a lock or of a whole call.
        let text = format!("{result:?}");
        assert!(
            text.contains("57014") || text.contains("Exhausted"),
            "{text}"
        );
        assert_lookups_succeed(&postgres.store).await;
    }
    // Scans of the other tables work again.
    let filter = TokenFilter::default();
    let found = postgres.store.tokens(&filter, NOW, None, 10);
    assert_eq!(found.await.expect("the store works").len(), 1);
    other.rollback().await.expect("unlocked");
    for kind in 0..4 {
        browse(&postgres.store, kind)
            .await
            .expect("the store works");
    }
}
