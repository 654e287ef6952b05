//! The connection for writes, and a watch on the files it writes to.

use std::error::Error as _;
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::Duration;

use openindex_domain::StoreError;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::changes::{ChangeNumber, Changes};
use crate::error::store_error;
use crate::file::{DatabaseFile, FileInUse};

/// How often the files are checked between requests.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// The connection for writes, and the files that it was opened on.
pub(crate) struct Writer {
    pub(crate) pool: SqlitePool,
    pub(crate) file: Arc<DatabaseFile>,
    pub(crate) changes: Arc<Changes>,
    /// The lock, held until the store is closed or dropped; or who has the file if this store is a
    /// guest.
    pub(crate) ownership: Result<File, FileInUse>,
}

impl Writer {
    /// Starts watching the files until the writer is dropped.
    pub(crate) fn watched(self) -> Arc<Self> {
        let writer = Arc::new(self);
        tokio::spawn(watch(Arc::downgrade(&writer)));
        writer
    }

    /// Begins a change. It holds the write lock from the start, so what it reads stays true.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<Change, StoreError> {
        if let Err(error) = self.file.check() {
            self.changes.set_lost(true);
            return Err(error);
        }
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await;
        let mut transaction = transaction.map_err(store_error)?;
        let version = data_version(&mut transaction).await.map_err(store_error)?;
        Ok(Change {
            transaction,
            number: self.changes.begun(version),
            writer: Arc::clone(self),
        })
    }

    /// Lets another store have the file.
    pub(crate) fn release(&self) {
        if let Ok(lock) = &self.ownership
            && let Err(error) = lock.unlock()
        {
            tracing::warn!(%error, "database file stays locked until the process exits");
        }
    }

    /// Watches what the connection changes, after its tables were created or replaced.
    pub(crate) async fn watch(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(store_error)?;
        let watched = self.changes.watch(&mut connection).await;
        watched.map_err(store_error)
    }

    /// Forgets what lookups have returned, if another process has changed the file.
    async fn notice_others(&self) -> sqlx::Result<()> {
        // A change in progress has looked itself.
        if let Some(mut connection) = self.pool.try_acquire() {
            self.changes.compare(data_version(&mut connection).await?);
        }
        Ok(())
    }

    /// Checkpoints the write-ahead log into the database file, and returns whether that was all of
    /// it. Once this process has exited, nothing could recover a log that was removed; and a log
    /// that lies beside another database file would be read as that file's.
    async fn empty_log(&self) -> Result<bool, StoreError> {
        let (busy, ..): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(busy == 0)
    }
}

/// Returns a number that changes whenever another connection has changed the file.
async fn data_version(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(connection)
        .await
}

/// Logs when a file is removed or replaced and when it is back, and saves the contents of the log.
/// A database file that came back is the one that was opened, and contains everything.
async fn watch(writer: Weak<Writer>) {
    let mut was_there = true;
    let mut is_saved = true;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let Some(writer) = writer.upgrade() else {
            return;
        };
        let checked = writer.file.check();
        // Closing the pool removes the log.
        if writer.pool.is_closed() {
            return;
        }
        match &checked {
            Err(error) if was_there => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(
                    cause,
                    "database file was removed or replaced; all requests fail with 503 until \
                     you restore it or restart the server"
                );
                is_saved = false;
            }
            Ok(()) if !was_there => tracing::info!("database file is back"),
            _ => {}
        }
        was_there = checked.is_ok();
        writer.changes.set_lost(!was_there);
        if let Err(error) = writer.notice_others().await {
            // Nothing is known about what others did.
            writer.changes.forget();
            tracing::warn!(%error, "cannot look for changes that other processes made");
        }
        if !is_saved {
            match writer.empty_log().await {
                Ok(true) => {
                    tracing::info!("write-ahead log saved to the database file that was opened");
                    is_saved = true;
                }
                // A reader or another process is in the way; retry.
                Ok(false) => {}
                Err(error) => {
                    let cause = error.source().map(ToString::to_string);
                    tracing::error!(cause, "write-ahead log not saved");
                }
            }
        }
    }
}

/// A change in progress; dropping it without [`commit`](Self::commit) rolls it back.
pub(crate) struct Change {
    transaction: Transaction<'static, Sqlite>,
    number: ChangeNumber,
    writer: Arc<Writer>,
}

impl Change {
    /// Commits. Fails if the file was removed or replaced, so that everything that is acknowledged
    /// survives a restart.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let changes = &self.writer.changes;
        let rows = changes.of(&mut self.transaction).await;
        let rows = rows.map_err(store_error)?;
        if let Err(in_use) = &self.writer.ownership
            && !rows.is_empty()
        {
            return Err(StoreError::unavailable(in_use.clone()));
        }
        changes.close(self.number, &rows);
        let committed = self.transaction.commit().await;
        // Also after an error, which leaves open whether the change was made. If this future is
        // dropped before, the rows stay closed until the next change begins.
        changes.ended(self.number);
        committed.map_err(store_error)?;
        self.writer.file.check()
    }
}

impl Deref for Change {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}
