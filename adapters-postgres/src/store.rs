//! The store, its connections, and the limits of each call.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use openindex_coalescing::Observer;
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::PoolOptions;
use crate::error::{TimedOut, connect_error, exhausted, has_stale_statements, store_error};
use crate::lookups::Lookups;
use crate::options::{MAINTENANCE_TIMEOUT, Permits, READ_ONLY, READ_WRITE, milliseconds};
use crate::pooling::{PoolMode, Pooling};
use crate::url;

/// What a call does on its connection.
pub(crate) type CallFuture<'c, T> =
    Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// A store for tokens, users and the audit log in a PostgreSQL database. Cheap to clone; clones
/// share connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    lookups: Lookups,
    pub(crate) connect: PgConnectOptions,
    pub(crate) pooling: Pooling,
    pub(crate) options: PoolOptions,
    permits: Permits,
    has_work_items: bool,
}

// Not derived: the driver's options would print the password.
impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("host", &self.connect.get_host())
            .field("port", &self.connect.get_port())
            .field("database", &self.connect.get_database())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Creates a store for `postgres://user:password@host:port/database?sslmode=…`. It does not
    /// connect yet, so that a server can start, and return 503, while its database is down. What
    /// the URL leaves out comes from the usual variables (`PGHOST`, `PGPASSWORD`, …) and the
    /// password file. The schema is not migrated: see [`PostgresStore::migrate`].
    /// `pool_mode=session` or `pool_mode=transaction` in the URL declares the mode of a pooler;
    /// without it, the mode is detected.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the URL is malformed.
    #[expect(
        clippy::unused_async,
        reason = "the pool requires the runtime of an async caller, and both stores connect alike"
    )]
    pub async fn connect(url: &str, options: PoolOptions) -> Result<Self, StoreError> {
        let (connect, pool_mode) = url::parse(url)?;
        let pooling = Pooling::new(pool_mode, connect.clone(), options.acquire_timeout);
        Ok(Self {
            pool: options.pool(connect.clone(), pooling.clone()),
            lookups: Lookups::new(connect.clone(), options, pooling.clone(), None),
            connect,
            pooling,
            options,
            permits: options.permits(),
            has_work_items: false,
        })
    }

    /// Returns the store with work items: [`PostgresStore::migrate`] creates their tables too, and
    /// agent runs can be bound to one. Without this, the methods of
    /// [`WorkItemStore`](openindex_domain::work_item::WorkItemStore) return
    /// [`StoreError::Unavailable`], and everything else works.
    #[must_use]
    pub fn with_work_items(self) -> Self {
        Self {
            has_work_items: true,
            ..self
        }
    }

    /// Returns the store with an `observer` that is called for each batch of lookups, for metrics.
    /// Call this before the store is cloned and shared.
    #[must_use]
    pub fn with_lookup_observer(self, observer: Observer) -> Self {
        Self {
            lookups: Lookups::new(
                self.connect.clone(),
                self.options,
                self.pooling.clone(),
                Some(observer),
            ),
            ..self
        }
    }

    /// Returns the connections for everything except token lookups: open, idle, and the maximum.
    #[must_use]
    pub fn connections(&self) -> [u32; 3] {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        let max = self.pool.options().get_max_connections();
        [self.pool.size(), idle, max]
    }

    pub(crate) async fn look_up(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.lookups.find(digest).await
    }

    /// Returns whether this store has work items.
    pub(crate) fn has_work_items(&self) -> bool {
        self.has_work_items
    }

    /// Closes all connections once their calls have finished. Later calls return
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.lookups.close().await;
        self.pool.close().await;
    }

    /// Waits for a permit to count attempts, as long as for a connection. Only a few calls have one
    /// at once.
    pub(crate) async fn counting_permit(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.permit(&self.permits.counting).await
    }

    async fn permit<'p>(&self, permits: &'p Semaphore) -> Result<SemaphorePermit<'p>, StoreError> {
        tokio::time::timeout(self.options.acquire_timeout, permits.acquire())
            .await
            .map_err(|_| exhausted(self.options.max_connections))?
            .map_err(StoreError::unavailable)
    }

    /// Runs `work` on a connection of the pool.
    pub(crate) async fn call<T>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> CallFuture<'c, T>,
    ) -> Result<T, StoreError> {
        let begin = match self.pooling.mode().await? {
            PoolMode::Session => None,
            // Settings and prepared statements do not outlast a transaction.
            PoolMode::Transaction => Some(self.options.begin_for_pooler(READ_WRITE)),
        };
        self.call_within(self.options.call_timeout(), begin, work)
            .await
    }

    /// Runs `work`, a read that may scan many rows. Only a few such calls run at once, and none for
    /// long, so that lookups always have connections.
    pub(crate) async fn browse<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> CallFuture<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _permit = self.permit(&self.permits.browsing).await?;
        let begin = self.begin_bounded(READ_ONLY, self.options.browse_timeout());
        self.call_within(self.options.call_timeout(), Some(begin.await?), work)
            .await
    }

    /// Runs `work` in one transaction that may touch many rows, and so may take a minute.
    pub(crate) async fn maintenance<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> CallFuture<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begin = self.begin_bounded(READ_WRITE, MAINTENANCE_TIMEOUT).await?;
        self.call_within(MAINTENANCE_TIMEOUT, Some(begin), work)
            .await
    }

    /// Returns the statements that begin a transaction whose statements may each take no longer
    /// than `limit`.
    async fn begin_bounded(&self, access: &str, limit: Duration) -> Result<String, StoreError> {
        let begin = match self.pooling.mode().await? {
            PoolMode::Session => format!("{access}; "),
            PoolMode::Transaction => self.options.begin_for_pooler(access),
        };
        let limit = milliseconds(limit);
        Ok(begin + &format!("SET LOCAL statement_timeout = {limit}"))
    }

    /// Runs `work` on a connection of the pool, in a transaction begun with `begin`, if any.
    async fn call_within<T>(
        &self,
        limit: Duration,
        begin: Option<String>,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> CallFuture<'c, T>,
    ) -> Result<T, StoreError> {
        let mut connection = match self.pool.acquire().await {
            Ok(connection) => connection,
            Err(error) => return Err(self.acquire_error(error).await),
        };
        let mode = self.pooling.known();
        let done = async {
            let Some(begin) = begin else {
                return work(&mut connection).await;
            };
            let transaction = connection.begin_with(AssertSqlSafe(begin)).await;
            let mut transaction = transaction.map_err(store_error)?;
            let result = work(&mut transaction).await;
            if mode == PoolMode::Transaction {
                // The next client of the session may use the same names for other statements.
                let cleared = transaction.clear_cached_statements().await;
                cleared.map_err(store_error)?;
            }
            let result = result?;
            transaction.commit().await.map_err(store_error)?;
            Ok(result)
        };
        if let Ok(result) = tokio::time::timeout(limit, done).await {
            // The prepared statements of this session no longer match the schema, or are another
            // client's.
            if result.as_ref().is_err_and(has_stale_statements) {
                drop(connection.detach());
            }
            return result;
        }
        // The server's own timeouts would have come first, so it is unreachable. Back in the pool,
        // the connection would take up a place for as long as TCP retries.
        drop(connection.detach());
        Err(StoreError::unavailable(TimedOut))
    }

    /// Returns why no connection could be acquired. The pool retries until its timeout and does not
    /// report why each try failed, so this tries once more, unless all connections are in use.
    async fn acquire_error(&self, error: sqlx::Error) -> StoreError {
        let max = self.pool.options().get_max_connections();
        match error {
            sqlx::Error::PoolTimedOut if self.pool.size() >= max => exhausted(max),
            sqlx::Error::PoolTimedOut => {
                let again = async {
                    let mut connection = self.connect.connect().await?;
                    let mode = self.pooling.known();
                    let begun = self.options.begin_session(&mut connection, mode, "").await;
                    // Other calls wait for connections, so this one is closed at once.
                    let _ = connection.close().await;
                    begun
                };
                match tokio::time::timeout(self.options.acquire_timeout, again).await {
                    Ok(Err(error)) => connect_error(error, &self.connect),
                    Ok(Ok(())) | Err(_) => StoreError::unavailable(TimedOut),
                }
            }
            error => connect_error(error, &self.connect),
        }
    }
}

/// Begins the transaction of a change, nested in the current one if there is one.
pub(crate) async fn begin(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, StoreError> {
    let begun = if connection.is_in_transaction() {
        connection.begin().await
    } else {
        connection.begin_with(READ_WRITE).await
    };
    begun.map_err(store_error)
}
