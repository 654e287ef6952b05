//! What an operator does with a database besides serving it.

use std::path::Path;

use openindex_adapters_sqlite::{Backup, BackupError};

use crate::config::{DatabaseUrl, Scheme};

/// The database is not a SQLite file.
#[derive(Debug, thiserror::Error)]
#[error(
    "PostgreSQL has tools of its own for backups; run: pg_dump --format=custom --file=FILE \
     \"$DATABASE_URL\" (see docs/operations.md)"
)]
pub struct NotSqlite;

/// Copies a SQLite database to a new file, as of one moment, while a server may use it; see
/// [`openindex_adapters_sqlite::backup`]. `progress` is called with the number of bytes that are
/// written, and how many there will be at most.
///
/// # Errors
///
/// [`NotSqlite`] for PostgreSQL, and [`BackupError`] otherwise; nothing was written.
pub async fn backup(
    database: &DatabaseUrl,
    to: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Result<Backup, BackupError>, NotSqlite> {
    match database.scheme() {
        Scheme::Sqlite => {
            let url = database.expose();
            Ok(openindex_adapters_sqlite::backup(url, to, progress).await)
        }
        Scheme::Postgres => Err(NotSqlite),
    }
}
