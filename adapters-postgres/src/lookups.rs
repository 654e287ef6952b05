//! Lookups of tokens by digest, many at once, on dedicated connections: a pool would ping each
//! connection whenever it is returned.

use std::num::NonZero;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use openindex_adapters_sql::rows;
use openindex_coalescing::{FoundToken, Observer, TokenLookups, TokenTable};
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::PoolOptions;
use crate::error::{connect_error, is_broken, store_error};
use crate::options::READ_WRITE;
use crate::pooling::{PoolMode, Pooling};
use crate::statements::PgRow;

/// The connections for lookups, opened on demand.
pub(crate) struct LookupConnections {
    connect: PgConnectOptions,
    options: PoolOptions,
    pooling: Pooling,
    /// The idle connections; `None` once the store is closed.
    idle: Mutex<Option<Vec<PgConnection>>>,
}

/// The lookups, and their connections to close them.
#[derive(Clone)]
pub(crate) struct Lookups {
    tokens: TokenLookups<Arc<LookupConnections>>,
    connections: Arc<LookupConnections>,
}

impl Lookups {
    pub(crate) fn new(
        connect: PgConnectOptions,
        options: PoolOptions,
        pooling: Pooling,
        observer: Option<Observer>,
    ) -> Self {
        let batches_at_once = NonZero::try_from(options.lookup_connections);
        let batches_at_once = batches_at_once.unwrap_or(NonZero::<usize>::MIN);
        let deadline = options.acquire_timeout;
        let connections = Arc::new(LookupConnections {
            connect,
            options,
            pooling,
            idle: Mutex::new(Some(Vec::new())),
        });
        Self {
            tokens: TokenLookups::new(connections.clone(), batches_at_once, deadline, observer),
            connections,
        }
    }

    pub(crate) async fn find(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.tokens.find(digest).await
    }

    /// Closes the connections; those in use are closed when they are returned.
    pub(crate) async fn close(&self) {
        let idle = self.connections.idle().take();
        for connection in idle.into_iter().flatten() {
            // The server notices either way.
            let _ = connection.close().await;
        }
    }
}

impl TokenTable for LookupConnections {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        let idle = self.idle().as_mut().map(Vec::pop);
        let idle = idle.ok_or_else(|| store_error(sqlx::Error::PoolClosed))?;
        if let Some(connection) = idle {
            match self.look_up(connection, digests).await {
                // The server was restarted or ended the session while it was idle. It returned
                // nothing, so asking again on a new connection cannot return anything stale.
                Err(error) if is_broken(&error) => {}
                rows => return read(rows),
            }
        }
        let mode = self.pooling.mode().await?;
        let classified = |error| connect_error(error, &self.connect);
        let connected = PgConnection::connect_with(&self.connect).await;
        let mut connection = connected.map_err(classified)?;
        // Rejects a standby.
        self.options
            .begin_session(&mut connection, mode, &plan("SESSION"))
            .await
            .map_err(classified)?;
        read(self.look_up(connection, digests).await)
    }
}

impl LookupConnections {
    /// Runs the query on this connection, which becomes idle again if it still works. If the future
    /// is dropped, so is the connection: its unread rows must not reach another caller.
    async fn look_up(
        &self,
        mut connection: PgConnection,
        digests: &[Digest],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let keys: Vec<&[u8]> = digests
            .iter()
            .map(|digest| &digest.as_bytes()[..])
            .collect();
        let rows = match self.pooling.known() {
            PoolMode::Session => select(&mut connection, keys).await,
            PoolMode::Transaction => self.select_through_pooler(&mut connection, keys).await,
        };
        if !rows.as_ref().is_err_and(is_broken)
            && let Some(idle) = self.idle().as_mut()
        {
            idle.push(connection);
        }
        rows
    }

    async fn select_through_pooler(
        &self,
        connection: &mut PgConnection,
        keys: Vec<&[u8]>,
    ) -> sqlx::Result<Vec<PgRow>> {
        // Read-write, so that a standby rejects it: the pooler may point at one by now.
        let begin = self.options.begin_for_pooler(READ_WRITE) + &plan("LOCAL");
        let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
        let rows = select(&mut transaction, keys).await;
        transaction.clear_cached_statements().await?;
        transaction.commit().await?;
        rows
    }

    // The mutex cannot be poisoned: nothing panics while it is locked.
    fn idle(&self) -> std::sync::MutexGuard<'_, Option<Vec<PgConnection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Settings for the only statement of these connections, which has one good plan: each token by the
/// index on digests, and its owner by id. The server would otherwise plan it again for each list,
/// which takes longer than the query itself, or read all users for a few tokens.
fn plan(scope: &str) -> String {
    format!(
        "SET {scope} plan_cache_mode = force_generic_plan; SET {scope} enable_seqscan = off; \
         SET {scope} enable_hashjoin = off; SET {scope} enable_mergejoin = off; "
    )
}

async fn select(connection: &mut PgConnection, keys: Vec<&[u8]>) -> sqlx::Result<Vec<PgRow>> {
    static SELECT: LazyLock<String> = LazyLock::new(|| rows::select_record("t.digest = ANY ($1)"));
    let found = sqlx::query(AssertSqlSafe(SELECT.as_str())).bind(keys);
    let found = found.fetch_all(connection).await?;
    Ok(found.into_iter().map(PgRow).collect())
}

fn read(rows: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<FoundToken>, StoreError> {
    rows.map_err(store_error)?
        .iter()
        .map(|row| {
            let digest = row.0.try_get("digest").map_err(store_error)?;
            let digest = Digest::from_stored(digest).map_err(StoreError::corrupt)?;
            Ok((digest, rows::record(row)))
        })
        .collect()
}
