//! The database file and its connections.

use std::fmt;
use std::fs::File;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use openindex_adapters_sql::schema::Parts;
use openindex_adapters_sql::{
    Call, Database, End, LookupFailure, LookupLimits, Result, SqlStore, Statement, TablePrefix, Tx,
    Work, driver, rows,
};
use openindex_coalescing::MAX_BATCH;
use openindex_domain::StoreError;
use openindex_domain::token::Digest;
use openindex_token_index::TokenIndex;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::changes::Changes;
use crate::error::{file_error, is_busy, store_error};
use crate::file::{DatabaseFile, FileInUse};
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
    /// What the names of our tables begin with; nothing by default.
    pub table_prefix: TablePrefix,
    /// Whether to open a file that another process has; no by default.
    pub is_guest: bool,
    /// Maximum number of looked-up tokens that are remembered, so that verifying them again does
    /// not read the file; 131,072 by default. With 0, each verification reads the file.
    pub index_capacity: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            table_prefix: TablePrefix::default(),
            is_guest: false,
            index_capacity: 1 << 17,
        }
    }
}

impl SqliteOptions {
    /// Sets the [`busy_timeout`](Self::busy_timeout).
    #[must_use]
    pub fn with_busy_timeout(self, busy_timeout: Duration) -> Self {
        Self {
            busy_timeout,
            ..self
        }
    }

    /// Opens the file even if another process has it. The store can then do everything that does
    /// not change or remove an existing token or owner, since the other process would not notice;
    /// such a change returns [`StoreError::Unavailable`] with a [`FileInUse`](crate::FileInUse).
    /// If no process has the file, this one takes it, and is no guest.
    #[must_use]
    pub fn as_guest(self) -> Self {
        Self {
            is_guest: true,
            ..self
        }
    }

    /// Sets the [`index_capacity`](Self::index_capacity).
    #[must_use]
    pub fn with_index_capacity(self, index_capacity: usize) -> Self {
        Self {
            index_capacity,
            ..self
        }
    }

    /// Sets the [`table_prefix`](Self::table_prefix), for a file that also has tables of others.
    /// Stores with different prefixes in one file have nothing in common.
    #[must_use]
    pub fn with_table_prefix(self, table_prefix: TablePrefix) -> Self {
        Self {
            table_prefix,
            ..self
        }
    }
}

/// A store in one SQLite file. [`connect`](SqlStore::connect) opens `sqlite://path` or
/// `sqlite:path`, relative to the working directory unless the path begins with `/`. A missing file
/// is created with mode 0600, unless the URL ends with `?mode=rw`; a missing directory is not
/// created.
///
/// One process at a time can have a file: a second one gets [`StoreError::Unavailable`] with a
/// [`FileInUse`](crate::FileInUse) when it connects, unless it is a
/// [guest](SqliteOptions::as_guest). So this process knows of every change, and a token that was
/// verified before is verified again without reading the file. Changes that are made to the file by
/// other means, such as the `sqlite3` command, take effect within a second.
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
    pub(crate) writer: Arc<Writer>,
    readers: SqlitePool,
    pub(crate) browsers: SqlitePool,
    lookup_options: SqliteConnectOptions,
    /// The beginning of the query of a lookup, up to the first digest.
    select: Arc<str>,
    pub(crate) options: SqliteOptions,
}

impl fmt::Debug for SqliteDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDatabase")
            .field("file", &self.writer.file)
            .finish_non_exhaustive()
    }
}

