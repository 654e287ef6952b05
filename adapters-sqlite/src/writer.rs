//! The connection for writes, and a watch on the files it writes to.

use std::error::Error as _;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::Duration;

use openindex_domain::StoreError;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::store_error;
use crate::file::DatabaseFile;

/// How often the files are checked between requests.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// The connection for writes, and the files that it was opened on.
pub(crate) struct Writer {
    pub(crate) pool: SqlitePool,
    pub(crate) file: Arc<DatabaseFile>,
}

impl Writer {
    /// Starts watching the files until the writer is dropped.
    pub(crate) fn watched(self) -> Arc<Self> {
        let writer = Arc::new(self);
        tokio::spawn(watch(Arc::downgrade(&writer)));
        writer
    }

    /// Begins a change. It holds the write lock from the start, so what it reads stays true.
    pub(crate) async fn begin(&self) -> Result<Change, StoreError> {
        self.file.check()?;
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await;
        Ok(Change {
            transaction: transaction.map_err(store_error)?,
            file: Arc::clone(&self.file),
        })
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
    file: Arc<DatabaseFile>,
}

impl Change {
    /// Commits. Fails if the file was removed or replaced, so that everything that is acknowledged
    /// survives a restart.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(store_error)?;
        self.file.check()
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
