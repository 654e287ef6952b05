//! How a store connects, and how long it waits for what.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Row as _};
use tokio::sync::Semaphore;

use crate::pooling::{PoolMode, Pooling};

/// Makes commits of the session or transaction survive a crash of the server, where asynchronous
/// ones are the default. A stronger setting stays.
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
/// Undoes what a role or a database may have as defaults and what statements here depend on. What the
/// driver depends on, such as the encoding of the client, it sets itself.
const DEFAULTS: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE; \
     SET standard_conforming_strings = on; ";

/// How long a server waits for another that is migrating.
const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_mins(1);

/// How long what touches many rows may take: last-used times, the purges, bulk revocation.
pub(crate) const UPKEEP_TIMEOUT: Duration = Duration::from_mins(1);

/// Begins a change. Reads must see what was committed while the change waited for its locks, so the
/// isolation level is not left to the server's default.
pub(crate) const READ_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// Begins what reads in several statements.
pub(crate) const READ_ONLY: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/// How many connections a store opens, and how long it waits before a call is
/// [`StoreError::Unavailable`](openindex_domain::StoreError::Unavailable).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// The most connections that are open at the same time for all but lookups of tokens, by default
    /// 10. Together with those and with the other replicas' they must fit into the server's
    /// `max_connections`.
    pub max_connections: u32,
    /// The connections for lookups of tokens, which nothing else can take; by default 2. Each has one
    /// batch of lookups under way.
    pub lookup_connections: NonZero<u32>,
    /// How long a call waits for a connection, by default 3 s: for one that others use, or for a
    /// new one to a server that does not answer. A lookup of a token waits as long for its batch to
    /// leave, and as long for the answer. One statement, and within it the wait for a lock,
    /// may take twice as long, and a whole call three times as long from when it has a connection.
    /// Counting an attempt, and what looks through many rows (lists, searches and the queue of work
    /// items, pages of the trail, the inventory and its figures), may wait as long for a turn
    /// before; of the latter, one statement may take no longer than this.
    pub acquire_timeout: Duration,
}

/// What few calls may do at the same time, by what it is.
#[derive(Clone)]
pub(crate) struct Turns {
    pub(crate) counting: Arc<Semaphore>,
    pub(crate) browsing: Arc<Semaphore>,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_connections: 10,
            lookup_connections: NonZero::new(2).unwrap_or(NonZero::<u32>::MIN),
            acquire_timeout: Duration::from_secs(3),
        }
    }
}

impl PoolOptions {
    /// The most time between having a connection and having the answer.
    pub(crate) fn call_timeout(self) -> Duration {
        self.acquire_timeout * 3
    }

    /// The turns to count attempts, and those to look through many rows. However many calls want
    /// one, connections are left to lookups, unless there is only one.
    pub(crate) fn turns(self) -> Turns {
        let at_once = if self.max_connections > 4 { 2 } else { 1 };
        let counting = Arc::new(Semaphore::new(at_once));
        let browsing = if self.max_connections > 2 {
            Arc::new(Semaphore::new(at_once))
        } else {
            // They take turns with each other.
            Arc::clone(&counting)
        };
        Turns { counting, browsing }
    }

    /// The most time that one statement may take which looks through many rows.
    pub(crate) fn browse_timeout(self) -> Duration {
        self.acquire_timeout
    }

    /// A pool for changes, and for reads of all but tokens by their digests. It connects when it is first used.
    pub(crate) fn pool(self, connect: PgConnectOptions, pooling: Pooling) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.max_connections)
            .acquire_timeout(self.acquire_timeout)
            // Costs a round trip, and saves whoever comes after a restart of the server an error. What
            // is in a hurry, lookups of tokens, does not come here.
            .test_before_acquire(true)
            .after_connect(move |connection, _| {
                let mode = pooling.known();
                Box::pin(async move { self.begin_session(connection, mode, "").await })
            })
            .connect_lazy_with(connect)
    }

    /// Makes a new connection ready for use: refuses a standby, and sets the timeouts and `extra`
    /// where the session is ours. They are set afterwards, since poolers refuse them as startup
    /// parameters. Statements of a session's former owner are dropped first: a pooler whose
    /// `server_reset_query` is empty leaves them, and their names are ours, too.
    pub(crate) async fn begin_session(
        self,
        connection: &mut PgConnection,
        mode: PoolMode,
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
        check_session(connection).await
    }

    /// Returns the statements that bound how long the server works or waits for a call, in a `SESSION`
    /// or one transaction (`LOCAL`). A policy that hides rows is an error with them: a token that
    /// cannot be seen must not be taken for one that does not exist.
    pub(crate) fn settings(self, scope: &str) -> String {
        let statement = milliseconds(self.acquire_timeout * 2);
        // A client that vanished does not hold an owner's lock for long.
        let idle = milliseconds(self.call_timeout());
        format!(
            "SET {scope} statement_timeout = {statement}; SET {scope} lock_timeout = {statement}; \
             SET {scope} idle_in_transaction_session_timeout = {idle}; \
             SET {scope} row_security = off; "
        )
    }

    /// Begins a transaction, as `access` says, in a session that is ours for no longer than that.
    pub(crate) fn begin_lent(self, access: &str) -> String {
        format!(
            "{access}; {}SELECT {}; ",
            self.settings("LOCAL"),
            synchronous_commit!("true")
        )
    }

    /// A pool of one connection, on which a migration may take its time. The advisory lock is the
    /// session's: closing the pool gives it up, whatever happened.
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

/// Refuses a standby, which would return revoked tokens as live, and a database that cannot hold every
/// text. Asked once a session: a server that becomes a standby ends its sessions first.
async fn check_session(connection: &mut PgConnection) -> sqlx::Result<()> {
    let row = sqlx::raw_sql(concat!(
        "SELECT pg_is_in_recovery(), current_setting('server_encoding'), ",
        synchronous_commit!("false")
    ))
    .fetch_one(connection)
    .await?;
    if row.try_get(0)? {
        return Err(sqlx::Error::Configuration(
            "the database is a read-only standby; point the database URL at the primary".into(),
        ));
    }
    let encoding: &str = row.try_get(1)?;
    if encoding != "UTF8" {
        let told = format!(
            "database encoding must be UTF8 (got {encoding}); create the database with `createdb \
             --encoding=UTF8 --template=template0`"
        );
        return Err(sqlx::Error::Configuration(told.into()));
    }
    Ok(())
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    // Zero would mean no limit at all.
    duration.as_millis().max(1).to_string()
}