impl SqliteDatabase {
    /// Opens the file of a pool of the caller's, for a store beside the caller's tables. Pass the
    /// result to [`SqliteStore::new`](SqlStore::new).
    ///
    /// The store opens connections of its own, with the pool's connect options (such as a key or a
    /// VFS), and runs nothing on the pool, because its promises depend on settings that belong to a
    /// connection:
    ///
    /// - A connection of the pool may be in a transaction that began before a revocation, and would
    ///   return the token as live.
    /// - A change must be durable when it returns, and hold the write lock from its first read.
    ///   Ours set `synchronous = FULL` and `foreign_keys = ON`, and begin with `BEGIN IMMEDIATE`.
    /// - Searches are canceled when their caller is gone, and never delay token lookups.
    ///
    /// So the pool's maximum number of connections does not include ours: one for changes, four for
    /// short reads, two for lists and searches, and one for token lookups. Closing the store leaves
    /// the pool open, and the reverse.
    ///
    /// The store switches the file to the write-ahead log, so the pool must not set another journal
    /// mode, nor `locking_mode = EXCLUSIVE`. With `synchronous = OFF` in the pool, a crash of the
    /// system may lose changes of both: its checkpoints do not wait for the disk. After a change
    /// that the pool makes to the file, remembered tokens are read again, within 250 ms. A change
    /// waits for a transaction of the pool that writes, and fails after the
    /// [`busy_timeout`](SqliteOptions::busy_timeout); do not call the store while you are in one.
    ///
    /// ```
    /// use openindex_adapters_sqlite::{SqliteDatabase, SqliteOptions, SqliteStore, TablePrefix};
    /// use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("notes.db");
    /// let connect = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    /// let pool = SqlitePool::connect_with(connect).await?;
    /// sqlx::query("CREATE TABLE users (name TEXT)").execute(&pool).await?;
    ///
    /// let options = SqliteOptions::default().with_table_prefix(TablePrefix::parse("oi_")?);
    /// let store = SqliteStore::new(SqliteDatabase::beside(&pool, options).await?);
    /// store.migrate().await?;
    ///
    /// store.close().await;
    /// sqlx::query("INSERT INTO users VALUES ('Ada')").execute(&pool).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the pool's database is in memory, if its file name is a URI,
    /// if a pragma among its connect options overrides a setting of the store, or if the file
    /// cannot be opened or another process has it.
    pub async fn beside(pool: &SqlitePool, options: SqliteOptions) -> Result<Self> {
        // A pool that connects lazily may have yet to create the file.
        drop(pool.acquire().await.map_err(store_error)?);
        let connect = SqliteConnectOptions::clone(&pool.connect_options());
        let name = connect.get_filename().to_string_lossy();
        if name == ":memory:" || name.starts_with("file:") {
            return Err(StoreError::unavailable(
                "the pool's database is in memory, or its file name is a URI; specify the path of \
                 a file",
            ));
        }
        let connect = connect
            .in_memory(false)
            .shared_cache(false)
            .read_only(false);
        Self::open(connect.immutable(false), false, options).await
    }

