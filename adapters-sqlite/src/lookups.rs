//! Lookups of tokens by digest, many at once, on dedicated connections: a pool would wake a
//! connection's thread once more whenever it is returned.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openindex_adapters_sql::rows;
use openindex_coalescing::{FoundToken, MAX_BATCH, Observer, TokenLookups, TokenTable};
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::error::store_error;
use crate::file::DatabaseFile;
use crate::statements::SqliteRow;

/// How many batches of lookups run at once. Each has a thread; a second one adds no throughput, and
/// the slowest lookups take longer.
const BATCHES_AT_ONCE: NonZero<usize> = NonZero::<usize>::MIN;

/// The connections for lookups, opened on demand.
pub(crate) struct LookupConnections {
    connect: SqliteConnectOptions,
    file: Arc<DatabaseFile>,
    /// The idle connections; `None` once the store is closed.
    idle: Mutex<Option<Vec<SqliteConnection>>>,
}

/// The lookups, and their connections to close them.
#[derive(Clone)]
pub(crate) struct Lookups {
    tokens: TokenLookups<Arc<LookupConnections>>,
    connections: Arc<LookupConnections>,
}

impl Lookups {
    pub(crate) fn new(
        connect: SqliteConnectOptions,
        file: Arc<DatabaseFile>,
        deadline: Duration,
        observer: Option<Observer>,
    ) -> Self {
        let connections = Arc::new(LookupConnections {
            // Room for the rows of a whole batch, so that the connection's thread does not pause in
            // the middle.
            connect: connect.row_buffer_size(MAX_BATCH.get()),
            file,
            idle: Mutex::new(Some(Vec::new())),
        });
        Self {
            tokens: TokenLookups::new(connections.clone(), BATCHES_AT_ONCE, deadline, observer),
            connections,
        }
    }

    pub(crate) async fn find(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.tokens.find(digest).await
    }

    /// Returns the same lookups with an observer.
    pub(crate) fn observed(&self, deadline: Duration, observer: Observer) -> Self {
        let LookupConnections { connect, file, .. } = &*self.connections;
        Self::new(connect.clone(), file.clone(), deadline, Some(observer))
    }

    /// Closes the connections; those in use are closed when they are returned.
    pub(crate) async fn close(&self) {
        let idle = self.connections.idle().take();
        for connection in idle.into_iter().flatten() {
            // These connections only read.
            let _ = connection.close().await;
        }
    }
}

impl TokenTable for LookupConnections {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        let idle = self.idle().as_mut().map(Vec::pop);
        let idle = idle.ok_or_else(|| store_error(sqlx::Error::PoolClosed))?;
        let mut connection = match idle {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.connect)
                .await
                .map_err(store_error)?,
        };
        // Checked after connecting: a new connection could be on another file than the rest.
        self.file.check()?;
        // If the future is dropped, so is the connection: its unread rows must not reach another
        // caller.
        let rows = look_up(&mut connection, digests).await?;
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
        rows.iter().map(read).collect()
    }
}

async fn look_up(
    connection: &mut SqliteConnection,
    digests: &[Digest],
) -> Result<Vec<SqliteRow>, StoreError> {
    // Padded to a power of two with the last digest, so that only a few statements are prepared.
    let length = digests.len().next_power_of_two();
    let sql = rows::select_record(&format!("t.digest IN (?{})", ",?".repeat(length - 1)));
    let filled = digests.iter().chain(digests.last().into_iter().cycle());
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for digest in filled.take(length) {
        query = query.bind(&digest.as_bytes()[..]);
    }
    let found = query.fetch_all(connection).await.map_err(store_error)?;
    Ok(found.into_iter().map(SqliteRow).collect())
}

fn read(row: &SqliteRow) -> Result<FoundToken, StoreError> {
    let digest = row.0.try_get("digest").map_err(store_error)?;
    let digest = Digest::from_stored(digest).map_err(StoreError::corrupt)?;
    Ok((digest, rows::record(row)))
}

impl LookupConnections {
    // The mutex cannot be poisoned: nothing panics while it is locked.
    fn idle(&self) -> MutexGuard<'_, Option<Vec<SqliteConnection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
