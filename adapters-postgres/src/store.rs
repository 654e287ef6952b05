//! The connections of a store, and the limits of each call.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openindex_adapters_sql::schema::Parts;
use openindex_adapters_sql::{
    Call, Database, End, LookupFailure, LookupLimits, Result, SqlStore, Statement, Tx, Work, driver,
};
use openindex_domain::StoreError;
use openindex_domain::token::Digest;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Postgres};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::PoolOptions;
use crate::error::{
    TimedOut, connect_error, exhausted, is_broken, is_session_unusable, store_error,
};
use crate::hosts::Hosts;
use crate::lookups;
use crate::options::{
    MAINTENANCE_TIMEOUT, Permits, READ_ONLY, READ_WRITE, SNAPSHOT, SNAPSHOT_TIMEOUT, milliseconds,
};
use crate::pooling::{PoolMode, Pooling};
use crate::statements::{PgRow, query};
use crate::url;

/// A store in a PostgreSQL database. [`connect`](SqlStore::connect) accepts
/// `postgres://user:password@host:port/database?sslmode=…`. It does not connect yet, so that a
/// server can start, and return 503, while its database is down. What the URL leaves out comes from
/// the usual variables (`PGHOST`, `PGPASSWORD`, …) and the password file.
/// With several hosts (`host:port,host:port`), the store finds the primary among them.
/// `pool_mode=session` or `pool_mode=transaction` in the URL declares the mode of a pooler; without
/// it, the mode is detected.
pub type PostgresStore<const ACCOUNTS: bool = false, const WORK_ITEMS: bool = false> =
    SqlStore<PostgresDatabase, ACCOUNTS, WORK_ITEMS>;

/// The database of a [`PostgresStore`] and its connections.
#[derive(Clone)]
pub struct PostgresDatabase {
    pub(crate) pool: PgPool,
    /// Whether the store is closed, if the pool is the caller's, which stays open.
    lent_pool: Option<Arc<AtomicBool>>,
    pooling: Pooling,
    pub(crate) hosts: Hosts,
    pub(crate) options: PoolOptions,
    permits: Permits,
    /// The query of a lookup.
    select: Arc<str>,
}

