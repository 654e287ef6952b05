//! The one connection that writes, and whether what it writes stays.

use std::error::Error as _;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::Duration;

use openindex_domain::StoreError;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::store_error;
use crate::file::DatabaseFile;

/// How often the files are looked at when nobody asks.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// The connection, and the files that it was opened on.
pub(crate) struct Writer {
    pub(crate) pool: SqlitePool,
    pub(crate) file: Arc<DatabaseFile>,
}

impl Writer {
    /// The same, watched for as long as it is used.
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

    /// Moves what is in the write-ahead log into the database file, and returns whether that was all.
    /// Of a log that was removed, nobody could do it once this process is gone; and one that lies
    /// beside another database file would be taken for that file's.
    async fn empty_log(&self) -> Result<bool, StoreError> {
        let (busy, ..): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.pool)
            .await
            .map_err(store_error)?;
        Ok(busy == 0)
    }
}

/// Logs when a file is removed or replaced and when it is back, and saves what the log has. A database
/// file that came back is the one that was opened, and has everything.
async fn watch(writer: Weak<Writer>) {
    let mut was_there = true;
    let mut is_saved = true;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let Some(writer) = writer.upgrade() else {
            return;
        };
        let checked = writer.file.check();
        // Closing removes the log.
        if writer.pool.is_closed() {
            return;
        }
        match &checked {
            Err(error) if was_there => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(cause, "database not in its place; all requests get 503");
                is_saved = false;
            }
            Ok(()) if !was_there => tracing::info!("database back in its place"),
            _ => {}
        }
        was_there = checked.is_ok();
        if !is_saved {
            match writer.empty_log().await {
                Ok(true) => {
                    tracing::info!("write-ahead log saved to the database file that was opened");
                    is_saved = true;
                }
                // A reader is in its way, or another process: once more.
                Ok(false) => {}
                Err(error) => {
                    let cause = error.source().map(ToString::to_string);
                    tracing::error!(cause, "write-ahead log not saved");
                }
            }
        }
    }
}

/// A change that is under way; dropped without [`commit`](Self::commit), it is rolled back.
pub(crate) struct Change {
    transaction: Transaction<'static, Sqlite>,
    file: Arc<DatabaseFile>,
}

impl Change {
    /// Commits, and fails when that went to a file that is not in its place any more: what is
    /// acknowledged is found after a restart.
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
