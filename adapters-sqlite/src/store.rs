//! The database file: opening it, migrations, and the checks of
//! [`StoreHealth`](openindex_domain::StoreHealth).

use std::fmt;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use openindex_adapters_sql::driver::{self, Groups};
use openindex_adapters_sql::schema::{self, Parts};
use openindex_adapters_sql::{
    Call, Database, End, LookupFailure, LookupLimits, Result, SqlStore, Statement, Tx, Work,
};
use openindex_coalescing::MAX_BATCH;
use openindex_domain::StoreError;
use openindex_domain::token::Digest;
use sqlx::migrate::Migrate as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::error::{file_error, is_busy, store_error};
use crate::file::DatabaseFile;
use crate::statements::{SqliteRow, query};
use crate::writer::{Change, Writer};

/// Number of connections for short reads: by key, or of a page in the order of an index. Each has a
/// thread. Token lookups run beside them, and long reads use the [`BROWSERS`].
const READERS: u32 = 4;

/// Number of connections for reads that may take long; see [`SqliteStore::browse`].
pub(crate) const BROWSERS: u32 = 2;

/// Options of a [`SqliteStore`]; the defaults suit a server.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// How long a change waits for its turn, and then for a lock that another process holds on the
    /// file, before it returns [`StoreError::Unavailable`]; 5 s for each by default.
    ///
    /// A read waits as long for a connection.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl SqliteOptions {
    /// Sets the [`busy_timeout`](Self::busy_timeout).
    #[must_use]
    pub fn with_busy_timeout(self, busy_timeout: Duration) -> Self {
        Self { busy_timeout }
    }
}

/// A store in one SQLite file. [`connect`](SqlStore::connect) opens `sqlite://path` or
/// `sqlite:path`, relative to the working directory unless the path begins with `/`. A missing file
/// is created with mode 0600, unless the URL ends with `?mode=rw`; a missing directory is not
/// created.
///
/// An in-memory database is rejected: it cannot have a second connection for reads. For tests
/// without a file use `MemoryStore` in `openindex_domain::testing`.
///
/// Only a store with work items is a `WorkItemStore`:
///
/// ```
/// use openindex_adapters_sqlite::SqliteStore;
/// use openindex_domain::work_item::WorkItemStore;
///
/// fn work_items(store: SqliteStore<true, true>) -> impl WorkItemStore {
///     store
/// }
/// ```
///
/// ```compile_fail
/// use openindex_adapters_sqlite::SqliteStore;
/// use openindex_domain::work_item::WorkItemStore;
///
/// fn work_items(store: SqliteStore<true>) -> impl WorkItemStore {
///     store
/// }
/// ```
pub type SqliteStore<const ACCOUNTS: bool = false, const WORK_ITEMS: bool = false> =
    SqlStore<SqliteDatabase, ACCOUNTS, WORK_ITEMS>;

/// The file of a [`SqliteStore`] and its connections.
#[derive(Clone)]
pub struct SqliteDatabase {
    writer: Arc<Writer>,
    readers: SqlitePool,
    pub(crate) browsers: SqlitePool,
    lookup_options: SqliteConnectOptions,
    busy_timeout: Duration,
}

impl fmt::Debug for SqliteDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDatabase")
            .field("file", &self.writer.file)
            .finish_non_exhaustive()
    }
}

impl SqliteDatabase {
    /// Returns the connections for short reads. Fails if the files that they were opened on were
    /// removed or replaced: they would not see what others write, such as a revocation.
    pub(crate) fn readers(&self) -> Result<&SqlitePool> {
        self.writer.file.check()?;
        Ok(&self.readers)
    }

    /// Begins a change; see [`Writer::begin`].
    pub(crate) async fn begin(&self) -> Result<Change> {
        self.writer.begin().await
    }
}

impl Database for SqliteDatabase {
    type Connection = SqliteConnection;
    type Row = SqliteRow;
    type Options = SqliteOptions;

    async fn fetch(on: &mut SqliteConnection, statement: Statement) -> Result<Vec<SqliteRow>> {
        let found = query(statement)?.fetch_all(on).await;
        let found = found.map_err(store_error)?.into_iter();
        Ok(found.map(SqliteRow).collect())
    }

    async fn execute(on: &mut SqliteConnection, statement: Statement) -> Result<u64> {
        let done = query(statement)?.execute(on).await;
        Ok(done.map_err(store_error)?.rows_affected())
    }

