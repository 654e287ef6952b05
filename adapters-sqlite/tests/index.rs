//! The index of looked-up tokens, and the one process that may have the file.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openindex_adapters_sqlite::{SqliteOptions, SqliteStore};
use openindex_domain::clock::Timestamp;
use openindex_domain::testing::Harness as _;
use openindex_domain::testing::fixtures::{self, NOW};
use openindex_domain::token::{CreateTokenOutcome, TokenStore};
use openindex_domain::{StoreError, StoreHealth};
use support::{Sqlite, creation, is_unavailable, seeded};

/// A store with user 1 and their token 0, and the number of its lookups in the file.
struct Counted {
    sqlite: Sqlite,
    store: SqliteStore<true, true>,
    lookups: Arc<AtomicUsize>,
}

impl Counted {
    async fn start() -> Self {
        let sqlite = seeded(SqliteOptions::default()).await;
        let lookups = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lookups);
        let store = sqlite
            .store
            .clone()
            .with_lookup_observer(Arc::new(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
            }));
        Self {
            sqlite,
            store,
            lookups,
        }
    }

    /// Starts, remembers token 0, and revokes it in the file.
    async fn revoked_by_other_means() -> Self {
        let counted = Self::start().await;
        assert_eq!(counted.look_up().await, (true, true));
        let revoke = "UPDATE tokens SET revoked_at = 1";
        counted.sqlite.execute(revoke).await;
        counted
    }

    /// Looks token 0 up. Returns whether it is live, and whether the file was read.
    async fn look_up(&self) -> (bool, bool) {
        let before = self.lookups.load(Ordering::SeqCst);
        let found = self.store.find_by_digest(&fixtures::digest(0)).await;
        let record = found.expect("the store works");
        let is_live = record.is_some_and(|it| it.owner.active && it.token.revoked_at.is_none());
        (is_live, self.lookups.load(Ordering::SeqCst) > before)
    }
}

#[tokio::test]
async fn a_verified_token_is_not_looked_up_again_until_it_or_its_owner_changes() {
    let counted = Counted::start().await;
    assert_eq!(counted.look_up().await, (true, true));
    assert_eq!(counted.look_up().await, (true, false));
    // Another token, and uses of this one.
    let created = counted.store.create_token(creation(1)).await;
    assert_eq!(created.expect("created"), CreateTokenOutcome::Created);
    let used = fixtures::token_use(fixtures::token(0, NOW).id, NOW);
    let recorded = counted.store.record_last_used(&[used]).await;
    recorded.expect("recorded");
    assert_eq!(counted.look_up().await, (true, false));

    let mut suspended = fixtures::user(1);
    suspended.suspended_at = Some(NOW);
    counted.sqlite.put_user(&suspended).await;
    assert_eq!(counted.look_up().await, (false, true));
    assert_eq!(counted.look_up().await, (false, false));
    counted.sqlite.put_user(&fixtures::user(1)).await;
    assert_eq!(counted.look_up().await, (true, true));
}

#[tokio::test]
async fn an_unknown_token_is_looked_up_each_time() {
    let sqlite = seeded(SqliteOptions::default()).await;
    for _ in 0..2 {
        let found = sqlite.store.find_by_digest(&fixtures::digest(1)).await;
        assert!(found.expect("the store works").is_none());
    }
    let created = sqlite.store.create_token(creation(1)).await;
    assert_eq!(created.expect("created"), CreateTokenOutcome::Created);
    let found = sqlite.store.find_by_digest(&fixtures::digest(1)).await;
    assert!(found.expect("the store works").is_some());
}

#[tokio::test]
async fn a_change_by_other_means_is_noticed_by_the_next_change() {
    let counted = Counted::revoked_by_other_means().await;
    counted.store.write().await.expect("a change");
    assert_eq!(counted.look_up().await, (false, true));
}

#[tokio::test]
async fn a_change_by_other_means_is_noticed_without_a_change() {
    let counted = Counted::revoked_by_other_means().await;
    while counted.look_up().await.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn without_capacity_each_lookup_reads_the_file() {
    let sqlite = seeded(SqliteOptions::default().with_index_capacity(0)).await;
    sqlite.execute("UPDATE tokens SET revoked_at = NULL").await;
    for revoked_at in [None, Some(fixtures::NOW.unix_millis())] {
        sqlx::query("UPDATE tokens SET revoked_at = ?1")
            .bind(revoked_at)
            .execute(&sqlite.raw)
            .await
            .expect("changed");
        let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
        let token = &found.expect("the store works").expect("the token").token;
        assert_eq!(token.revoked_at.map(Timestamp::unix_millis), revoked_at);
    }
}

#[tokio::test]
async fn a_second_store_is_refused_until_the_first_is_closed() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let brief = SqliteOptions::default().with_busy_timeout(Duration::from_millis(50));
    let again = async || SqliteStore::connect_with(&sqlite.url(), brief).await;
    let error = again().await.expect_err("in use");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let expected = format!(
        "database file {} is in use by another process (process id {})",
        sqlite.path().canonicalize().expect("a path").display(),
        std::process::id()
    );
    assert!(error.causes().contains(&expected), "{}", error.causes());

    sqlite.store.close().await;
    let again = again().await.expect("a store").with_accounts();
    again.ready().await.expect("ready");
    let found = again.find_by_digest(&fixtures::digest(0)).await;
    assert!(found.expect("the store works").is_some());
}

#[tokio::test]
async fn a_guest_can_add_and_must_not_end_anything() {
    let sqlite = seeded(SqliteOptions::default()).await;
    let options = SqliteOptions::default().as_guest();
    let guest = SqliteStore::connect_with(&sqlite.url(), options).await;
    let guest = guest.expect("a store").with_accounts().with_work_items();
    guest.migrate().await.expect("nothing to do");
    let created = guest.create_token(creation(1)).await;
    assert_eq!(created.expect("created"), CreateTokenOutcome::Created);
    let found = sqlite.store.find_by_digest(&fixtures::digest(1)).await;
    assert!(found.expect("the store works").is_some());

    let mut revoked = fixtures::token(0, NOW);
    revoked.revoked_at = Some(NOW);
    let ends = guest.put_token(&revoked, &fixtures::digest(0)).await;
    assert!(is_unavailable(&ends), "{ends:?}");
    let causes = ends.expect_err("refused").causes();
    assert!(causes.contains("is in use by another process"), "{causes}");
    let mut suspended = fixtures::user(1);
    suspended.suspended_at = Some(NOW);
    let ends = guest.put_user(&suspended).await;
    assert!(is_unavailable(&ends), "{ends:?}");
    let found = sqlite.store.find_by_digest(&fixtures::digest(0)).await;
    let record = found.expect("the store works").expect("the token");
    assert!(record.owner.active && record.token.revoked_at.is_none());
}

#[tokio::test]
async fn a_guest_without_a_host_has_the_file() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite.store.close().await;
    let options = SqliteOptions::default().as_guest();
    let only = SqliteStore::connect_with(&sqlite.url(), options).await;
    let only = only.expect("a store").with_accounts();
    let mut suspended = fixtures::user(1);
    suspended.suspended_at = Some(NOW);
    only.put_user(&suspended).await.expect("suspended");
    let options = SqliteOptions::default().with_busy_timeout(Duration::ZERO);
    let refused = SqliteStore::connect_with(&sqlite.url(), options).await;
    assert!(is_unavailable(&refused));
}
