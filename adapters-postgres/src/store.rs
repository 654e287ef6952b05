//! Connecting, and what each call does on a connection.

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
use crate::error::{NoAnswer, connect_error, exhausted, has_stale_statements, store_error};
use crate::lookups::Lookups;
use crate::options::{READ_ONLY, READ_WRITE, Turns, UPKEEP_TIMEOUT, milliseconds};
use crate::pooling::{PoolMode, Pooling};
use crate::url;

/// What is done on one connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// Tokens, accounts and audit trail in a PostgreSQL database. Cheap to clone; clones share
/// connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    lookups: Lookups,
    pub(crate) connect: PgConnectOptions,
    pub(crate) pooling: Pooling,
    pub(crate) options: PoolOptions,
    turns: Turns,
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
    /// Takes note of `postgres://user:password@host:port/database?sslmode=…`. Nothing is sent yet:
    /// a server can start, and answer 503, while its database is down. What the URL leaves out
    /// comes from the usual variables (`PGHOST`, `PGPASSWORD`, …) and the password file. The schema
    /// is left alone: see [`PostgresStore::migrate`]. `pool_mode=session` or
    /// `pool_mode=transaction` in the URL tells what a pooler in between does; otherwise that is
    /// found out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when the URL is malformed.
    #[expect(
        clippy::unused_async,
        reason = "the pool needs the runtime that an async caller has; and both adapters connect alike"
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
            turns: options.turns(),
            has_work_items: false,
        })
    }

    /// The same, keeping work items: [`PostgresStore::migrate`] makes their tables too, and agent
    /// runs can be bound to one. Without this the store has no such tables, its methods of
    /// [`WorkItemStore`](openindex_domain::work_item::WorkItemStore) are [`StoreError::Unavailable`], and
    /// everything else works.
    #[must_use]
    pub fn with_work_items(self) -> Self {
        Self {
            has_work_items: true,
            ..self
        }
    }

    /// The same, telling `observer` of each batch of lookups: where metrics are taken. To be called
    /// before the store is cloned and shared.
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

    /// The connections for all but lookups of tokens: how many are open, how many of
    /// those rest, and how many there may be.
    #[must_use]
    pub fn connections(&self) -> [u32; 3] {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        let most = self.pool.options().get_max_connections();
        [self.pool.size(), idle, most]
    }

    /// Looks a token up.
    pub(crate) async fn look_up(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.lookups.find(digest).await
    }

    /// Whether it keeps work items.
    pub(crate) fn has_work_items(&self) -> bool {
        self.has_work_items
    }

    /// Closes all connections once what runs on them has ended. Calls after it are
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.lookups.close().await;
        self.pool.close().await;
    }

    /// Waits for a turn to count attempts, which few calls have at once, before a connection is
    /// taken for it; as long as for a connection.
    pub(crate) async fn turn_to_count(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.turn(&self.turns.counting).await
    }

    async fn turn<'t>(&self, turns: &'t Semaphore) -> Result<SemaphorePermit<'t>, StoreError> {
        tokio::time::timeout(self.options.acquire_timeout, turns.acquire())
            .await
            .map_err(|_| exhausted(self.options.max_connections))?
            .map_err(StoreError::unavailable)
    }

    /// Does `work` on a connection of the pool.
    pub(crate) async fn call<T>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T>,
    ) -> Result<T, StoreError> {
        let begin = match self.pooling.mode().await? {
            PoolMode::Session => None,
            // Nothing that two statements depend on outlasts a transaction.
            PoolMode::Transaction => Some(self.options.begin_lent(READ_WRITE)),
        };
        self.call_within(self.options.call_timeout(), begin, work)
            .await
    }

    /// Does `work`, which reads and may look through many rows, however little it finds. Few such
    /// calls run at once, and none for long, so that lookups have connections whatever is searched.
    pub(crate) async fn browse<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.turn(&self.turns.browsing).await?;
        let begin = self.begin_bounded(READ_ONLY, self.options.browse_timeout());
        self.call_within(self.options.call_timeout(), Some(begin.await?), work)
            .await
    }

    /// Does `work` in one transaction that may touch many rows, and so may take a minute.
    pub(crate) async fn maintenance<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begin = self.begin_bounded(READ_WRITE, UPKEEP_TIMEOUT).await?;
        self.call_within(UPKEEP_TIMEOUT, Some(begin), work).await
    }

    /// Begins a transaction, none of whose statements may take longer than `limit`.
    async fn begin_bounded(&self, access: &str, limit: Duration) -> Result<String, StoreError> {
        let begin = match self.pooling.mode().await? {
            PoolMode::Session => format!("{access}; "),
            PoolMode::Transaction => self.options.begin_lent(access),
        };
        let limit = milliseconds(limit);
        Ok(begin + &format!("SET LOCAL statement_timeout = {limit}"))
    }

    /// Does `work` on a connection of the pool, in a transaction that is begun with `begin`, if any.
    async fn call_within<T>(
        &self,
        limit: Duration,
        begin: Option<String>,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T>,
    ) -> Result<T, StoreError> {
        let mut connection = match self.pool.acquire().await {
            Ok(connection) => connection,
            Err(error) => return Err(self.why_none(error).await),
        };
        let mode = self.pooling.known();
        let done = async {
            let Some(begin) = begin else {
                return work(&mut connection).await;
            };
            let transaction = connection.begin_with(AssertSqlSafe(begin)).await;
            let mut transaction = transaction.map_err(store_error)?;
            let answer = work(&mut transaction).await;
            if mode == PoolMode::Transaction {
                // Whoever is lent the session next may give the same names to other statements.
                let cleared = transaction.clear_cached_statements().await;
                cleared.map_err(store_error)?;
            }
            let answer = answer?;
            transaction.commit().await.map_err(store_error)?;
            Ok(answer)
        };
        if let Ok(answer) = tokio::time::timeout(limit, done).await {
            // What this session has prepared fits the schema no longer, or is another client's.
            if answer.as_ref().is_err_and(has_stale_statements) {
                drop(connection.detach());
            }
            return answer;
        }
        // The server's own timeouts would have been quicker, so it is out of reach. Given back to
        // the pool, the connection would take up a place for as long as TCP hopes.
        drop(connection.detach());
        Err(StoreError::unavailable(NoAnswer))
    }

    /// Why there is no connection. The pool tries again until time is up, and then tells nothing of
    /// why each try failed; so one more is made, unless all connections are simply in use.
    async fn why_none(&self, error: sqlx::Error) -> StoreError {
        let most = self.pool.options().get_max_connections();
        match error {
            sqlx::Error::PoolTimedOut if self.pool.size() >= most => exhausted(most),
            sqlx::Error::PoolTimedOut => {
                let again = async {
                    let mut connection = self.connect.connect().await?;
                    let mode = self.pooling.known();
                    let begun = self.options.begin_session(&mut connection, mode, "").await;
                    // Others wait for connections, so this one is not to linger.
                    let _ = connection.close().await;
                    begun
                };
                match tokio::time::timeout(self.options.acquire_timeout, again).await {
                    Ok(Err(error)) => connect_error(error, &self.connect),
                    Ok(Ok(())) | Err(_) => StoreError::unavailable(NoAnswer),
                }
            }
            error => connect_error(error, &self.connect),
        }
    }
}

/// Begins a change, as a part of the transaction where there is one.
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