    async fn run<T: Send + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>> + Send + 'static,
    ) -> Result<T> {
        let end = match call {
            Call::Read => {
                let mut connection = self.readers()?.acquire().await.map_err(store_error)?;
                work(Tx::new(&mut *connection)).await?
            }
            Call::Browse => {
                let mut browsing = self.browse().await?;
                work(Tx::new(browsing.connection())).await?
            }
            Call::Change | Call::Count | Call::Maintenance => {
                let mut change = self.begin().await?;
                let end = work(Tx::new(&mut *change)).await?;
                if matches!(end, End::Commit(_)) {
                    change.commit().await?;
                }
                end
            }
        };
        match end {
            End::Commit(result) | End::RollBack(result) => Ok(result),
        }
    }

    async fn connect(url: &str, options: SqliteOptions) -> Result<Self> {
        let (location, create) = location(url)?;
        let connect = location
            .parse::<SqliteConnectOptions>()
            .map_err(store_error)?
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout);
        let path = connect.get_filename().to_owned();
        let file = Arc::new(DatabaseFile::open(&path, create)?);
        // Connections last as long as the process: there is no server to relieve, and closing the
        // last one would make SQLite checkpoint the write-ahead log at an inconvenient time.
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(options.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let writer = open_writer(
            pool.clone().max_connections(1),
            connect
                .clone()
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full),
            options.busy_timeout,
        )
        .await
        .map_err(|error| file_error(error, &path))?;
        let connect = connect.pragma("query_only", "ON");
        let readers = pool
            .clone()
            .max_connections(READERS)
            .after_connect(|connection, _| {
                // Reading opens the write-ahead log.
                let read = sqlx::query("SELECT count(*) FROM sqlite_schema").execute(connection);
                Box::pin(async move { read.await.map(drop) })
            })
            .connect_with(connect.clone())
            .await
            .map_err(|error| file_error(error, &path))?;
        file.record_log()?;
        // Opened on demand.
        let browsers = pool
            .max_connections(BROWSERS)
            .connect_lazy_with(connect.clone());
        Ok(Self {
            // Room for the rows of a whole batch, so that the connection's thread does not pause in
            // the middle.
            lookup_options: connect.row_buffer_size(MAX_BATCH.get()),
            writer: Writer { pool: writer, file }.watched(),
            readers,
            browsers,
            busy_timeout: options.busy_timeout,
        })
    }

    fn lookup_limits(&self) -> LookupLimits {
        LookupLimits {
            // Each has a thread. A second one adds no throughput, and the slowest lookups take
            // longer.
            batches_at_once: NonZero::<usize>::MIN,
            deadline: self.busy_timeout,
        }
    }

    async fn connect_for_lookups(&self) -> Result<SqliteConnection> {
        let connected = SqliteConnection::connect_with(&self.lookup_options).await;
        connected.map_err(store_error)
    }

    async fn look_up(
        &self,
        connection: &mut SqliteConnection,
        digests: &[Digest],
    ) -> Result<Vec<SqliteRow>, LookupFailure> {
        let failure = |error| LookupFailure {
            error,
            is_disconnected: false,
        };
        // Checked after connecting: a new connection could be on another file than the rest.
        self.writer.file.check().map_err(failure)?;
        // Padded to a power of two with the last digest, so that only a few statements are
        // prepared.
        let length = digests.len().next_power_of_two();
        let sql = openindex_adapters_sql::rows::select_record(&format!(
            "t.digest IN (?{})",
            ",?".repeat(length - 1)
        ));
        let filled = digests.iter().chain(digests.last().into_iter().cycle());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for digest in filled.take(length) {
            query = query.bind(&digest.as_bytes()[..]);
        }
        let found = query.fetch_all(connection).await;
        let found = found.map_err(|error| failure(store_error(error)))?;
        Ok(found.into_iter().map(SqliteRow).collect())
    }

    async fn close_idle(connection: SqliteConnection) {
        // These connections only read.
        let _ = connection.close().await;
    }

    /// Returns those for short reads.
    fn connections(&self) -> [u32; 3] {
        driver::connections(&self.readers)
    }

    async fn migrate(&self, parts: Parts) -> Result<()> {
        let mut transaction = self.begin().await?;
        let table = "_sqlx_migrations";
        let connection = &mut *transaction;
        let applied = match connection.ensure_migrations_table(table).await {
            Ok(()) => connection.list_applied_migrations(table).await,
            Err(error) => Err(error),
        };
        let applied = applied.map_err(|error| driver::migrate_error(error, store_error))?;
        for migrator in groups().of(parts, applied.iter().map(|migration| migration.version))? {
            // `Migrator::run` is the documented way, but its future on a borrowed connection is not
            // `Send`; this is what it calls.
            migrator
                .run_direct(None, &mut *transaction, false)
                .await
                .map_err(|error| driver::migrate_error(error, store_error))?;
        }
        transaction.commit().await
    }

    async fn ready(&self, parts: Parts) -> Result<()> {
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                .fetch_all(self.readers()?)
                .await
                .map_err(store_error)?;
        let migrators = groups().of(parts, applied.iter().map(|(version, _)| *version))?;
        if let Some((version, _)) = driver::pending(&migrators, &applied)?.first() {
            return Err(StoreError::unavailable(format!(
                "pending migration: {version}; run `oi-server migrate`"
            )));
        }
        let there: Vec<String> = sqlx::query_scalar(
            "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table'",
        )
        .fetch_all(self.readers()?)
        .await
        .map_err(store_error)?;
        let missing: Vec<String> = schema::tables(parts)
            .flat_map(|table| {
                let required = table.columns.split_whitespace();
                let required = required.map(|column| format!("{}.{column}", table.name));
                let (found, missing): (Vec<_>, Vec<_>) =
                    required.partition(|name| there.contains(name));
                if found.is_empty() {
                    vec![table.name.to_owned()]
                } else {
                    missing
                }
            })
            .collect();
        if !missing.is_empty() {
            return Err(StoreError::unavailable(format!(
                "missing in the database: {}; restore the file from a backup",
                missing.join(", ")
            )));
        }
        // Waits for the writer and for other processes, as a change does.
        let mut transaction = self.begin().await?;
        // On a read-only file, beginning the transaction alone would succeed.
        sqlx::query("DELETE FROM rate_limits WHERE false")
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
        Ok(())
    }

    async fn close(&self) {
        // The writer last: it checkpoints the write-ahead log once there are no more readers.
        self.browsers.close().await;
        self.readers.close().await;
        self.writer.pool.close().await;
    }
}

