//! Tokens by their digests, many at once, on connections that do nothing else: a pool would ask each
//! of them whether it is still there whenever it is given back.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use openindex_coalescing::{FoundToken, Observer, TokenLookups, TokenTable};
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::PoolOptions;
use crate::error::{connect_error, is_broken, store_error};
use crate::options::READ_WRITE;
use crate::pooling::{PoolMode, Pooling};
use crate::rows;
use crate::rows::select_record;

/// The connections for lookups, which are opened when they are needed.
pub(crate) struct LookupConnections {
    connect: PgConnectOptions,
    options: PoolOptions,
    pooling: Pooling,
    /// Those on which nothing is under way. `None` once the store is closed.
    resting: Mutex<Option<Vec<PgConnection>>>,
}

/// Lookups, and a hand on their connections.
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
        let lanes = NonZero::try_from(options.lookup_connections);
        let lanes = lanes.unwrap_or(NonZero::<usize>::MIN);
        let deadline = options.acquire_timeout;
        let connections = Arc::new(LookupConnections {
            connect,
            options,
            pooling,
            resting: Mutex::new(Some(Vec::new())),
        });
        Self {
            tokens: TokenLookups::new(connections.clone(), lanes, deadline, observer),
            connections,
        }
    }

    pub(crate) async fn find(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.tokens.find(digest).await
    }

    /// Closes the connections; those that are in use are closed when they are given back.
    pub(crate) async fn close(&self) {
        let resting = self.connections.resting().take();
        for connection in resting.into_iter().flatten() {
            // The server notices in any case.
            let _ = connection.close().await;
        }
    }
}

impl TokenTable for LookupConnections {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        let resting = self.resting().as_mut().map(Vec::pop);
        let resting = resting.ok_or_else(|| store_error(sqlx::Error::PoolClosed))?;
        if let Some(connection) = resting {
            match self.ask(connection, digests).await {
                // The server was restarted, or ended the session, while nobody looked. Nothing was
                // answered, so nothing is stale when another one is asked.
                Err(error) if is_broken(&error) => {}
                answer => return read(answer),
            }
        }
        let mode = self.pooling.mode().await?;
        let sorted = |error| connect_error(error, &self.connect);
        let connected = PgConnection::connect_with(&self.connect).await;
        let mut connection = connected.map_err(sorted)?;
        // A standby is no answer, and none may be had from it.
        self.options
            .begin_session(&mut connection, mode, &plan("SESSION"))
            .await
            .map_err(sorted)?;
        read(self.ask(connection, digests).await)
    }
}

impl LookupConnections {
    /// Asks on this connection, which is given back when it is in order afterwards. When this is
    /// dropped in the middle, so is the connection: nobody else reads the rest of the answer.
    async fn ask(
        &self,
        mut connection: PgConnection,
        digests: &[Digest],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let keys: Vec<&[u8]> = digests
            .iter()
            .map(|digest| &digest.as_bytes()[..])
            .collect();
        let answer = match self.pooling.known() {
            PoolMode::Session => select(&mut connection, keys).await,
            PoolMode::Transaction => self.select_lent(&mut connection, keys).await,
        };
        if !answer.as_ref().is_err_and(is_broken)
            && let Some(resting) = self.resting().as_mut()
        {
            resting.push(connection);
        }
        answer
    }

    async fn select_lent(
        &self,
        connection: &mut PgConnection,
        keys: Vec<&[u8]>,
    ) -> sqlx::Result<Vec<PgRow>> {
        // Not read-only: so a standby refuses it, to which the pooler may lead this time.
        let begin = self.options.begin_lent(READ_WRITE) + &plan("LOCAL");
        let mut transaction = connection.begin_with(AssertSqlSafe(begin)).await?;
        let answer = select(&mut transaction, keys).await;
        transaction.clear_cached_statements().await?;
        transaction.commit().await?;
        answer
    }

    // No panic is possible between taking the lock and giving it up.
    fn resting(&self) -> std::sync::MutexGuard<'_, Option<Vec<PgConnection>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one statement that is asked here has one good plan: each token by the index on digests, and
/// its owner by their id. The server would otherwise plan it anew for each list, which takes longer
/// than to follow the plan, or read all users for a few tokens.
fn plan(scope: &str) -> String {
    format!(
        "SET {scope} plan_cache_mode = force_generic_plan; SET {scope} enable_seqscan = off; \
         SET {scope} enable_hashjoin = off; SET {scope} enable_mergejoin = off; "
    )
}

async fn select(connection: &mut PgConnection, keys: Vec<&[u8]>) -> sqlx::Result<Vec<PgRow>> {
    sqlx::query(select_record!("t.digest = ANY ($1)"))
        .bind(keys)
        .fetch_all(connection)
        .await
}

fn read(answer: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<FoundToken>, StoreError> {
    answer
        .map_err(store_error)?
        .iter()
        .map(|row| {
            let digest = row.try_get("digest").map_err(store_error)?;
            let digest = Digest::from_stored(digest).map_err(StoreError::corrupt)?;
            Ok((digest, rows::record(row)))
        })
        .collect()
}
