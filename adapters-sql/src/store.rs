//! The store, whatever its database.

use std::any::type_name_of_val;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use openindex_coalescing::Observer;
use openindex_domain::token::{Digest, TokenRecord};
use openindex_domain::{StoreError, StoreHealth};
use tracing::{Instrument as _, Span, debug_span};

use crate::calls::{CallObserver, Timed};
use crate::database::{Call, Database, End, Tx};
use crate::lookups::Lookups;
use crate::schema::Parts;
use crate::tables::{rate_limits, users};

/// A change: its outcome, which is committed, or why it stops.
pub(crate) type Step<T> = Result<T, Stop<T>>;

type Running<'c, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// Why a change stops, which rolls back what it wrote.
pub(crate) enum Stop<T> {
    /// The domain decided to write nothing. This is the outcome to return.
    Reply(T),
    /// The database failed.
    Failed(StoreError),
}

impl<T> From<StoreError> for Stop<T> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// A store for tokens, their owners and the audit log in a SQL database. If `ACCOUNTS` is true, it
/// is also for users, their sessions and invites; if `WORK_ITEMS` is true, for work items. Cheap to
/// clone; clones share connections.
///
/// What a store does not have, it does not implement: one without accounts has no
/// [`UserStore`](openindex_domain::user::UserStore), and one without work items has no
/// [`WorkItemStore`](openindex_domain::work_item::WorkItemStore).
#[derive(Clone)]
pub struct SqlStore<D: Database, const ACCOUNTS: bool = false, const WORK_ITEMS: bool = false> {
    database: D,
    lookups: Lookups<D>,
    observer: Option<CallObserver>,
}

impl<D: Database + fmt::Debug, const ACCOUNTS: bool, const WORK_ITEMS: bool> fmt::Debug
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore")
            .field("database", &self.database)
            .field("parts", &Self::PARTS)
            .finish_non_exhaustive()
    }
}

impl<D: Database> SqlStore<D> {
    /// Returns the store in this database, which was opened with what only this kind of database
    /// has, such as a pool of the caller's.
    #[must_use]
    pub fn new(database: D) -> Self {
        Self {
            lookups: Lookups::new(database.clone(), None),
            database,
            observer: None,
        }
    }

    /// Opens the database at `url`. The schema is not migrated: see [`SqlStore::migrate`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the URL is malformed; [`StoreError::Unavailable`] if the database
    /// is a file that cannot be opened. A server is not connected to before the first call.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, D::Options::default()).await
    }

    /// Opens the database like [`SqlStore::connect`], with options.
    ///
    /// # Errors
    ///
    /// As for [`SqlStore::connect`].
    pub async fn connect_with(url: &str, options: D::Options) -> Result<Self, StoreError> {
        Ok(Self::new(D::connect(url, options).await?))
    }

    /// Returns the store with accounts: [`migrate`](Self::migrate) creates the tables of users too,
    /// and users are the owners of tokens. Choose this before the first migration: a database that
    /// was created without accounts cannot get them.
    #[must_use]
    pub fn with_accounts(self) -> SqlStore<D, true> {
        SqlStore {
            database: self.database,
            lookups: self.lookups,
            observer: self.observer,
        }
    }
}

impl<D: Database> SqlStore<D, true> {
    /// Returns the store with work items, which users create: [`migrate`](Self::migrate) creates
    /// their tables too, and agent runs can be bound to one. The database does not remember it.
    #[must_use]
    pub fn with_work_items(self) -> SqlStore<D, true, true> {
        SqlStore {
            database: self.database,
            lookups: self.lookups,
            observer: self.observer,
        }
    }
}

impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> SqlStore<D, ACCOUNTS, WORK_ITEMS> {
    const PARTS: Parts = Parts {
        accounts: ACCOUNTS,
        work_items: WORK_ITEMS,
    };

    /// Returns the store with an `observer` that is called for each batch of lookups, for metrics.
    /// Call this before the store is cloned and shared.
    #[must_use]
    pub fn with_lookup_observer(self, observer: Observer) -> Self {
        Self {
            lookups: Lookups::new(self.database.clone(), Some(observer)),
            ..self
        }
    }

    /// Returns the store with an `observer` that is called after each call except lookups, for
    /// metrics. Call this before the store is cloned and shared.
    #[must_use]
    pub fn with_call_observer(self, observer: CallObserver) -> Self {
        Self {
            observer: Some(observer),
            ..self
        }
    }

    /// Returns the database, with what only this kind of database has.
    #[must_use]
    pub fn database(&self) -> &D {
        &self.database
    }

    /// Returns the connections for everything except token lookups: open, idle, and the maximum.
    #[must_use]
    pub fn connections(&self) -> [u32; 3] {
        self.database.connections()
    }

    /// Migrates the schema to the version that this binary embeds: applies all pending migrations,
    /// or none. Any number of processes may call this at the same time. A newer schema is left
    /// unchanged.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; [`StoreError::Corrupt`] if a migration differs from the one that was
    /// applied. If the database has tables of the same names that are not ours, it is
    /// [`StoreError::Unavailable`] with a [`NameClash`](crate::NameClash), and nothing is written.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.database.migrate(Self::PARTS).await?;
        if !ACCOUNTS {
            return Ok(());
        }
        // At each start, not once with the migration that requires it: a server stopped in between
        // would never run it.
        run!(self, Change, |tx| users::renew_email_keys(tx))
    }

    /// Closes all connections once their calls have finished. Later calls return
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.lookups.close().await;
        self.database.close().await;
    }

    /// Looks up the token with this digest.
    pub(crate) async fn look_up(
        &self,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        let Some(index) = self.database.index() else {
            return self.lookups.find(digest).await;
        };
        let since = index.now();
        let found = self.lookups.find(digest).await?;
        if let Some(record) = &found {
            index.keep(Arc::clone(record), since);
        }
        Ok(found)
    }

    /// Runs a call. Its writes are committed if `work` succeeds, and rolled back otherwise.
    pub(crate) async fn run<T: Send + 'static, E: Into<Stop<T>> + 'static>(
        &self,
        call: Call,
        work: impl for<'c> FnOnce(Tx<'c, D>) -> Running<'c, T, E> + Send + 'static,
    ) -> Result<T, StoreError> {
        let span = span(call, type_name_of_val(&work));
        let timed = self.observer.as_ref().map(|it| Timed::begin(it, call));
        let result = self
            .database
            .run(call, move |mut tx| {
                tx.has_accounts = ACCOUNTS;
                let done = work(tx);
                Box::pin(async move {
                    match done.await.map_err(Into::into) {
                        Ok(outcome) => Ok(End::Commit(outcome)),
                        Err(Stop::Reply(outcome)) => Ok(End::RollBack(outcome)),
                        Err(Stop::Failed(error)) => Err(error),
                    }
                })
            })
            .instrument(span)
            .await;
        if let Some(timed) = timed {
            timed.end(result.as_ref().err());
        }
        result
    }
}

/// Runs a function of the transaction as a [`Call`](crate::Call) of a store:
/// `run!(self, Read, |tx| users::by_id(tx, id))`. All else that it uses is moved into the call, so
/// it cannot be borrowed from the caller. A macro, because a bound cannot say that the future of an
/// async closure is `Send`.
macro_rules! run {
    ($store:expr, $call:ident, |$tx:ident| $work:expr) => {
        $store
            .run($crate::Call::$call, move |mut tx| {
                Box::pin(async move {
                    let $tx = &mut tx;
                    $work.await
                })
            })
            .await
    };
}
pub(crate) use run;

/// Returns the span of a call. `work` is the type name of the closure that a port method passed. It
/// contains the port and the method, so that none of them has to name itself.
fn span(call: Call, work: &'static str) -> Span {
    let origin = || origin(work).unwrap_or_default();
    debug_span!("store call", port = origin().0, method = origin().1, ?call)
}

/// Returns port and method from `…::<impl …::Port for SqlStore<…>>::method::{{closure}}…`.
fn origin(work: &'static str) -> Option<(&'static str, &'static str)> {
    let (port, rest) = work.split_once(" for ")?;
    let (method, _) = rest.split_once("::{{closure}}")?;
    let method = method.rsplit("::").next()?.split('<').next()?;
    Some((port.rsplit("::").next()?, method))
}

#[async_trait]
impl<D: Database, const ACCOUNTS: bool, const WORK_ITEMS: bool> StoreHealth
    for SqlStore<D, ACCOUNTS, WORK_ITEMS>
{
    async fn ready(&self) -> Result<(), StoreError> {
        self.database.ready(Self::PARTS).await?;
        // Token lookups use their own connections.
        let unknown = Digest::from_stored(&[0; 32]).map_err(StoreError::corrupt)?;
        self.look_up(&unknown).await.map(|_| ())
    }

    async fn write(&self) -> Result<(), StoreError> {
        run!(self, Change, |tx| rate_limits::probe(tx))
    }
}
