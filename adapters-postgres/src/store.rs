//! Connecting, bringing the schema up to date, and telling whether the database is fit to serve.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use openindex_coalescing::Observer;
use openindex_domain::token::{Digest, TokenRecord};
use openindex_domain::{StoreError, StoreHealth};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{AssertSqlSafe, Connection as _, Postgres, Transaction};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::PoolOptions;
use crate::error::{NoAnswer, migrate_error, store_error};
use crate::lookups::Lookups;
use crate::options::{Turns, UPKEEP_TIMEOUT, milliseconds};
use crate::url;
use crate::{locks, users};

/// What is done on one connection.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// Tokens, accounts and audit trail in a PostgreSQL database. Cheap to clone; clones share
/// connections.
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    lookups: Lookups,
    connect: PgConnectOptions,
    options: PoolOptions,
    turns: Turns,
    keeps_work: bool,
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
    /// is left alone: see [`PostgresStore::migrate`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] when the URL is malformed.
    #[expect(
        clippy::unused_async,
        reason = "the pool needs the runtime that an async caller has; and both adapters connect alike"
    )]
    pub async fn connect(url: &str, options: PoolOptions) -> Result<Self, StoreError> {
        let connect = url::parse(url)?;
        Ok(Self {
            pool: options.pool(connect.clone()),
            lookups: lookups(&connect, options, None),
            connect,
            options,
            turns: options.turns(),
            keeps_work: false,
        })
    }

    /// The same, keeping work items: [`PostgresStore::migrate`] makes their tables too, and agent
    /// runs can be bound to one. Without this the store has no such tables, its methods of
    /// [`WorkStore`](openindex_domain::work::WorkStore) are [`StoreError::Corrupt`], and everything
    /// else works.
    #[must_use]
    pub fn with_work(self) -> Self {
        Self {
            keeps_work: true,
            ..self
        }
    }

    /// The same, telling `observer` of each batch of lookups: where metrics are taken. To be called
    /// before the store is cloned and shared.
    #[must_use]
    pub fn with_lookup_observer(self, observer: Observer) -> Self {
        Self {
            lookups: lookups(&self.connect, self.options, Some(observer)),
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
    pub(crate) fn keeps_work(&self) -> bool {
        self.keeps_work
    }

    /// Brings the schema to the version that this binary embeds. Any number of servers may call it
    /// at the same time. A newer schema is left as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Corrupt`] when a migration differs from the one that was
    /// applied.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let pool = self.options.migration_pool(self.connect.clone());
        let migrated = self.apply_migrations(&pool).await;
        pool.close().await;
        migrated
    }

    async fn apply_migrations(&self, pool: &PgPool) -> Result<(), StoreError> {
        for migrator in self.migrators() {
            migrator.run(pool).await.map_err(migrate_error)?;
        }
        let mut connection = pool.acquire().await.map_err(store_error)?;
        let mut transaction = begin(&mut connection).await?;
        locks::newcomers(&mut transaction).await?;
        users::renew_keys(&mut transaction).await?;
        transaction.commit().await.map_err(store_error)
    }

    /// The embedded migrations of what this store keeps, in their order. Unknown ones in the
    /// database are those of the other group or of a newer release, which the rules of
    /// `migrations/README.md` make compatible.
    fn migrators(&self) -> Vec<Migrator> {
        let mut migrators = vec![sqlx::migrate!()];
        if self.keeps_work {
            migrators.push(sqlx::migrate!("./migrations-work"));
        }
        for migrator in &mut migrators {
            migrator.set_ignore_missing(true);
        }
        migrators
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
            .map_err(|_| store_error(sqlx::Error::PoolTimedOut))?
            .map_err(StoreError::unavailable)
    }

    /// Does `work` on a connection of the pool.
    pub(crate) async fn call<T>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T>,
    ) -> Result<T, StoreError> {
        self.call_within(self.options.call_timeout(), work).await
    }

    /// Does `work`, which reads and may look through many rows, however little it finds. Few such
    /// calls run at once, and none for long, so that lookups have connections whatever is searched.
    pub(crate) async fn browse<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _turn = self.turn(&self.turns.browsing).await?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = {}",
            milliseconds(self.options.browse_timeout())
        );
        self.call(move |connection| {
            Box::pin(async move {
                let transaction = connection.begin_with(AssertSqlSafe(begin)).await;
                let mut transaction = transaction.map_err(store_error)?;
                let answer = work(&mut transaction).await?;
                transaction.commit().await.map_err(store_error)?;
                Ok(answer)
            })
        })
        .await
    }

    /// Does `work` in one transaction that may touch many rows, and so may take a minute.
    pub(crate) async fn upkeep<T: Send>(
        &self,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call_within(UPKEEP_TIMEOUT, move |connection| {
            Box::pin(async move {
                let mut transaction = begin(connection).await?;
                sqlx::query("SELECT set_config('statement_timeout', $1, true)")
                    .bind(UPKEEP_TIMEOUT.as_millis().to_string())
                    .execute(&mut *transaction)
                    .await
                    .map_err(store_error)?;
                let answer = work(&mut transaction).await?;
                transaction.commit().await.map_err(store_error)?;
                Ok(answer)
            })
        })
        .await
    }

    async fn call_within<T>(
        &self,
        limit: Duration,
        work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T>,
    ) -> Result<T, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(store_error)?;
        if let Ok(answer) = tokio::time::timeout(limit, work(&mut connection)).await {
            return answer;
        }
        // The server's own timeouts would have been quicker, so it is out of reach. Given back to
        // the pool, the connection would take up a place for as long as TCP hopes.
        drop(connection.detach());
        Err(StoreError::unavailable(NoAnswer))
    }
}

fn lookups(
    connect: &PgConnectOptions,
    options: PoolOptions,
    observer: Option<Observer>,
) -> Lookups {
    Lookups::new(
        options.session(connect.clone()),
        options.lookup_connections,
        options.acquire_timeout,
        observer,
    )
}

/// Begins a change. Reads must see what was committed while the change waited for its locks, so
/// the isolation level is not left to the server's default.
pub(crate) async fn begin(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, StoreError> {
    connection
        .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
        .await
        .map_err(store_error)
}

#[async_trait]
impl StoreHealth for PostgresStore {
    async fn ready(&self) -> Result<(), StoreError> {
        let applied: Vec<(i64, Vec<u8>)> = self
            .call(|connection| {
                Box::pin(async move {
                    sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                        .fetch_all(connection)
                        .await
                        .map_err(store_error)
                })
            })
            .await?;
        let migrators = self.migrators();
        for migration in migrators.iter().flat_map(Migrator::iter) {
            let version = migration.version;
            let (_, checksum) = applied
                .iter()
                .find(|(applied, _)| *applied == version)
                .ok_or_else(|| {
                    StoreError::corrupt(format!("migration {version} has not been applied"))
                })?;
            if *checksum != *migration.checksum {
                return Err(StoreError::corrupt(format!(
                    "migration {version} differs from the one that was applied"
                )));
            }
        }
        Ok(())
    }
}