/// Returns the embedded migrations.
fn groups() -> Groups {
    Groups {
        accounts: sqlx::migrate!(),
        tokens: sqlx::migrate!("./migrations-tokens"),
        work_items: sqlx::migrate!("./migrations-work"),
    }
}

/// Opens the connection for writes. Switching a new file to the write-ahead log does not wait for a
/// lock as everything else does, so processes that start at the same time retry.
async fn open_writer(
    pool: SqlitePoolOptions,
    connect: SqliteConnectOptions,
    timeout: Duration,
) -> sqlx::Result<SqlitePool> {
    let pool = pool.after_release(|connection, _| {
        Box::pin(async move {
            // The ping waits for a rollback in progress. After some errors (such as a full disk)
            // SQLite has already rolled back on its own, and the driver still believes that it is
            // in a transaction; such a connection must not be used again.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    });
    let deadline = Instant::now() + timeout;
    loop {
        match pool.clone().connect_with(connect.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            opened => return opened,
        }
    }
}

/// Splits the URL into the location of the file and whether to create a missing one.
fn location(url: &str) -> Result<(&str, bool)> {
    let (location, parameters) = url.split_once('?').unwrap_or((url, "mode=rwc"));
    let create = match parameters {
        "mode=rwc" => true,
        "mode=rw" => false,
        _ => {
            return Err(StoreError::corrupt(
                "unsupported parameter in the SQLite URL; only mode=rw and mode=rwc are supported",
            ));
        }
    };
    let path = location
        .strip_prefix("sqlite:")
        .ok_or_else(|| StoreError::corrupt("a SQLite URL must begin with sqlite:"))?;
    let path = path.strip_prefix("//").unwrap_or(path);
    if path == ":memory:" {
        return Err(StoreError::corrupt(
            "in-memory SQLite databases are not supported; specify a file",
        ));
    }
    // Errors name the file, and this one could contain a password.
    if path
        .split_once('@')
        .is_some_and(|(before, _)| before.contains(':'))
    {
        return Err(StoreError::corrupt(
            "user, password or host in a SQLite URL; it has only a path (a PostgreSQL URL begins with \
             postgres://)",
        ));
    }
    if Path::new(path).file_name().is_none() {
        return Err(StoreError::corrupt("no file in the SQLite URL"));
    }
    Ok((location, create))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_file_to_open_and_whether_to_create_it() {
        for (url, expected) in [
            ("sqlite://openindex.db", ("sqlite://openindex.db", true)),
            ("sqlite:openindex.db", ("sqlite:openindex.db", true)),
            ("sqlite:///var/o.db?mode=rwc", ("sqlite:///var/o.db", true)),
            ("sqlite://o.db?mode=rw", ("sqlite://o.db", false)),
        ] {
            assert_eq!(location(url).expect("a location"), expected);
        }
        for url in [
            "",
            "openindex.db",
            "postgres://host/db",
            "sqlite:",
            "sqlite://",
            "sqlite:///",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://o.db?mode=memory",
            "sqlite://o.db?mode=ro",
            "sqlite://o.db?mode=rw&immutable=1",
            "sqlite://o.db?",
        ] {
            assert!(location(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn the_writer_works_again_after_a_full_disk() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("full.db").display());
        let store = SqliteDatabase::connect(&url, SqliteOptions::default()).await;
        let store = store.expect("a store");
        store.migrate(Parts::ALL).await.expect("migrated");
        // A limit on pages looks like a full disk to SQLite: it rolls the transaction back on its
        // own.
        let limit: i64 = sqlx::query_scalar("PRAGMA max_page_count = 1")
            .fetch_one(&store.writer.pool)
            .await
            .expect("a limit");
        let mut transaction = store.begin().await.expect("a transaction begins");
        let filled = sqlx::query(
            "INSERT INTO audit_events (id, at, actor, action, subject) \
             VALUES (zeroblob(16), 0, 'operator', 'filler', hex(zeroblob(?1)))",
        )
        .bind(limit * 65_536)
        .execute(&mut *transaction)
        .await
        .map_err(store_error);
        assert!(
            matches!(filled, Err(StoreError::Unavailable(_))),
            "{filled:?}"
        );
        drop(transaction);
        let next = store.begin().await.expect("the next one begins");
        next.commit().await.expect("and ends");
    }
}
