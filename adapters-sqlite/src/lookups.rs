//! Tokens by their digests, many at once, on connections that do nothing else: a pool would wake a
//! connection's thread once more whenever it is given back.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openindex_coalescing::{FoundToken, MAX_BATCH, Observer, TokenLookups, TokenTable};
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::error::store_error;
use crate::file::DatabaseFile;
use crate::rows;
use crate::rows::select_record;

/// Batches of lookups that are under way at once. Each has a thread of its own; with a second one no more
/// are answered, and the slowest take longer.
const LANES: NonZero<usize> = NonZero::<usize>::MIN;

/// The connections for lookups, which are opened when they are needed.
pub(crate) struct LookupConnections {
    connect: SqliteConnectOptions,
    file: Arc<DatabaseFile>,
    /// Those on which nothing is under way. `None` once the store is closed.
    resting: Mutex<Option<Vec<SqliteConnection>>>,
}

/// Lookups, and a hand on their connections.
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
            // A whole batch of answers, so that the connection's thread need not stop in the midst of it.
            connect: connect.row_buffer_size(MAX_BATCH.get()),
            file,
            resting: Mutex::new(Some(Vec::new())),
        });
        Self {
            tokens: TokenLookups::new(connections.clone(), LANES, deadline, observer),
            connections,
        }
    }

    pub(crate) async fn find(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.tokens.find(digest).await
    }

    /// The same lookups, with an observer.
    pub(crate) fn observed(&self, deadline: Duration, observer: Observer) -> Self {
        let LookupConnections { connect, file, .. } = &*self.connections;
        Self::new(connect.clone(), file.clone(), deadline, Some(observer))
    }

    /// Closes the connections; those that are in use are closed when they are given back.
    pub(crate) async fn close(&self) {
        let resting = self.connections.resting().take();
        for connection in resting.into_iter().flatten() {
            // Nothing was written on it.
            let _ = connection.close().await;
        }
    }
}

impl TokenTable for LookupConnections {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        let resting = self.resting().as_mut().map(Vec::pop);
        let resting = resting.ok_or_else(|| store_error(sqlx::Error::PoolClosed))?;
        let mut connection = match resting {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.connect)
                .await
                .map_err(store_error)?,
        };
        // After a connection was opened, or it could be on another file than the rest.
        self.file.check()?;
        // When this is dropped in the middle, so is the connection: nobody else reads the rest of
        // the answer.
        let rows = ask(&mut connection, digests).await?;
        if let Some(resting) = self.resting().as_mut() {
            resting.push(connection);
        }
        rows.iter().map(read).collect()
    }
}

async fn ask(
    connection: &mut SqliteConnection,
    digests: &[Digest],
) -> Result<Vec<SqliteRow>, StoreError> {
    // Statements of few lengths, so that each is prepared once; the last digest fills up the rest.
    let length = digests.len().next_power_of_two();
    let mut sql = String::with_capacity(1_024 + 2 * length);
    sql.push_str(select_record!("t.digest IN (?"));
    for _ in 1..length {
        sql.push_str(",?");
    }
    sql.push(')');
    let filled = digests.iter().chain(digests.last().into_iter().cycle());
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for digest in filled.take(length) {
        query = query.bind(&digest.as_bytes()[..]);
    }
    query.fetch_all(connection).await.map_err(store_error)
}

fn read(row: &SqliteRow) -> Result<FoundToken, StoreError> {
    let digest = row.try_get("digest").map_err(store_error)?;
    let digest = Digest::from_stored(digest).map_err(StoreError::corrupt)?;
    Ok((digest, rows::record(row)))
}

impl LookupConnections {
    // No panic is possible between taking the lock and giving it up.
    fn resting(&self) -> MutexGuard<'_, Option<Vec<SqliteConnection>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
