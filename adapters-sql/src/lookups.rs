//! Lookups of tokens by digest, many at once, on dedicated connections: a pool would do more work
//! whenever one is returned.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openindex_coalescing::{FoundToken, Observer, TokenLookups, TokenTable};
use openindex_domain::StoreError;
use openindex_domain::token::{Digest, TokenRecord};

use crate::row::Row;
use crate::rows;

/// Opens connections for lookups, and queries on them.
pub trait LookupSource: Clone + Send + Sync + 'static {
    /// A connection, which is closed when it is dropped.
    type Connection: Send;
    /// A row of a [`select_record`](rows::select_record).
    type Row: Row + Send;

    /// Opens a connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, StoreError>> + Send;

    /// Returns the rows with these digests, in any order.
    fn select(
        &self,
        connection: &mut Self::Connection,
        digests: &[Digest],
    ) -> impl Future<Output = Result<Vec<Self::Row>, LookupFailure>> + Send;

    /// Closes an idle connection.
    fn close(connection: Self::Connection) -> impl Future<Output = ()> + Send;
}

/// A failed query.
#[derive(Debug)]
pub struct LookupFailure {
    /// The error.
    pub error: StoreError,
    /// Whether the connection had been lost before anything was returned, for example because the
    /// server was restarted. Then a new connection cannot return anything stale.
    pub is_disconnected: bool,
}

/// The lookups of a store and their connections, opened on demand. Clones share them.
#[derive(Clone)]
pub struct Lookups<S: LookupSource> {
    tokens: TokenLookups<Arc<Connections<S>>>,
    connections: Arc<Connections<S>>,
}

struct Connections<S: LookupSource> {
    source: S,
    /// The idle connections; `None` once the store is closed.
    idle: Mutex<Option<Vec<S::Connection>>>,
}

impl<S: LookupSource> Lookups<S> {
    /// Creates lookups with at most `batches_at_once` queries in flight, each on a connection of
    /// its own. A lookup waits for as long as `deadline` to be sent, and as long for the result.
    pub fn new(
        source: S,
        batches_at_once: NonZero<usize>,
        deadline: Duration,
        observer: Option<Observer>,
    ) -> Self {
        let idle = Mutex::new(Some(Vec::new()));
        let connections = Arc::new(Connections { source, idle });
        Self {
            tokens: TokenLookups::new(connections.clone(), batches_at_once, deadline, observer),
            connections,
        }
    }

    /// Returns the token with this digest.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if its batch fails, or its row is damaged.
    pub async fn find(&self, digest: &Digest) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        self.tokens.find(digest).await
    }

    /// Closes the connections; those in use are closed when they are returned.
    pub async fn close(&self) {
        let idle = self.connections.idle().take();
        for connection in idle.into_iter().flatten() {
            S::close(connection).await;
        }
    }
}

impl<S: LookupSource> Connections<S> {
    // The mutex cannot be poisoned: nothing panics while it is locked.
    fn idle(&self) -> MutexGuard<'_, Option<Vec<S::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the query on this connection, which becomes idle again if it still works. If the future
    /// is dropped, so is the connection: its unread rows must not reach another caller.
    async fn select(
        &self,
        mut connection: S::Connection,
        digests: &[Digest],
    ) -> Result<Vec<S::Row>, LookupFailure> {
        let found = self.source.select(&mut connection, digests).await;
        if !found.as_ref().is_err_and(|failure| failure.is_disconnected)
            && let Some(idle) = self.idle().as_mut()
        {
            idle.push(connection);
        }
        found
    }
}

impl<S: LookupSource> TokenTable for Connections<S> {
    async fn find(&self, digests: &[Digest]) -> Result<Vec<FoundToken>, StoreError> {
        let idle = self.idle().as_mut().map(Vec::pop);
        let idle = idle.ok_or_else(|| StoreError::unavailable("the store is closed"))?;
        if let Some(connection) = idle {
            match self.select(connection, digests).await {
                Err(failure) if failure.is_disconnected => {}
                found => return read(found),
            }
        }
        let connection = self.source.connect().await?;
        read(self.select(connection, digests).await)
    }
}

fn read<R: Row>(found: Result<Vec<R>, LookupFailure>) -> Result<Vec<FoundToken>, StoreError> {
    let found = found.map_err(|failure| failure.error)?;
    found
        .iter()
        .map(|row| Ok((rows::digest(row)?, rows::record(row))))
        .collect()
}
