//! Lookups of tokens by digest, many at once, on dedicated connections: a pool would do more work
//! whenever one is returned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openindex_coalescing::{FoundToken, Observer, TokenLookups, TokenTable};
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};

use crate::database::{Database, LookupFailure, LookupLimits};
use crate::row::Row;
use crate::rows;

/// The lookups of a store and their connections, opened on demand. Clones share them.
#[derive(Clone)]
pub(crate) struct Lookups<D: Database> {
    tokens: TokenLookups<Arc<Connections<D>>>,
    connections: Arc<Connections<D>>,
}

struct Connections<D: Database> {
    database: D,
    /// The idle connections; `None` once the store is closed.
    idle: Mutex<Option<Idle<D>>>,
}

/// Idle connections with their generations.
type Idle<D> = Vec<(u64, <D as Database>::Connection)>;

impl<D: Database> Lookups<D> {
    pub(crate) fn new(database: D, observer: Option<Observer>) -> Self {
        let LookupLimits {
            batches_at_once,
            deadline,
        } = database.lookup_limits();
        let idle = Mutex::new(Some(Vec::new()));
        let connections = Arc::new(Connections { database, idle });
        Self {
            tokens: TokenLookups::new(connections.clone(), batches_at_once, deadline, observer),
            connections,
        }
    }

    /// Returns the token with this digest. Fails if its batch does, or its row is damaged.
    pub(crate) async fn find(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.tokens.find(digest).await
    }

    /// Closes the connections; those in use are closed when they are returned.
    pub(crate) async fn close(&self) {
        let idle = self.connections.idle().take();
        for (_, connection) in idle.into_iter().flatten() {
            D::close_idle(connection).await;
        }
    }
}

impl<D: Database> Connections<D> {
    // The mutex cannot be poisoned: nothing panics while it is locked.
    fn idle(&self) -> MutexGuard<'_, Option<Idle<D>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the query on this connection, which becomes idle again if it still works. If the future
    /// is dropped, so is the connection: its unread rows must not reach another caller.
    async fn select(
        &self,
        generation: u64,
        mut connection: D::Connection,
        digests: &[Digest],
    ) -> Result<Vec<D::Row>, LookupFailure> {
        let found = self.database.look_up(&mut connection, digests).await;
        if !found.as_ref().is_err_and(|failure| failure.is_disconnected)
            && let Some(idle) = self.idle().as_mut()
        {
            idle.push((generation, connection));
        }
        found
    }
}

impl<D: Database> TokenTable for Connections<D> {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        let idle = self.idle().as_mut().map(Vec::pop);
        let idle = idle.ok_or_else(|| StoreError::unavailable("the store is closed"))?;
        if let Some((generation, connection)) = idle
            && generation == self.database.generation()
        {
            match self.select(generation, connection, digests).await {
                Err(failure) if failure.is_disconnected => {}
                found => return read(found),
            }
        }
        let generation = self.database.generation();
        let connection = self.database.connect_for_lookups().await?;
        read(self.select(generation, connection, digests).await)
    }
}

fn read<R: Row>(found: Result<Vec<R>, LookupFailure>) -> Result<Vec<FoundToken>, StoreError> {
    let found = found.map_err(|failure| failure.error)?;
    found
        .iter()
        .map(|row| Ok((rows::digest(row)?, rows::record(row))))
        .collect()
}
