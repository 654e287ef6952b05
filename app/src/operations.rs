//! What an operator does with a database besides serving it.

use std::path::Path;

use openindex_adapters_postgres::PostgresStore;
use openindex_adapters_sql::check::Checked;
use openindex_adapters_sql::schema::Parts;
use openindex_adapters_sqlite::{
    Backup, BackupError, RestoreFileError, Restoring, SqliteOptions, SqliteStore,
};
use openindex_adapters_system::SystemClock;
use openindex_domain::StoreError;
use openindex_domain::clock::Clock as _;

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

/// Checks everything that is stored, without writing, while servers may use it. `progress` is called
/// with what is being checked and the number of rows that were read of it.
///
/// # Errors
///
/// [`StoreError`] if the database cannot be read, or its schema is not the one of this version.
pub async fn check(
    database: &DatabaseUrl,
    progress: Box<dyn FnMut(&'static str, u64) + Send>,
) -> Result<Checked, StoreError> {
    let now = SystemClock.now();
    match database.scheme() {
        Scheme::Sqlite => openindex_adapters_sqlite::check(database.expose(), now, progress).await,
        Scheme::Postgres => {
            let store = PostgresStore::connect(database.expose()).await?;
            let checked = store.database().check(now, progress).await;
            store.close().await;
            checked
        }
    }
}

/// Fails if the schema is older or newer than that of this version. A server accepts a newer one, but
/// does not know everything in it.
///
/// # Errors
///
/// [`StoreError`].
pub async fn check_version(database: &DatabaseUrl) -> Result<(), StoreError> {
    match database.scheme() {
        Scheme::Sqlite => openindex_adapters_sqlite::check_version(database.expose()).await,
        Scheme::Postgres => {
            let store = PostgresStore::connect(database.expose()).await?;
            let checked = store.database().check_version(Parts::ALL).await;
            store.close().await;
            checked
        }
    }
}

/// Fills the index of searches of a SQLite database anew, beside a server.
///
/// # Errors
///
/// [`StoreError`]; the index is then unchanged.
pub async fn rebuild_search_index(database: &DatabaseUrl) -> Result<(), StoreError> {
    if database.scheme() == Scheme::Postgres {
        return Err(StoreError::unavailable(
            "on PostgreSQL, run as the owner of the tables: REINDEX INDEX CONCURRENTLY \
             work_items_search",
        ));
    }
    let database = database.clone().existing();
    let options = SqliteOptions::default().as_guest();
    let store = SqliteStore::connect_with(database.expose(), options).await?;
    let rebuilt = store.database().rebuild_search_index().await;
    store.close().await;
    rebuilt
}

/// Copies a backup to a directory beside the place of a SQLite database, and checks it; see
/// [`openindex_adapters_sqlite::restore`]. Returns it with its URL there.
///
/// # Errors
///
/// [`NotSqlite`] for PostgreSQL, and [`RestoreFileError`] otherwise; nothing was written.
pub async fn restore_file(
    backup: &Path,
    database: &DatabaseUrl,
    progress: impl FnMut(u64, u64),
) -> Result<Result<(Restoring, DatabaseUrl), RestoreFileError>, NotSqlite> {
    if database.scheme() == Scheme::Postgres {
        return Err(NotSqlite);
    }
    let copied = openindex_adapters_sqlite::restore(backup, database.expose(), progress).await;
    Ok(copied.and_then(|restoring| {
        let url = restoring.url().parse();
        let url = url.map_err(StoreError::corrupt)?;
        Ok((restoring, url))
    }))
}
