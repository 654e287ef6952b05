//! Outages of PostgreSQL: every call fails soon as unavailable; no token is accepted, and none is
//! reported as unknown.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::time::{Duration, Instant};

use cluster::Cluster;
use openindex_adapters_postgres::{PoolOptions, PostgresStore};
use openindex_domain::agent_run::{AgentRunStore, RunFilter};
use openindex_domain::audit::{AuditFilter, AuditStore};
use openindex_domain::rate_limit::{RateLimit, RateLimitStore};
use openindex_domain::session::SessionStore;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{CreateTokenOutcome, ListFilter, Rejection, TokenStore};
use openindex_domain::user::UserStore;
use openindex_domain::work_item::WorkItemStore;
use openindex_domain::{StoreError, StoreHealth};
use proxy::Proxy;
use support::{Postgres, a_session_waits_for_a_lock, creation, is_unavailable, seed};

/// Longer than any call may take with [`brief`] options, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// Short timeouts, so that outages show quickly.
fn brief() -> PoolOptions {
    PoolOptions::default()
        .with_max_connections(2)
        .with_acquire_timeout(Duration::from_millis(400))
}

/// Asserts that every kind of call fails soon as unavailable.
async fn assert_unavailable(store: &PostgresStore<true, true>) {
    let started = Instant::now();
    let user = fixtures::user(1).id;
    let token = fixtures::token(0, fixtures::NOW).id;
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(is_unavailable(&found), "{found:?}");
    let inserted = store.create_token(creation(9)).await;
    assert!(is_unavailable(&inserted), "{inserted:?}");
    assert!(is_unavailable(
        &store
            .list(user, &ListFilter::default(), fixtures::NOW, None, 1)
            .await
    ));
    assert!(is_unavailable(&store.get(user, token).await));
    assert!(is_unavailable(&store.page(None, 1).await));
    assert!(is_unavailable(
        &store
            .runs(user, &RunFilter::LIVE, fixtures::NOW, None, 1)
            .await
    ));
    assert!(is_unavailable(
        &store.events(&AuditFilter::default(), None, 1).await
    ));
    let key = fixtures::work_item(1).key;
    assert!(is_unavailable(&store.item(key, fixtures::NOW).await));
    let found = store.find_session(&fixtures::digest(1)).await;
    assert!(is_unavailable(&found), "{found:?}");
    let bucket = RateLimit {
        key: "a bucket".to_owned(),
        limit: 1,
    };
    let counted = store.count(&[bucket], fixtures::NOW).await;
    assert!(is_unavailable(&counted), "{counted:?}");
    assert!(is_unavailable(
        &store
            .record_last_used(&[fixtures::token_use(token, fixtures::NOW)])
            .await
    ));
    let ready = store.ready().await;
    assert!(is_unavailable(&ready), "{ready:?}");
    assert!(started.elapsed() < SOON * 4, "{:?}", started.elapsed());
}

