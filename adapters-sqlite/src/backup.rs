//! Copies of the database file, made while a server uses it.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use openindex_domain::StoreError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::error::store_error;
use crate::file::DatabaseFile;
use crate::place::directory_of;
use crate::store::location;
use crate::unfinished::Unfinished;

/// How often the progress is reported.
const REPORT_EVERY: Duration = Duration::from_millis(250);

/// How long a read waits for a lock of another process.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The tables whose rows are counted, which a database of any release has.
const COUNTED: [&str; 3] = ["users", "tokens", "audit_events"];

/// A finished backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backup {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The number of users, deleted ones included.
    pub users: u64,
    /// The number of tokens and agent runs, revoked ones included.
    pub tokens: u64,
    /// The number of audit events.
    pub audit_events: u64,
}

/// Why there is no backup. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file for the backup exists.
    #[error("{} already exists; choose another name, or move it away first", .0.display())]
    Exists(PathBuf),
    /// The file for the backup cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: Error,
    },
    /// The database has no tables of this project.
    #[error("the database has no tables of OpenIndex; check the path in the database URL")]
    NotOurs,
    /// The database cannot be read to its end, or the file for the backup cannot be written: SQLite
    /// does not tell which.
    #[error("cannot copy the database to {}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// The error of the database.
        #[source]
        cause: StoreError,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the database at `url` to a new file with mode 0600, as of one moment. A server may use
/// the database meanwhile: no change waits for the copy. `progress` is called with the number of
/// bytes that are written, and how many there will be at most.
///
/// The file appears under its name once it is complete and on disk. It needs no `-wal` file.
///
/// # Errors
///
/// [`BackupError`]; nothing was written.
pub async fn backup(
    url: &str,
    to: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Backup, BackupError> {
    let write = |cause| BackupError::Write {
        path: to.to_owned(),
        cause,
    };
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut source = open_read_only(url).await?;
    if !is_ours(&mut source).await? {
        return Err(BackupError::NotOurs);
    }
    let pages = "SELECT (page_count - freelist_count) * page_size \
                 FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    let expected: i64 = sqlx::query_scalar(pages)
        .fetch_one(&mut source)
        .await
        .map_err(store_error)?;
    let expected = expected.unsigned_abs();
    let directory = directory_of(to);
    let copy = Unfinished::beside(to, ".oi-backup-", "copy.db").map_err(write)?;
    // One read transaction, so the copy is as of one moment, and writers go on. SQLite's own copy
    // by pages would start again after each change of another process.
    let copied = sqlx::query("VACUUM INTO ?1")
        .bind(utf8(copy.path())?)
        .execute(&mut source);
    let mut copied = Box::pin(copied);
    while tokio::time::timeout(REPORT_EVERY, &mut copied)
        .await
        .map(|done| {
            done.map_err(|error| BackupError::Copy {
                path: to.to_owned(),
                cause: store_error(error),
            })
        })
        .ok()
        .transpose()?
        .is_none()
    {
        let written = copy.path().metadata().map_or(0, |it| it.len());
        progress(written.min(expected), expected);
    }
    drop(copied);
    let backup = described(copy.path()).await?;
    // Waits for the disk, which SQLite does not do here.
    copy.move_to(to).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => write(error),
    })?;
    sync_directory(directory).map_err(write)?;
    Ok(backup)
}

/// Returns whether the file has the tables of any release.
pub(crate) async fn is_ours(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN (?1, ?2, ?3)";
    let [users, tokens, events] = COUNTED;
    let tables: i64 = sqlx::query_scalar(tables)
        .bind(users)
        .bind(tokens)
        .bind(events)
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    Ok(tables == 3)
}

/// Opens an existing database to read only, beside the process that has it.
pub(crate) async fn open_read_only(url: &str) -> Result<SqliteConnection, StoreError> {
    let (location, _) = location(url)?;
    let connect: SqliteConnectOptions = location.parse().map_err(store_error)?;
    DatabaseFile::open(connect.get_filename(), false)?;
    let connect = connect.read_only(true).busy_timeout(BUSY_TIMEOUT);
    let opened = SqliteConnection::connect_with(&connect).await;
    opened.map_err(store_error)
}

async fn described(copy: &Path) -> Result<Backup, BackupError> {
    let connect = SqliteConnectOptions::new()
        .filename(copy)
        .immutable(true)
        .read_only(true);
    let mut copied = SqliteConnection::connect_with(&connect)
        .await
        .map_err(store_error)?;
    let mut counts = [0; 3];
    for (count, table) in counts.iter_mut().zip(COUNTED) {
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut copied)
            .await
            .map_err(store_error)?;
        *count = rows.unsigned_abs();
    }
    let [users, tokens, audit_events] = counts;
    let bytes = copy.metadata().map_err(|cause| BackupError::Write {
        path: copy.to_owned(),
        cause,
    })?;
    Ok(Backup {
        bytes: bytes.len(),
        users,
        tokens,
        audit_events,
    })
}

/// SQLite's names of files are UTF-8.
fn utf8(path: &Path) -> Result<&str, BackupError> {
    path.to_str().ok_or_else(|| BackupError::Write {
        path: path.to_owned(),
        cause: Error::other("the path must be UTF-8"),
    })
}

/// Waits until the names of files in the directory are on disk.
pub(crate) fn sync_directory(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
