//! The seam between what the databases have in common and what differs.

use std::num::NonZero;
use std::pin::Pin;
use std::time::Duration;

use openindex_domain::token::Digest;
use openindex_domain::{Listing, StoreError};
use openindex_token_index::TokenIndex;

use crate::dialect::{Dialect, Lock};
use crate::prefix::TablePrefix;
use crate::row::Row;
use crate::schema::Parts;
use crate::statement::Statement;

/// The result of a call of a store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// What a call does on its connection.
pub type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The connection of one call, in a transaction if the call is a change.
pub struct Tx<'c, D: Database> {
    connection: &'c mut D::Connection,
    prefix: TablePrefix,
    pub(crate) has_accounts: bool,
}

impl<'c, D: Database> Tx<'c, D> {
    /// Wraps the connection of a call, on a database whose tables have this prefix.
    pub fn new(connection: &'c mut D::Connection, prefix: TablePrefix) -> Self {
        Self {
            connection,
            prefix,
            has_accounts: false,
        }
    }

    /// Returns the connection.
    #[must_use]
    pub fn into_connection(self) -> &'c mut D::Connection {
        self.connection
    }

    fn named(&self, statement: Statement) -> Statement {
        Statement {
            sql: self.prefix.statement(statement.sql),
            ..statement
        }
    }

    /// Returns all rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<D::Row>, StoreError> {
        let statement = self.named(statement);
        D::fetch(self.connection, statement).await
    }

    /// Returns the first row.
    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Option<D::Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Returns the first row, as `read` converts it.
    pub(crate) async fn one<T>(
        &mut self,
        statement: Statement,
        read: impl FnOnce(&D::Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.row(statement).await?;
        row.as_ref().map(read).transpose()
    }

    /// Returns all rows, as `read` converts them, with damaged ones as such.
    pub(crate) async fn list<T>(
        &mut self,
        statement: Statement,
        read: impl FnMut(&D::Row) -> Result<T, StoreError>,
    ) -> Result<Listing<T>, StoreError> {
        Listing::read(self.rows(statement).await?.iter().map(read))
    }

    /// Returns the number of rows that were changed.
    pub(crate) async fn affected(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let statement = self.named(statement);
        D::execute(self.connection, statement).await
    }

    /// Executes a statement that may change any number of rows.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<(), StoreError> {
        self.affected(statement).await.map(drop)
    }

    /// Executes statements in their order.
    pub(crate) async fn execute_all(
        &mut self,
        statements: impl IntoIterator<Item = Statement, IntoIter: Send> + Send,
    ) -> Result<(), StoreError> {
        for statement in statements {
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Fails unless one row was changed, which was read in the same transaction.
    pub(crate) async fn execute_one(
        &mut self,
        statement: Statement,
        what: &str,
    ) -> Result<(), StoreError> {
        if self.affected(statement).await? == 1 {
            Ok(())
        } else {
            Err(StoreError::corrupt(format!(
                "{what} disappeared inside the transaction that changes it"
            )))
        }
    }

    /// Takes a lock until the end of the transaction.
    pub(crate) async fn lock(&mut self, lock: Lock<'_>) -> Result<(), StoreError> {
        self.execute_all(D::lock(lock, self.has_accounts)).await
    }
}

/// The kind of a call. It says which connections a call may use, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Reads by key, or a page in the order of an index.
    Read,
    /// Reads that may scan many rows. However many there are, the other calls find connections.
    Browse,
    /// A change of a few rows.
    Change,
    /// Counts attempts, of which an attacker may send many at once. However many there are, the
    /// other calls find connections.
    Count,
    /// A change of any number of rows.
    Maintenance,
}

/// How a change ends, with its result.
#[derive(Debug)]
pub enum End<T> {
    /// What was written is committed.
    Commit(T),
    /// What was written is rolled back.
    RollBack(T),
}

/// The limits of lookups.
#[derive(Debug, Clone, Copy)]
pub struct LookupLimits {
    /// Maximum number of queries in flight, each on a connection of its own.
    pub batches_at_once: NonZero<usize>,
    /// How long a lookup waits to be sent, and as long for the result.
    pub deadline: Duration,
}

/// A failed query of a lookup.
#[derive(Debug)]
pub struct LookupFailure {
    /// The error.
    pub error: StoreError,
    /// Whether the connection had been lost before anything was returned, for example because the
    /// server was restarted. Then a new connection cannot return anything stale.
    pub is_disconnected: bool,
}

/// A database that [`SqlStore`](crate::SqlStore) can use. What is written here and in [`Dialect`] is
/// all that differs between two databases; everything else is written once.
pub trait Database: Dialect + Clone + Send + Sync + 'static {
    /// A connection of the driver.
    type Connection: Send;
    /// A row of the driver.
    type Row: Row + Send + Sync;
    /// What [`connect`](Self::connect) can be told.
    type Options: Default + Send;

    /// Returns all rows.
    fn fetch(
        connection: &mut Self::Connection,
        statement: Statement,
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Returns the number of rows that were changed.
    fn execute(
        connection: &mut Self::Connection,
        statement: Statement,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Runs `work`. A change is one transaction, which is rolled back if `work` fails or its future
    /// is dropped.
    fn run<T: Send + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// Opens a database; see [`SqlStore::connect_with`](crate::SqlStore::connect_with).
    fn connect(
        url: &str,
        options: Self::Options,
    ) -> impl Future<Output = Result<Self, StoreError>> + Send;

    /// Returns the index of looked-up tokens, which this database closes before each commit and
    /// opens after it; `None` if other processes change the tokens too.
    fn index(&self) -> Option<&TokenIndex> {
        None
    }

    /// Returns the limits of lookups of tokens by digest.
    fn lookup_limits(&self) -> LookupLimits;

    /// Opens a connection for lookups, which is closed when it is dropped.
    fn connect_for_lookups(
        &self,
    ) -> impl Future<Output = Result<Self::Connection, StoreError>> + Send;

    /// Returns a number that changes when idle connections for lookups must not be used any more.
    fn generation(&self) -> u64 {
        0
    }

    /// Returns the rows of a [`select_record`](crate::rows::select_record) with these digests, in
    /// any order, as all changes left them that were acknowledged before the call.
    fn look_up(
        &self,
        connection: &mut Self::Connection,
        digests: &[Digest],
    ) -> impl Future<Output = Result<Vec<Self::Row>, LookupFailure>> + Send;

    /// Closes an idle connection for lookups.
    fn close_idle(connection: Self::Connection) -> impl Future<Output = ()> + Send;

    /// Returns the numbers of connections that are open, idle, and allowed.
    fn connections(&self) -> [u32; 3];

    /// Applies all pending migrations, or none: those of tokens and users, then those of work items
    /// if the store has them.
    fn migrate(&self, parts: Parts) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Checks as [`StoreHealth::ready`](openindex_domain::StoreHealth::ready) does, except for
    /// lookups.
    fn ready(&self, parts: Parts) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes all connections once their calls have finished, except for those of lookups.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
