//! Connection options, sessions and timeouts.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use openindex_adapters_sql::TablePrefix;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::sync::Semaphore;

use crate::hosts::{self, Hosts};
use crate::pooling::{PoolMode, Pooling};

/// Makes commits of the session or transaction survive a crash of the server, where the default is
/// asynchronous. A stronger setting stays.
macro_rules! synchronous_commit {
    ($local:literal) => {
        concat!(
            "CASE current_setting('synchronous_commit') \
             WHEN 'off' THEN set_config('synchronous_commit', 'on', ",
            $local,
            ") END"
        )
    };
}
/// Resets the defaults of a role or a database that the statements here depend on. What the driver
/// depends on, such as the client encoding, it sets itself.
const DEFAULTS: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET standard_conforming_strings = on; ";

/// How long a server waits for another one that is migrating.
const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_mins(1);

/// The limit for operations that touch many rows: last-used times, purges, bulk revocation.
pub(crate) const MAINTENANCE_TIMEOUT: Duration = Duration::from_mins(1);

/// Begins a change. Its reads must see what was committed while it waited for locks, so the
/// isolation level does not depend on the server's default.
pub(crate) const READ_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// Begins a read of several statements.
pub(crate) const READ_ONLY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/// Begins a transaction that reads one state of the database.
pub(crate) const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The limit for such a transaction, which may read every row.
pub(crate) const SNAPSHOT_TIMEOUT: Duration = Duration::from_hours(24);

/// How many connections a store opens, and how long a call waits before it returns
/// [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// Maximum number of open connections for everything except token lookups; 10 by default. The
    /// server's `max_connections` must allow these and `lookup_connections` for every replica.
    pub max_connections: u32,
    /// Number of connections reserved for token lookups; 2 by default. Each runs one batch of
    /// lookups at a time.
    pub lookup_connections: NonZero<u32>,
    /// How long a call waits for a connection, whether all are in use or the server does not
    /// respond; 3 s by default. (If the URL lists several hosts, a third of this passes before the
    /// primary is searched for, and a call may then wait as long again.) A token lookup waits up to
    /// this long for its batch to be sent, and as long for the result. One statement, including its
    /// wait for locks, may take twice as long, and a whole call three times as long once it has a
    /// connection. Calls that count an attempt, and those that scan many rows (lists, searches and
    /// the queue of work items, the audit log, admin tokens and their statistics), first wait up to
    /// this long for a permit; a statement that scans many rows may take no longer than this.
    pub acquire_timeout: Duration,
    /// What the names of our tables begin with; nothing by default. Set it for a database that also
    /// has tables of others. Stores with different prefixes in one database have nothing in common.
    pub table_prefix: TablePrefix,
}

/// Semaphores that limit how many calls of one kind run at once.
#[derive(Clone)]
pub(crate) struct Permits {
    pub(crate) counting: Arc<Semaphore>,
    pub(crate) browsing: Arc<Semaphore>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            lookup_connections: NonZero::new(2).unwrap_or(NonZero::<u32>::MIN),
            acquire_timeout: Duration::from_secs(3),
            table_prefix: TablePrefix::default(),
        }
    }
}

impl PoolOptions {
    /// Sets [`max_connections`](Self::max_connections).
    #[must_use]
    pub fn with_max_connections(self, max_connections: u32) -> Self {
        Self {
            max_connections,
            ..self
        }
    }

    /// Sets [`lookup_connections`](Self::lookup_connections).
    #[must_use]
    pub fn with_lookup_connections(self, lookup_connections: NonZero<u32>) -> Self {
        Self {
            lookup_connections,
            ..self
        }
    }

    /// Sets the [`acquire_timeout`](Self::acquire_timeout).
    #[must_use]
    pub fn with_acquire_timeout(self, acquire_timeout: Duration) -> Self {
        Self {
            acquire_timeout,
            ..self
        }
    }

    /// Sets the [`table_prefix`](Self::table_prefix).
    #[must_use]
    pub fn with_table_prefix(self, table_prefix: TablePrefix) -> Self {
        Self {
            table_prefix,
            ..self
        }
    }

    /// Returns the limit for a call, from when it has a connection.
    pub(crate) fn call_timeout(self) -> Duration {
        self.acquire_timeout * 3
    }

    /// Returns the permits to count attempts and to scan many rows. However many such calls there
    /// are, some connections stay free, unless there is only one.
    pub(crate) fn permits(self) -> Permits {
        let at_once = if self.max_connections > 4 { 2 } else { 1 };
        let counting = Arc::new(Semaphore::new(at_once));
        let browsing = if self.max_connections > 2 {
            Arc::new(Semaphore::new(at_once))
        } else {
            // Both kinds share one permit.
            Arc::clone(&counting)
        };
        Permits { counting, browsing }
    }

    /// Returns the limit for one statement that scans many rows.
    pub(crate) fn browse_timeout(self) -> Duration {
        self.acquire_timeout
    }