    /// Opens the file, and creates it if it is missing and `create` is true.
    async fn open(
        connect: SqliteConnectOptions,
        create: bool,
        options: SqliteOptions,
    ) -> Result<Self> {
        let connect = connect
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout);
        let path = connect.get_filename().to_owned();
        let file = Arc::new(DatabaseFile::open(&path, create)?);
        let ownership = take(&file, options).await?;
        let index = NonZero::new(options.index_capacity).map(TokenIndex::new);
        let changes = Changes::new(options.table_prefix, index.filter(|_| ownership.is_ok()));
        // Connections last as long as the process: there is no server to relieve, and closing the
        // last one would make SQLite checkpoint the write-ahead log at an inconvenient time.
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(options.busy_timeout)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let watched = Arc::clone(&changes);
        let writer = open_writer(
            pool.clone()
                .max_connections(1)
                .after_connect(move |connection, _| {
                    let watched = Arc::clone(&watched);
                    Box::pin(async move { watched.watch(connection).await })
                }),
            connect
                .clone()
                .pragma("query_only", "OFF")
                .pragma("temp_store", "MEMORY")
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full),
            options.busy_timeout,
        )
        .await
        .map_err(|error| file_error(error, &path))?;
        check_settings(&writer, &WRITER).await?;
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
        // Those of browsers and lookups have the same options.
        check_settings(&readers, &READER).await?;
        file.record_log()?;
        // Opened on demand.
        let browsers = pool
            .max_connections(BROWSERS)
            .connect_lazy_with(connect.clone());
        let select = rows::select_record("t.digest IN (?");
        let select = options.table_prefix.statement(select.into());
        Ok(Self {
            // Room for the rows of a whole batch, so that the connection's thread does not pause in
            // the middle.
            lookup_options: connect.row_buffer_size(MAX_BATCH.get()),
            writer: Writer {
                pool: writer,
                file,
                changes,
                ownership,
            }
            .watched(),
            readers,
            browsers,
            select: select.into(),
            options,
        })
    }

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
        let prefix = self.options.table_prefix;
        let end = match call {
            Call::Read => {
                let mut connection = self.readers()?.acquire().await.map_err(store_error)?;
                work(Tx::new(&mut *connection, prefix)).await?
            }
            Call::Browse => {
                let mut browsing = self.browse().await?;
                work(Tx::new(browsing.connection(), prefix)).await?
            }
            Call::Change | Call::Count | Call::Maintenance => {
                let mut change = self.begin().await?;
                let end = work(Tx::new(&mut *change, prefix)).await?;
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
        let (connect, create) = parse(url)?;
        Self::open(connect, create, options).await
    }

    fn index(&self) -> Option<&TokenIndex> {
        self.writer.changes.index()
    }

    fn lookup_limits(&self) -> LookupLimits {
        LookupLimits {
            // Each has a thread. A second one adds no throughput, and the slowest lookups take
            // longer.
            batches_at_once: NonZero::<usize>::MIN,
            deadline: self.options.busy_timeout,
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
        let sql = format!("{}{})", self.select, ",?".repeat(length - 1));
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
        let migrated = self.apply_pending(parts).await;
        migrated.and(self.writer.watch().await)
    }

    async fn ready(&self, parts: Parts) -> Result<()> {
        self.check_schema(parts).await?;
        // Waits for the writer and for other processes, as a change does.
        let mut transaction = self.begin().await?;
        // On a read-only file, beginning the transaction alone would succeed.
        let nothing = "DELETE FROM rate_limits WHERE false".into();
        let nothing = self.options.table_prefix.statement(nothing);
        sqlx::query(AssertSqlSafe(nothing))
            .execute(&mut *transaction)
            .await
            .map_err(store_error)?;
        Ok(())
    }

    async fn close(&self) {
        self.writer.changes.stop();
        // The writer last: it checkpoints the write-ahead log once there are no more readers.
        self.browsers.close().await;
        self.readers.close().await;
        self.writer.pool.close().await;
        self.writer.release();
    }
}

/// Takes the file for this process, or returns who has it if the store may be a guest. Waits for a
/// server that is about to exit.
pub(crate) async fn take(
    file: &DatabaseFile,
    options: SqliteOptions,
) -> Result<Result<File, FileInUse>> {
    let deadline = Instant::now() + options.busy_timeout;
    let mut is_waiting = false;
    loop {
        match file.lock(options.table_prefix)? {
            Err(in_use) if !options.is_guest => {
                if Instant::now() > deadline {
                    return Err(StoreError::unavailable(in_use));
                }
                if !is_waiting {
                    tracing::info!(process = in_use.process, "waiting for the database file");
                    is_waiting = true;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            taken => return Ok(taken),
        }
    }
}

/// Settings of the connection for writes that the promises of the store depend on, and their
/// permitted values.
const WRITER: [(&str, &[&str]); 6] = [
    ("foreign_keys", &["1"]),
    ("ignore_check_constraints", &["0"]),
    ("journal_mode", &["wal"]),
    ("locking_mode", &["normal"]),
    ("read_uncommitted", &["0"]),
    ("synchronous", &["2", "3"]),
];

/// The same of a connection for reads.
const READER: [(&str, &[&str]); 3] = [
    ("journal_mode", &["wal"]),
    ("locking_mode", &["normal"]),
    ("read_uncommitted", &["0"]),
];

/// Fails unless a connection of the pool has these settings. All of its connections have the same
/// options, in which a pragma of the caller's may override ours: the driver compares names with
/// their case, SQLite without.
async fn check_settings(pool: &SqlitePool, required: &[(&str, &[&str])]) -> Result<()> {
    let mut connection = pool.acquire().await.map_err(store_error)?;
    for (pragma, permitted) in required {
        let setting = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
        let setting: String = sqlx::query_scalar(AssertSqlSafe(setting))
            .fetch_one(&mut *connection)
            .await
            .map_err(store_error)?;
        if !permitted.contains(&&*setting) {
            return Err(StoreError::unavailable(format!(
                "pragma {pragma} of the pool must be {} (got {setting}); remove it from the pool's \
                 connect options",
                permitted.join(" or ")
            )));
        }
    }
    Ok(())
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
            // A migration turns checks off, and one that failed has not turned them on again. This
            // also waits for a rollback in progress.
            sqlx::query("PRAGMA ignore_check_constraints = OFF")
                .execute(&mut *connection)
                .await?;
            // After some errors (such as a full disk) SQLite has already rolled back on its own,
            // and the driver still believes that it is in a transaction; such a connection must
            // not be used again.
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

/// Checks the URL of a store without opening its file.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if it is not valid.
pub fn check_url(url: &str) -> Result<()> {
    parse(url).map(drop)
}

/// Returns the path of the file of a URL, which may be relative to the working directory.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if the URL is not valid.
pub fn file_of(url: &str) -> Result<PathBuf> {
    Ok(parse(url)?.0.get_filename().to_owned())
}

/// Parses the URL. Returns whether to create a missing file, too.
fn parse(url: &str) -> Result<(SqliteConnectOptions, bool)> {
    let (location, create) = location(url)?;
    Ok((location.parse().map_err(store_error)?, create))
}

/// Splits the URL into the location of the file and whether to create a missing one.
pub(crate) fn location(url: &str) -> Result<(&str, bool)> {
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
    async fn changes_are_durable_whatever_the_pool_sets() {
        let directory = tempfile::tempdir().expect("a directory");
        let connect = SqliteConnectOptions::new()
            .filename(directory.path().join("notes.db"))
            .create_if_missing(true)
            .synchronous(SqliteSynchronous::Off);
        let pool = SqlitePool::connect_lazy_with(connect);
        let database = SqliteDatabase::beside(&pool, SqliteOptions::default()).await;
        let database = database.expect("a database");
        for (pragma, expected) in [("synchronous", "2"), ("journal_mode", "wal")] {
            let set = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
            let set: String = sqlx::query_scalar(AssertSqlSafe(set))
                .fetch_one(&database.writer.pool)
                .await
                .expect("a setting");
            assert_eq!(set, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_checks_in_effect() {
        let directory = tempfile::tempdir().expect("a directory");
        let connect = SqliteConnectOptions::new()
            .filename(directory.path().join("notes.db"))
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(connect).await.expect("a file");
        let before = sqlx::migrate!().run_to(21, &pool).await;
        before.expect("the schema before owners");
        // Renaming the rebuilt table fails, since the view is broken by then.
        let view = "CREATE VIEW theirs AS SELECT id FROM tokens";
        sqlx::query(view).execute(&pool).await.expect("a view");
        let database = SqliteDatabase::beside(&pool, SqliteOptions::default()).await;
        let database = database.expect("a database");
        let failed = database.migrate(Parts::ALL).await;
        assert!(format!("{failed:?}").contains("view theirs"), "{failed:?}");
        let mut change = database.begin().await.expect("a transaction");
        let ignored: bool = sqlx::query_scalar("PRAGMA ignore_check_constraints")
            .fetch_one(&mut *change)
            .await
            .expect("a setting");
        assert!(!ignored);
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