// Not derived: the driver's options would print the password.
impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connect = self.pool.connect_options();
        f.debug_struct("PostgresDatabase")
            .field("host", &connect.get_host())
            .field("port", &connect.get_port())
            .field("database", &connect.get_database())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Database for PostgresDatabase {
    type Connection = PgConnection;
    type Row = PgRow;
    type Options = PoolOptions;

    async fn fetch(connection: &mut PgConnection, statement: Statement) -> Result<Vec<PgRow>> {
        let found = query(statement)?.fetch_all(connection).await;
        Ok(found.map_err(store_error)?.into_iter().map(PgRow).collect())
    }

    async fn execute(connection: &mut PgConnection, statement: Statement) -> Result<u64> {
        let done = query(statement)?.execute(connection).await;
        Ok(done.map_err(store_error)?.rows_affected())
    }

    async fn run<T: Send + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>> + Send + 'static,
    ) -> Result<T> {
        let _permit = match call {
            Call::Browse => Some(self.permit(&self.permits.browsing).await?),
            Call::Count => Some(self.permit(&self.permits.counting).await?),
            Call::Read | Call::Change | Call::Maintenance => None,
        };
        let begin = match call {
            Call::Read => self.begin_for_pooler(None).await?,
            Call::Change | Call::Count => self.begin_for_pooler(Some(READ_WRITE)).await?,
            Call::Browse => {
                let begin = self.begin_bounded(READ_ONLY, self.options.browse_timeout());
                Some(begin.await?)
            }
            Call::Maintenance => Some(self.begin_bounded(READ_WRITE, MAINTENANCE_TIMEOUT).await?),
        };
        let limit = match call {
            Call::Maintenance => MAINTENANCE_TIMEOUT,
            _ => self.options.call_timeout(),
        };
        self.call_within(limit, begin, work).await
    }

    // Async, since the pool requires the runtime of an async caller.
    async fn connect(url: &str, options: PoolOptions) -> Result<Self> {
        let (servers, pool_mode) = url::parse(url)?;
        let pooling = Pooling::new(pool_mode, options.acquire_timeout);
        let first = servers[0].clone();
        let hosts = Hosts::new(servers, options.acquire_timeout);
        Ok(Self {
            pool: options.pool(first, pooling.clone(), &hosts),
            lent_pool: None,
            pooling,
            hosts,
            options,
            permits: options.permits(),
            select: lookups::text(options.table_prefix),
        })
    }

    fn lookup_limits(&self) -> LookupLimits {
        let batches_at_once = NonZero::try_from(self.options.lookup_connections);
        LookupLimits {
            batches_at_once: batches_at_once.unwrap_or(NonZero::<usize>::MIN),
            deadline: self.options.acquire_timeout,
        }
    }

    async fn connect_for_lookups(&self) -> Result<PgConnection> {
        let mode = self.pool_mode().await?;
        let open = || self.open_for_lookups(mode);
        self.hosts.on_primary(&self.pool, open).await
    }

    fn generation(&self) -> u64 {
        self.hosts.changes()
    }

    async fn look_up(
        &self,
        connection: &mut PgConnection,
        digests: &[Digest],
    ) -> Result<Vec<PgRow>, LookupFailure> {
        let keys: Vec<&[u8]> = digests
            .iter()
            .map(|digest| &digest.as_bytes()[..])
            .collect();
        let found = match self.pooling.known() {
            PoolMode::Session => lookups::select(connection, &self.select, keys).await,
            PoolMode::Transaction => {
                let select = &self.select;
                lookups::select_through_pooler(self.options, connection, select, keys).await
            }
        };
        found.map_err(|error| LookupFailure {
            is_disconnected: is_broken(&error),
            error: store_error(error),
        })
    }

    async fn close_idle(connection: PgConnection) {
        // The server notices either way.
        let _ = connection.close().await;
    }

    /// Returns those for everything except token lookups.
    fn connections(&self) -> [u32; 3] {
        driver::connections(&self.pool)
    }

    async fn migrate(&self, parts: Parts) -> Result<()> {
        self.apply_pending(parts).await
    }

    async fn ready(&self, parts: Parts) -> Result<()> {
        self.check_schema(parts).await
    }

    async fn close(&self) {
        match &self.lent_pool {
            Some(is_closed) => is_closed.store(true, Ordering::Relaxed),
            None => self.pool.close().await,
        }
    }
}

