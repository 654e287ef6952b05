//! The seam between what the databases have in common and what differs.

use std::pin::Pin;
use std::sync::Arc;

use openindex_coalescing::Observer;
use openindex_domain::StoreError;
use openindex_domain::access::Actor;
use openindex_domain::admin_tokens::TokenFilter;
use openindex_domain::agent_run::{DomainKey, WorkItemKey};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Digest, Token, TokenId, TokenRecord, TokenUse};
use openindex_domain::user::UserId;

use crate::lists::{MatchingTokens, TokenList};
use crate::row::Row;
use crate::statement::Statement;
use crate::tables::users;

/// What a call does on its connection.
pub type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;

/// The connection of one call, in a transaction if the call is a change.
pub struct Tx<'c, D: Database>(&'c mut D::Connection);

impl<'c, D: Database> Tx<'c, D> {
    /// Wraps the connection of a call.
    pub fn new(connection: &'c mut D::Connection) -> Self {
        Self(connection)
    }

    /// Returns the connection.
    pub fn connection(&mut self) -> &mut D::Connection {
        self.0
    }

    /// Returns all rows.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<D::Row>, StoreError> {
        D::fetch(self.0, statement).await
    }

    /// Returns the first row.
    pub(crate) async fn row(&mut self, statement: Statement) -> Result<Option<D::Row>, StoreError> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Returns the number of rows that were changed.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        D::execute(self.0, statement).await
    }

    /// Fails unless one row was changed, which was read in the same transaction.
    pub(crate) async fn execute_one(
        &mut self,
        statement: Statement,
        what: &str,
    ) -> Result<(), StoreError> {
        if self.execute(statement).await? == 1 {
            Ok(())
        } else {
            Err(StoreError::corrupt(format!(
                "{what} disappeared inside the transaction that changes it"
            )))
        }
    }

    /// Recomputes the keys of email addresses that an earlier release wrote by another rule; part
    /// of [`Database::migrate`].
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn renew_email_keys(&mut self) -> Result<(), StoreError> {
        self.lock(Lock::NewUsers).await?;
        users::renew_email_keys(self).await
    }

    pub(crate) async fn lock(&mut self, lock: Lock<'_>) -> Result<(), StoreError> {
        D::lock(self, lock).await
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

/// What a change locks before it reads, in the order of the variants. A database that runs one
/// change at a time has nothing to do.
///
/// A change that writes rows of `users` has locked all of them before. Of one table, rows are
/// locked in the order of their ids.
#[derive(Debug, Clone, Copy)]
pub enum Lock<'a> {
    /// Names, where there is no row to lock.
    Names(&'a [String]),
    /// The acting user, and the users whose records, credentials or links are changed. What is read
    /// of them afterwards stays true until the commit: every change of a personal token, a session,
    /// a sign-in link or a password locks these, and every change of a user writes them.
    Users(Option<&'a Actor>, &'a [UserId]),
    /// All users, existing or not, and so everything that [`Users`](Self::Users) protects. A change
    /// that takes this lock holds no other before it.
    AllUsers,
    /// The addresses of users against new users and invites.
    NewUsers,
    /// A work domain, against other changes that assign its next number. Creates the domain if it
    /// is new, unless [`Database`] creates it with its first item.
    WorkDomain(DomainKey),
    /// A work item against all other changes of it or of its parts, and against starting runs bound
    /// to it. Read the item in a later statement.
    WorkItem(WorkItemKey),
    /// A work item against all changes. Any number of runs can be bound to it at the same time.
    WorkItemShared(WorkItemKey),
    /// Tokens, and the runs that were started with them and may still end.
    TokensWithRuns(&'a [TokenId], Timestamp),
    /// The runs of a user that may still end.
    RunsOfOwner(UserId, Timestamp),
    /// Every unrevoked token and run of a user, expired ones included.
    TokensOfOwner(UserId),
    /// The runs that are bound to a work item and may still end, and the acting run, if the actor
    /// is one.
    RunsOfWorkItem(&'a Actor, Option<WorkItemKey>),
}

/// A database that [`SqlStore`](crate::SqlStore) can use. What is written here is all that differs
/// between two databases; everything else is written once.
///
/// Parameters are `$1` to `$n`. Times are columns that [`Value::Time`](crate::Value::Time) can be
/// bound to and [`Row::millis`] can read.
pub trait Database: Clone + Send + Sync + Sized + 'static {
    /// A connection of the driver.
    type Connection: Send;
    /// A row of the driver.
    type Row: Row + Send + Sync;
    /// What [`connect`](Self::connect) can be told.
    type Options: Default + Send;

    /// An expression for when the token `t` expires, with a time after all others for never. An
    /// index has it.
    const EXPIRES_AT: &'static str;
    /// Locks the rows that a statement reads.
    const FOR_UPDATE: &'static str;
    /// Locks the rows that a statement reads, and skips those that are locked.
    const SKIP_LOCKED: &'static str;
    /// An expression for when the token `t` was last used, with a time before all others for never.
    const LAST_USED_AT: &'static str;
    /// An expression for when the user `u` was last seen, in milliseconds since 1970; -1 for never.
    /// Sessions, tokens and the audit log say it; an index finds the latest of each.
    const SEEN_AT: &'static str;
    /// Whether changes run at the same time, so that facts have to be read again under locks.
    const HAS_CONCURRENT_CHANGES: bool;

    /// Returns a condition that the column is one of the [`Value::Uuids`](crate::Value::Uuids).
    fn any_uuid(column: &str, placeholder: &str) -> String;

    /// Returns a condition that what precedes it is in the result of the query, which is run once.
    fn in_list(query: &str) -> String;

    /// Returns a condition that the column is one of the [`Value::Texts`](crate::Value::Texts).
    fn any_text(column: &str, placeholder: &str) -> String;

    /// Returns a condition that the column is one of the [`Value::Digests`](crate::Value::Digests).
    fn any_bytes(column: &str, placeholder: &str) -> String;

    /// Returns a condition that the text contains the parameter.
    fn contains(text: &str, placeholder: &str) -> String;

    /// Returns the text with its ASCII letters in lower case.
    fn lower(text: &str) -> String;

    /// Returns a condition that the text has characters other than ASCII.
    fn is_not_ascii(text: &str) -> String;

    /// Returns a condition that the run `t` expires after the parameter.
    fn run_expires_after(placeholder: &str) -> String;

    /// Returns the hint to read the table from this index, if the database needs one.
    fn hint(index: &'static str) -> String;

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

    /// Takes a lock until the end of the transaction.
    fn lock(
        tx: &mut Tx<'_, Self>,
        lock: Lock<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Runs `work`. A change is one transaction, which is rolled back if `work` fails or its future
    /// is dropped.
    fn run<T: Send + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, Self>) -> Work<'c, End<T>> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send;

    /// Returns the token with this digest, as all changes left it that were acknowledged before the
    /// call; see [`Lookups`](crate::Lookups).
    fn find_token(
        &self,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<Arc<TokenRecord>>, StoreError>> + Send;

    /// Returns a query that costs the same however many tokens have ended.
    fn list_tokens(list: &TokenList<'_>) -> Statement;

    /// Returns a query for owned tokens, newest first.
    fn matching_tokens(matching: &MatchingTokens<'_>) -> Statement;

    /// Returns a query for the ids and kinds of matching tokens, in any order.
    fn matching_ids(filter: &TokenFilter, now: Timestamp) -> Statement;

    /// Writes the columns that the end of a token changes (`revoked_at`, `expires_at`,
    /// `revoked_by`), in one statement for any number of tokens, and returns the number of rows.
    fn write_ends(
        tx: &mut Tx<'_, Self>,
        ended: &[&Token],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Writes when and from where tokens were last used, unless a later use is stored. The list may
    /// have several uses of one token.
    fn record_last_used(
        tx: &mut Tx<'_, Self>,
        uses: &[TokenUse],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Opens a database; see [`SqlStore::connect_with`](crate::SqlStore::connect_with).
    fn connect(
        url: &str,
        options: Self::Options,
    ) -> impl Future<Output = Result<Self, StoreError>> + Send;

    /// Returns the database with the tables of work items.
    #[must_use]
    fn with_work_items(self) -> Self;

    /// Returns whether the database has the tables of work items.
    fn has_work_items(&self) -> bool;

    /// Returns the database with an observer of the batches of lookups.
    #[must_use]
    fn observed(self, observer: Observer) -> Self;

    /// Returns the numbers of connections that are open, idle, and allowed.
    fn connections(&self) -> [u32; 3];

    /// Applies all pending migrations, or none.
    fn migrate(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Checks as [`StoreHealth::ready`](openindex_domain::StoreHealth::ready) does.
    fn ready(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes as [`StoreHealth::write`](openindex_domain::StoreHealth::write) does.
    fn write(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes all connections once their calls have finished.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
