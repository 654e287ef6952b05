//! Many calls at the same time that look through many rows, as searches do, and lookups beside them.

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

/// Whatever looks through many rows takes forever; lookups need none of these tables.
async fn hold(postgres: &Postgres) -> Transaction<'static, Database> {
    let mut other = postgres.raw.begin().await.expect("a transaction");
    sqlx::raw_sql(
        "LOCK TABLE work_items, audit_events, invites; \
         SELECT pg_advisory_xact_lock(hashtextextended('rate_limits: somebody', 0))",
    )
    .execute(&mut *other)
    .await
    .expect("locked");
    other
}

async fn browse(store: &PostgresStore, kind: u8) -> Result<(), StoreError> {
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

async fn count(store: &PostgresStore) -> Result<(), StoreError> {
    let bucket = RateLimit {
        key: "somebody".to_owned(),
        limit: 100,
    };
    store.count(&[bucket], NOW).await.map(drop)
}

async fn assert_lookups_are_answered(store: &PostgresStore) {
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store answers").is_some());
}

// On one thread, all that is spawned has come as far as it can before the lookup begins.
#[tokio::test]
async fn floods_of_searches_and_of_attempts_leave_a_connection_to_lookups() {
    // How many connections there are, and how many of them all the others get.
    for (max_connections, taken) in [(2, 1), (3, 2), (4, 2), (5, 4), (10, 4)] {
        let postgres = Postgres::start_with(PoolOptions {
            max_connections,
            acquire_timeout: Duration::from_secs(20),
            ..PoolOptions::default()
        })
        .await;
        seed(&postgres.raw).await;
        let other = hold(&postgres).await;
        let mut calls = JoinSet::new();
        for kind in 0..32 {
            let store = postgres.store.clone();
            calls.spawn(async move { browse(&store, kind).await });
            let store = postgres.store.clone();
            calls.spawn(async move { count(&store).await });
        }
        while waiting_for_locks(&postgres.raw).await < taken {
            assert!(calls.try_join_next().is_none(), "nobody can go on");
        }
        assert_lookups_are_answered(&postgres.store).await;
        assert_eq!(waiting_for_locks(&postgres.raw).await, taken);
        other.rollback().await.expect("unlocked");
        for answer in calls.join_all().await {
            answer.expect("each has its turn");
        }
    }
}

#[tokio::test]
async fn a_search_that_takes_long_or_gets_no_turn_is_unavailable_for_itself_alone() {
    let options = PoolOptions {
        max_connections: 5,
        acquire_timeout: Duration::from_millis(400),
        ..PoolOptions::default()
    };
    let postgres = Postgres::start_with(options).await;
    seed(&postgres.raw).await;
    let other = hold(&postgres).await;
    let mut searches = JoinSet::new();
    for kind in 0..16 {
        let store = postgres.store.clone();
        searches.spawn(async move { browse(&store, kind).await });
    }
    while let Some(answer) = searches.join_next().await {
        let answer = answer.expect("no panic");
        assert!(is_unavailable(&answer), "{answer:?}");
        // Its statement's own limit, or no turn; never the limit of a lock or of a whole call.
        let text = format!("{answer:?}");
        assert!(
            text.contains("57014") || text.contains("Exhausted"),
            "{text}"
        );
        assert_lookups_are_answered(&postgres.store).await;
    }
    // What needs none of the tables is looked through again.
    let filter = TokenFilter::default();
    let found = postgres.store.tokens(&filter, NOW, None, 10);
    assert_eq!(found.await.expect("answered").len(), 1);
    other.rollback().await.expect("unlocked");
    for kind in 0..4 {
        browse(&postgres.store, kind).await.expect("answered");
    }
}