    /// Returns a pool for changes, and for all reads except token lookups. It connects on first
    /// use.
    pub(crate) fn pool(self, connect: PgConnectOptions, pooling: Pooling, hosts: &Hosts) -> PgPool {
        let (admitted, current) = (hosts.clone(), hosts.clone());
        PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            // Instead of the pool's own test, which would wait for a former primary that is silent.
            .test_before_acquire(false)
            // Costs a round trip, and saves the first calls after a restart of the server an error.
            // Token lookups, which are in a hurry, do not use this pool.
            .before_acquire(move |connection, meta| {
                let is_current = current.is_current(meta.age);
                Box::pin(async move { Ok(is_current && connection.ping().await.is_ok()) })
            })
            .after_connect(move |connection, _| {
                let (mode, hosts) = (pooling.known(), admitted.clone());
                Box::pin(async move { self.begin_session(connection, mode, &hosts, "").await })
            })
            .connect_lazy_with(connect)
    }

    /// Prepares a new connection: rejects a standby and a former primary and, if the session is not
    /// shared, applies the timeouts and `extra`. They are set here because poolers reject them as
    /// startup parameters. Statements of the session's previous client are dropped first: a pooler
    /// whose `server_reset_query` is empty keeps them, and their names would clash with ours.
    pub(crate) async fn begin_session(
        self,
        connection: &mut PgConnection,
        mode: PoolMode,
        hosts: &Hosts,
        extra: &str,
    ) -> sqlx::Result<()> {
        if mode == PoolMode::Session {
            let begin = format!(
                "DEALLOCATE ALL; {DEFAULTS}{}{extra}",
                self.settings("SESSION")
            );
            sqlx::raw_sql(AssertSqlSafe(begin))
                .execute(&mut *connection)
                .await?;
        }
        check_session(connection, hosts).await
    }

    /// Returns the statements that limit how long the server works or waits for a call, in a
    /// `SESSION` or one transaction (`LOCAL`). They also turn a row security policy that hides rows
    /// into an error: a hidden token must not look like one that does not exist.
    pub(crate) fn settings(self, scope: &str) -> String {
        let statement = milliseconds(self.acquire_timeout * 2);
        // A client that vanished must not hold a user's lock for long.
        let idle = milliseconds(self.call_timeout());
        format!(
            "SET {scope} statement_timeout = {statement}; SET {scope} lock_timeout = {statement}; \
             SET {scope} idle_in_transaction_session_timeout = {idle}; \
             SET {scope} row_security = off; "
        )
    }

    /// Returns the statements that begin a transaction through a pooler in transaction mode;
    /// `access` is the BEGIN.
    pub(crate) fn begin_for_pooler(self, access: &str) -> String {
        format!(
            "{access}; {}SELECT {}; ",
            self.settings("LOCAL"),
            synchronous_commit!("true")
        )
    }

    /// Returns a pool of one connection without a statement timeout, for migrations. The advisory
    /// lock belongs to the session: closing the pool releases it in every case.
    pub(crate) fn migration_pool(self, connect: PgConnectOptions) -> PgPool {
        let settings = format!(
            "DEALLOCATE ALL; {DEFAULTS}SET statement_timeout = 0; SET lock_timeout = {}",
            milliseconds(MIGRATION_LOCK_TIMEOUT)
        );
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.acquire_timeout)
            .after_connect(move |connection, _| {
                let settings = sqlx::raw_sql(AssertSqlSafe(settings.clone()));
                Box::pin(async move { settings.execute(connection).await.map(|_| ()) })
            })
            .connect_lazy_with(connect)
    }
}

/// Rejects a standby, which would return revoked tokens as live, and a database that cannot store
/// every text. Checked once per session: a server that becomes a standby ends its sessions first.
async fn check_session(connection: &mut PgConnection, hosts: &Hosts) -> sqlx::Result<()> {
    // Some services that look like PostgreSQL have no log files.
    let log_file = if hosts.are_several() {
        hosts::LOG_FILE
    } else {
        "''"
    };
    let row = sqlx::raw_sql(AssertSqlSafe(format!(
        "SELECT pg_is_in_recovery(), current_setting('server_encoding'), {}, {log_file}",
        synchronous_commit!("false")
    )))
    .fetch_one(connection)
    .await?;
    if row.try_get(0)? {
        return Err(sqlx::Error::Configuration(
            "the database is a read-only standby; point the database URL at the primary".into(),
        ));
    }
    let encoding: &str = row.try_get(1)?;
    if encoding != "UTF8" {
        let message = format!(
            "database encoding must be UTF8 (got {encoding}); create the database with `createdb \
             --encoding=UTF8 --template=template0`"
        );
        return Err(sqlx::Error::Configuration(message.into()));
    }
    hosts.check(row.try_get(3)?)
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    // Zero would disable the limit.
    duration.as_millis().max(1).to_string()
}
