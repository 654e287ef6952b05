//! Reads that may take long (lists, searches and counts), on their own connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openindex_domain::StoreError;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection};

use crate::error::store_error;
use crate::store::SqliteDatabase;

/// How many steps of SQLite's virtual machine run between two checks whether the read was canceled;
/// they take much less than a millisecond.
const STEPS: i32 = 1000;

/// A connection for one read that may take long. Dropping this cancels the read, so that an
/// abandoned search does not block the next one.
pub(crate) struct Browsing {
    connection: PoolConnection<Sqlite>,
    is_cancelled: Arc<AtomicBool>,
}

impl Browsing {
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Drop for Browsing {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

impl SqliteDatabase {
    /// Waits for a connection for a read that may take long. There are few, and credential lookups
    /// use none of them.
    pub(crate) async fn browse(&self) -> Result<Browsing, StoreError> {
        // Checked after connecting: if the files were replaced, a new connection would read the new
        // ones.
        let mut connection = self.browsers.acquire().await.map_err(store_error)?;
        self.readers()?;
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_cancelled);
        connection
            .lock_handle()
            .await
            .map_err(store_error)?
            .set_progress_handler(STEPS, move || !seen.load(Ordering::Relaxed));
        Ok(Browsing {
            connection,
            is_cancelled,
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
    use crate::store::BROWSERS;
    use crate::{SqliteOptions, SqliteStore};

    const TIMEOUT: Duration = Duration::from_millis(500);

    /// Takes a connection until the read is canceled.
    async fn endless(store: SqliteStore<true, true>) -> Result<i64, StoreError> {
        let mut browsing = store.database().browse().await?;
        sqlx::query_scalar(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) \
             SELECT count(*) FROM numbers",
        )
        .fetch_one(browsing.connection())
        .await
        .map_err(store_error)
    }

    fn is_unavailable<T>(result: &Result<T, StoreError>) -> bool {
        matches!(result, Err(StoreError::Unavailable(_)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn credential_lookups_work_however_many_searches_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("busy.db").display());
        let options = SqliteOptions::default().with_busy_timeout(TIMEOUT);
        let store = SqliteStore::connect_with(&url, options).await;
        let store = store.expect("a store").with_accounts().with_work_items();
        store.migrate().await.expect("migrated");
        let filter = WorkItemFilter::default();

        let browsing: Vec<_> = (0..32)
            .map(|_| tokio::spawn(endless(store.clone())))
            .collect();
        // Once a search fails, all connections are in use.
        let begun = Instant::now();
        while store.items(&filter, NOW, None, 1).await.is_ok() {
            assert!(begun.elapsed() < TIMEOUT, "no search uses a connection");
        }
        let begun = Instant::now();
        for number in 0..100 {
            let digest = fixtures::digest(number);
            let token = store.find_by_digest(&digest).await.expect("found");
            assert!(token.is_none());
            let session = store.find_session(&digest).await.expect("found");
            assert!(session.is_none());
            store.ready().await.expect("ready");
        }
        let elapsed = begun.elapsed();
        assert!(elapsed < TIMEOUT * 10, "300 lookups took {elapsed:?}");
        let events = store.events(&AuditFilter::default(), None, 1).await;
        assert!(is_unavailable(&events), "{events:?}");
        assert!(is_unavailable(&store.stats(NOW).await));

        // The rest are canceled; those that got no connection have failed.
        let mut failed = 0;
        for one in browsing {
            one.abort();
            match one.await {
                Ok(result) => {
                    assert!(is_unavailable(&result), "{result:?}");
                    failed += 1;
                }
                Err(ended) => assert!(ended.is_cancelled(), "{ended}"),
            }
        }
        assert_eq!(failed, 32 - BROWSERS);
        let found = store.items(&filter, NOW, None, 1).await;
        assert_eq!(found.expect("a free connection"), []);
        store.close().await;
    }
}