/// Asserts that calls succeed, whatever connections the outage broke.
async fn assert_recovers<const WORK_ITEMS: bool>(store: &PostgresStore<true, WORK_ITEMS>) {
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("found again").is_some());
    store.ready().await.expect("ready again");
    let inserted = store.create_token(creation(1)).await;
    assert_eq!(inserted.expect("writes again"), CreateTokenOutcome::Created);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_unavailable_and_recovers() {
    let cluster = Cluster::start();
    let store = PostgresStore::connect_with(&cluster.url, brief())
        .await
        .expect("a store")
        .with_accounts();
    store.migrate().await.expect("migrated");
    seed(&store).await;
    let found = store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
    let inserted = store.create_token(creation(2)).await;
    assert_eq!(
        inserted.expect("the store works"),
        CreateTokenOutcome::Created
    );
    cluster.crash();
    assert_unavailable(&store.clone().with_work_items()).await;
    cluster.restart();
    assert_recovers(&store).await;
    let found = store.find_by_digest(&fixtures::digest(2)).await;
    assert!(
        found.expect("the store works").is_some(),
        "what was acknowledged survives the crash"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_rejected() {
    let cluster = Cluster::start();
    let store = PostgresStore::connect_with(&cluster.url, brief())
        .await
        .expect("a store")
        .with_accounts();
    store.migrate().await.expect("migrated");
    store.ready().await.expect("ready");
    store.close().await;
    cluster.crash();
    cluster.demote();
    cluster.restart();
    let store = PostgresStore::connect_with(&cluster.url, brief())
        .await
        .expect("a store")
        .with_accounts();
    assert_unavailable(&store.clone().with_work_items()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_starts_without_its_server_and_is_unavailable() {
    // No process listens on a port that was just released.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let url = format!("postgres://openindex:hunter2@127.0.0.1:{port}/openindex");
    let store = PostgresStore::connect_with(&url, brief())
        .await
        .expect("nothing is sent yet")
        .with_accounts();
    assert!(is_unavailable(&store.migrate().await));
    assert_unavailable(&store.clone().with_work_items()).await;
    assert!(!format!("{store:?}").contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_responding_is_unavailable_and_recovers() {
    let postgres = Postgres::start().await;
    seed(&postgres.owner).await;
    let proxy = Proxy::before(&postgres.url).await;
    let store = PostgresStore::connect_with(&proxy.url, brief())
        .await
        .expect("a store")
        .with_accounts();
    store.ready().await.expect("ready");
    proxy.fall_silent();
    assert_unavailable(&store.clone().with_work_items()).await;
    proxy.speak();
    assert_recovers(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_and_a_lock_that_is_never_released_are_unavailable() {
    let options = brief().with_max_connections(1);
    let postgres = Postgres::start_with(options).await;
    seed(&postgres.owner).await;
    let mut other = postgres.raw.begin().await.expect("a transaction");
    sqlx::query("SELECT 1 FROM owners FOR UPDATE")
        .execute(&mut *other)
        .await
        .expect("locked");
    // The only connection of the store waits for the lock…
    let store = postgres.store.clone();
    let waiting = tokio::spawn(async move { store.create_token(creation(1)).await });
    let started = Instant::now();
    while !a_session_waits_for_a_lock(&postgres.raw).await {
        assert!(started.elapsed() < SOON, "no session waits");
    }
    // …so a list gets none, and gives up first. Lookups have their own.
    let user = fixtures::user(1).id;
    let listed = postgres
        .store
        .list(user, &ListFilter::default(), fixtures::NOW, None, 1)
        .await;
    assert!(is_unavailable(&listed), "{listed:?}");
    let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
    let inserted = waiting.await.expect("no panic");
    assert!(is_unavailable(&inserted), "{inserted:?}");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    other.rollback().await.expect("unlocked");
    assert_recovers(&postgres.store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_cannot_overtake_an_earlier_suspension() {
    let postgres = Postgres::start().await;
    seed(&postgres.owner).await;
    let mut suspension = postgres.raw.begin().await.expect("a transaction");
    sqlx::query("UPDATE users SET suspended_at = created_at")
        .execute(&mut *suspension)
        .await
        .expect("suspended");
    let store = postgres.store.clone();
    let waiting = tokio::spawn(async move { store.create_token(creation(1)).await });
    let started = Instant::now();
    while !a_session_waits_for_a_lock(&postgres.raw).await {
        assert!(started.elapsed() < SOON, "no session waits");
    }
    suspension.commit().await.expect("the store works");
    assert_eq!(
        waiting.await.expect("no panic").expect("the store works"),
        CreateTokenOutcome::NotAuthorized(Rejection::OwnerSuspended.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_the_server_ends_are_replaced() {
    let postgres = Postgres::start_with(brief()).await;
    seed(&postgres.owner).await;
    postgres.store.ready().await.expect("ready");
    let found = postgres.store.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&postgres.raw)
    .await
    .expect("ended");
    assert_recovers(&postgres.store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_unavailable() {
    let postgres = Postgres::start().await;
    postgres.store.close().await;
    assert_unavailable(&postgres.store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_exist_is_unavailable() {
    let postgres = Postgres::start().await;
    let url = postgres.url.replace("/openindex_test_", "/no_such_");
    let store = PostgresStore::connect_with(&url, brief())
        .await
        .expect("a store")
        .with_accounts();
    assert!(is_unavailable(&store.migrate().await));
    assert_unavailable(&store.clone().with_work_items()).await;
}

#[tokio::test]
async fn an_invalid_url_is_rejected_without_being_quoted() {
    for url in [
        "",
        "mysql://u:hunter2@host/db",
        "sqlite://openindex.db",
        "postgres://u:hunter2@host:port/db",
        "postgres://u:hunter2@host/db?sslmode=perhaps",
    ] {
        let connected = PostgresStore::connect_with(url, brief()).await;
        let error = connected.expect_err(url);
        assert!(matches!(error, StoreError::Corrupt(_)), "{url}: {error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