impl PostgresDatabase {
    /// Uses a pool of the caller's, for a store beside the caller's tables. Pass the result to
    /// [`PostgresStore::new`](SqlStore::new). Like [`connect`](SqlStore::connect), this does not
    /// connect yet.
    ///
    /// Changes and all reads except token lookups use the pool, whose maximum number of connections
    /// replaces [`PoolOptions::max_connections`]. The promises of the store do not depend on the
    /// pool's settings: each call is a transaction that sets isolation, timeouts, row security and
    /// synchronous commits for itself only, and leaves the session as it was. That takes two more
    /// round trips per read than with [`connect`](SqlStore::connect).
    ///
    /// With the pool's connect options at that time, such as a new password after
    /// [`PgPool::set_connect_options`], the store opens these connections itself:
    ///
    /// - for token lookups ([`PoolOptions::lookup_connections`]), which must not wait for the
    ///   caller's queries, and have settings that would disturb those;
    /// - two for a moment, to detect a pooler such as `PgBouncer`;
    /// - one while it migrates: the lock against other servers that migrate belongs to a session.
    ///
    /// The connect options decide the schema (`search_path`). Do not change that, the role, or
    /// temporary tables of ours in a session of the pool, and return no connection to it within a
    /// transaction. Behind a pooler in transaction mode, do not turn off the pool's statement cache
    /// (`statement_cache_capacity(0)`): the driver would leave statements in sessions of others,
    /// and calls would fail. Do not call the store while you hold the pool's last connection, or a
    /// transaction that locks its tables: the call waits, and fails after its timeout. Closing the
    /// store leaves the pool open.
    ///
    /// ```no_run
    /// use openindex_adapters_postgres::{
    ///     PoolOptions, PostgresDatabase, PostgresStore, TablePrefix,
    /// };
    /// use sqlx::postgres::PgPool;
    ///
    /// # async fn store(pool: PgPool) -> Result<(), Box<dyn std::error::Error>> {
    /// let options = PoolOptions::default().with_table_prefix(TablePrefix::parse("oi_")?);
    /// let store = PostgresStore::new(PostgresDatabase::with_pool(pool.clone(), options));
    /// store.migrate().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_pool(pool: PgPool, options: PoolOptions) -> Self {
        let options = PoolOptions {
            max_connections: pool.options().get_max_connections(),
            ..options
        };
        Self {
            pooling: Pooling::new(None, options.acquire_timeout),
            hosts: Hosts::default(),
            lent_pool: Some(Arc::default()),
            permits: options.permits(),
            select: lookups::text(options.table_prefix),
            options,
            pool,
        }
    }

    /// Returns how a pooler lends its sessions; detects it first.
    pub(crate) async fn pool_mode(&self) -> Result<PoolMode> {
        let detect = || self.pooling.mode(&self.pool);
        self.hosts.on_primary(&self.pool, detect).await
    }

    async fn open_for_lookups(&self, mode: PoolMode) -> Result<PgConnection> {
        let connect = PgConnectOptions::clone(&self.pool.connect_options())
            // The driver's default: lookups prepare their statement once.
            .statement_cache_capacity(100);
        let opened = async {
            let mut connection = connect.connect().await?;
            let plan = lookups::plan("SESSION");
            let options = self.options;
            let begun = options.begin_session(&mut connection, mode, &self.hosts, &plan);
            begun.await?;
            Ok(connection)
        };
        let opened = opened.await;
        opened.map_err(|error| connect_error(error, &connect))
    }

    /// Runs `work`, which may take hours, on one state of the database.
    pub(crate) async fn on_snapshot<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, T> + Send + 'static,
    ) -> Result<T> {
        let begin = self.begin_bounded(SNAPSHOT, SNAPSHOT_TIMEOUT).await?;
        self.call_within(SNAPSHOT_TIMEOUT, Some(begin), |tx| {
            let done = work(tx);
            Box::pin(async move { Ok(End::RollBack(done.await?)) })
        })
        .await
    }

    async fn permit<'p>(&self, permits: &'p Semaphore) -> Result<SemaphorePermit<'p>> {
        tokio::time::timeout(self.options.acquire_timeout, permits.acquire())
            .await
            .map_err(|_| exhausted(self.options.max_connections))?
            .map_err(StoreError::unavailable)
    }

    /// Runs `work` on a connection of the pool, without a transaction if there is no pooler.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T> {
        self.run(Call::Read, |tx| {
            let done = work(tx.into_connection());
            Box::pin(async move { Ok(End::Commit(done.await?)) })
        })
        .await
    }

    /// Returns whether the connections of the pool are ours, with our settings. Those of a pooler
    /// or of the caller's pool have ours only within a transaction.
    async fn has_own_sessions(&self) -> Result<bool> {
        Ok(self.pool_mode().await? == PoolMode::Session && self.lent_pool.is_none())
    }

    /// Returns the statements that begin a call's transaction: `begin`, unless the connection is
    /// also used by others.
    async fn begin_for_pooler(&self, begin: Option<&str>) -> Result<Option<String>> {
        Ok(if self.has_own_sessions().await? {
            begin.map(str::to_owned)
        } else {
            Some(self.options.begin_for_pooler(READ_WRITE))
        })
    }

    /// Returns the statements that begin a transaction whose statements may each take no longer
    /// than `limit`.
    async fn begin_bounded(&self, access: &str, limit: Duration) -> Result<String> {
        let begin = if self.has_own_sessions().await? {
            format!("{access}; ")
        } else {
            self.options.begin_for_pooler(access)
        };
        let limit = milliseconds(limit);
        Ok(begin + &format!("SET LOCAL statement_timeout = {limit}"))
    }

    /// Runs `work` on a connection of the pool, in a transaction begun with `begin`, if any.
    async fn call_within<T>(
        &self,
        limit: Duration,
        begin: Option<String>,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>>,
    ) -> Result<T> {
        let mut lent = Lent::new(self.acquire().await?, limit);
        let connection = lent.connection()?;
        let mode = self.pooling.known();
        let done = async {
            let Some(begin) = begin else {
                let (End::Commit(result) | End::RollBack(result)) =
                    work(Tx::new(connection, self.options.table_prefix)).await?;
                return Ok(result);
            };
            let transaction = connection.begin_with(AssertSqlSafe(begin)).await;
            let mut transaction = transaction.map_err(store_error)?;
            let result = work(Tx::new(&mut *transaction, self.options.table_prefix)).await;
            if mode == PoolMode::Transaction {
                // The next client of the session may use the same names for other statements.
                let cleared = transaction.clear_cached_statements().await;
                cleared.map_err(store_error)?;
            }
            match result? {
                End::Commit(result) => {
                    transaction.commit().await.map_err(store_error)?;
                    Ok(result)
                }
                // Dropping the transaction rolls it back.
                End::RollBack(result) => Ok(result),
            }
        };
        if let Ok(result) = tokio::time::timeout(limit, done).await {
            if result.as_ref().is_err_and(is_session_unusable) {
                lent.detach();
            }
            return result;
        }
        // The server's own timeouts would have come first, so it is unreachable. Back in the pool,
        // the connection would take up a place for as long as TCP retries.
        lent.detach();
        Err(StoreError::unavailable(TimedOut))
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>> {
        let acquire = || async {
            match self.acquire_once().await {
                Ok(connection) => Ok(connection),
                Err(error) => Err(self.acquire_error(error).await),
            }
        };
        self.hosts.on_primary(&self.pool, acquire).await
    }

    async fn acquire_once(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        let Some(is_closed) = &self.lent_pool else {
            return self.pool.acquire().await;
        };
        if is_closed.load(Ordering::Relaxed) {
            return Err(sqlx::Error::PoolClosed);
        }
        // The timeout of the caller's pool may be longer.
        let limit = self.options.acquire_timeout;
        let acquired = tokio::time::timeout(limit, self.pool.acquire()).await;
        acquired.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Returns why no connection could be acquired. The pool retries until its timeout and does not
    /// report why each try failed, so this tries once more, unless all connections are in use.
    async fn acquire_error(&self, error: sqlx::Error) -> StoreError {
        let max = self.pool.options().get_max_connections();
        let connect = self.pool.connect_options();
        match error {
            sqlx::Error::PoolTimedOut if self.pool.size() >= max => exhausted(max),
            sqlx::Error::PoolTimedOut => {
                let again = async {
                    let mut connection = connect.connect().await?;
                    let mode = self.pooling.known();
                    let options = self.options;
                    let begun = options.begin_session(&mut connection, mode, &self.hosts, "");
                    let begun = begun.await;
                    // Other calls wait for connections, so this one is closed at once.
                    let _ = connection.close().await;
                    begun
                };
                match tokio::time::timeout(self.options.acquire_timeout, again).await {
                    Ok(Err(error)) => connect_error(error, &connect),
                    Ok(Ok(())) | Err(_) => StoreError::unavailable(TimedOut),
                }
            }
            error => connect_error(error, &connect),
        }
    }
}

/// A connection of the pool. It is returned within a limit: the driver would wait for a silent
/// server for as long as TCP retries, and the connection would take up a place in the pool.
struct Lent {
    connection: Option<PoolConnection<Postgres>>,
    limit: Duration,
}

impl Lent {
    fn new(connection: PoolConnection<Postgres>, limit: Duration) -> Self {
        Self {
            connection: Some(connection),
            limit,
        }
    }

    fn connection(&mut self) -> Result<&mut PgConnection> {
        let connection = self.connection.as_deref_mut();
        connection.ok_or_else(|| StoreError::unavailable(sqlx::Error::PoolClosed))
    }

    /// Closes the connection without a word to the server.
    fn detach(&mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(mut connection) = self.connection.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(
                self.limit,
                connection.return_to_pool(),
            ));
        }
    }
}
