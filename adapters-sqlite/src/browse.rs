//! Reads that may take long: lists, searches and counts, on connections of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openindex_domain::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection};

use crate::SqliteStore;
use crate::error::store_error;

/// Steps of SQLite's machine between two looks at whether anybody still waits: much less than a
/// millisecond of them.
const STEPS: i32 = 1000;

/// A connection for one read that may take long. When it is dropped, so is what still runs on it:
/// whoever gives up a search does not keep the next one waiting.
pub(crate) struct Browsing {
    connection: PoolConnection<Sqlite>,
    is_over: Arc<AtomicBool>,
}

impl Browsing {
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Drop for Browsing {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

impl SqliteStore {
    /// Waits for a connection for a read that may take long. There are few, and none of them is one
    /// that credentials are looked up with.
    pub(crate) async fn browse(&self) -> Result<Browsing, StoreError> {
        // One that is opened after the files were replaced would read others.
        let mut connection = self.browsers.acquire().await.map_err(store_error)?;
        self.readers()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        connection
            .lock_handle()
            .await
            .map_err(store_error)?
            .set_progress_handler(STEPS, move || !seen.load(Ordering::Relaxed));
        Ok(Browsing {
            connection,
            is_over,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use openindex_domain::StoreHealth;
    use openindex_domain::admin_tokens::AdminTokenStore;
    use openindex_domain::audit::{AuditFilter, AuditStore};
    use openindex_domain::session::SessionStore;
    use openindex_domain::testing::fixtures::{self, NOW};
    use openindex_domain::token::TokenStore;
    use openindex_domain::work_item::{WorkItemFilter, WorkItemStore};

    use super::*;
    use crate::SqliteOptions;
    use crate::store::BROWSERS;

    const PATIENCE: Duration = Duration::from_millis(500);

    /// Holds a connection for as long as it is waited for.
    async fn endless(store: SqliteStore) -> Result<i64, StoreError> {
        let mut browsing = store.browse().await?;
        sqlx::query_scalar(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) \
             SELECT count(*) FROM numbers",
        )
        .fetch_one(browsing.connection())
        .await
        .map_err(store_error)
    }

    fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
        matches!(answer, Err(StoreError::Unavailable(_)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn however_many_browse_credentials_are_looked_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("busy.db").display());
        let options = SqliteOptions::default().with_busy_timeout(PATIENCE);
        let store = SqliteStore::connect_with(&url, options).await;
        let store = store.expect("a store").with_work_items();
        store.migrate().await.expect("migrated");
        let filter = WorkItemFilter::default();

        let browsing: Vec<_> = (0..32)
            .map(|_| tokio::spawn(endless(store.clone())))
            .collect();
        // Once a search is turned away, all that there are have been taken.
        let begun = Instant::now();
        while store.items(&filter, NOW, None, 1).await.is_ok() {
            assert!(begun.elapsed() < PATIENCE, "nobody holds a connection");
        }
        let begun = Instant::now();
        for number in 0..100 {
            let digest = fixtures::digest(number);
            let token = store.find_by_digest(&digest).await.expect("answered");
            assert!(token.is_none());
            let session = store.find_session(&digest).await.expect("answered");
            assert!(session.is_none());
            store.ready().await.expect("ready");
        }
        let taken = begun.elapsed();
        assert!(taken < PATIENCE * 10, "300 lookups took {taken:?}");
        let trail = store.events(&AuditFilter::default(), None, 1).await;
        assert!(is_unavailable(&trail), "{trail:?}");
        assert!(is_unavailable(&store.stats(NOW).await));

        // Nobody waits for them any more, and so they end; those that were turned away have.
        let mut turned_away = 0;
        for one in browsing {
            one.abort();
            match one.await {
                Ok(answer) => {
                    assert!(is_unavailable(&answer), "{answer:?}");
                    turned_away += 1;
                }
                Err(ended) => assert!(ended.is_cancelled(), "{ended}"),
            }
        }
        assert_eq!(turned_away, 32 - BROWSERS);
        let found = store.items(&filter, NOW, None, 1).await;
        assert_eq!(found.expect("there is room again"), []);
        store.close().await;
    }
}
