//! A database file from a backup.

use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use openindex_adapters_sql::TablePrefix;
use openindex_domain::StoreError;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::backup::{BUSY_TIMEOUT, is_ours, sync_directory};
use crate::error::store_error;
use crate::file::{DatabaseFile, LOGS, beside, log_beside};
use crate::place::{directory_of, open_file};
use crate::schema;
use crate::store::location;
use crate::unfinished::Unfinished;

/// The size of the parts in which a backup is copied.
const PART: usize = 1 << 20;

/// The name of the copy, in a directory of its own.
const COPY: &str = "restored.db";

/// Why a backup is not restored. No file appeared or was changed then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFileError {
    /// The database exists.
    #[error("{} already exists; stop the server and move it away first", .0.display())]
    Exists(PathBuf),
    /// A log of an earlier database is there, and would be applied to the restored one.
    #[error(
        "{} belongs to an earlier database, and would be applied to the restored one; move it away \
         together with that database",
        .0.display()
    )]
    StaleLog(PathBuf),
    /// The backup is a plain copy of the file of a running server, whose log is beside it.
    #[error(
        "{} is beside the backup, which lacks the changes in it; make a complete backup of both with: \
         oi-server backup --database-url sqlite://BACKUP FILE",
        .0.display()
    )]
    Incomplete(PathBuf),
    /// The backup cannot be read as a database.
    #[error("{} is damaged, or no database ({reason}); use another backup", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The backup has no tables of this project.
    #[error("{} is not a backup of OpenIndex", .0.display())]
    NotOurs(PathBuf),
    /// The backup was made by a newer release.
    #[error("{} was made by a newer release (migration {migration}); use that one", path.display())]
    Newer {
        /// The backup.
        path: PathBuf,
        /// A migration that this release does not know.
        migration: i64,
    },
    /// A file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        cause: Error,
    },
    /// The URL is invalid, or another process has the database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A copy of a backup that is not yet at its place; it is deleted unless it is
/// [finished](Self::finish).
#[derive(Debug)]
pub struct Restoring {
    copy: Unfinished,
    url: String,
    to: PathBuf,
}

/// Copies a backup to a directory beside the place of the database at `url`, where nothing may be
/// yet, and checks it. `progress` is called with the number of bytes that are copied, and how many
/// there are.
///
/// # Errors
///
/// [`RestoreFileError`]; nothing is left behind.
pub async fn restore(
    backup: &Path,
    url: &str,
    mut progress: impl FnMut(u64, u64),
) -> Result<Restoring, RestoreFileError> {
    let (location, _) = location(url)?;
    let connect: SqliteConnectOptions = location.parse().map_err(store_error)?;
    let to = connect.get_filename().to_owned();
    check_place(&to)?;
    check_source(backup)?;
    let failed = |path: &Path, cause| RestoreFileError::File {
        path: path.to_owned(),
        cause,
    };
    let copy = Unfinished::beside(&to, ".oi-restore-", COPY).map_err(|cause| failed(&to, cause))?;
    copy_file(backup, &copy, &mut progress).await?;
    check_copy(backup, copy.path()).await?;
    // The text before the file's name, in which the URL may have escaped characters.
    let name = location.rfind(['/', ':']).map_or(0, |index| index + 1);
    let inside = copy.directory().file_name().unwrap_or_default();
    let url = format!("{}{}/{COPY}", &location[..name], inside.to_string_lossy());
    Ok(Restoring { copy, url, to })
}

impl Restoring {
    /// Returns the URL of the copy, to migrate and change it before it is at its place.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the path of the database.
    #[must_use]
    pub fn to(&self) -> &Path {
        &self.to
    }

    /// Moves the copy to its place. No connection may be open on it. Its owner becomes that of the
    /// directory, as far as this process is allowed to do that.
    ///
    /// # Errors
    ///
    /// [`RestoreFileError`]; the copy is deleted, and no file was changed.
    pub fn finish(self) -> Result<(), RestoreFileError> {
        let copy = self.copy.path();
        let failed = |path: &Path, cause| RestoreFileError::File {
            path: path.to_owned(),
            cause,
        };
        for suffix in LOGS {
            let log = beside(copy, suffix);
            if log.exists() {
                let cause = Error::other("a connection is still open");
                return Err(failed(&log, cause));
            }
        }
        check_place(&self.to)?;
        let directory = directory_of(&self.to);
        let moved = self.copy.move_to(&self.to);
        moved.map_err(|cause| match cause.kind() {
            ErrorKind::AlreadyExists => RestoreFileError::Exists(self.to.clone()),
            _ => failed(&self.to, cause),
        })?;
        sync_directory(directory).map_err(|cause| failed(directory, cause))
    }
}

/// Fails if there is a database, its log, or a server that uses it.
fn check_place(to: &Path) -> Result<(), RestoreFileError> {
    if let Some(in_use) = DatabaseFile::in_use(to)? {
        return Err(StoreError::unavailable(in_use).into());
    }
    if to.symlink_metadata().is_ok() {
        return Err(RestoreFileError::Exists(to.to_owned()));
    }
    match log_beside(to) {
        Some(log) => Err(RestoreFileError::StaleLog(log)),
        None => Ok(()),
    }
}

/// Fails if the backup has a log beside it.
fn check_source(backup: &Path) -> Result<(), RestoreFileError> {
    for suffix in LOGS {
        let log = beside(backup, suffix);
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(RestoreFileError::Incomplete(log));
        }
    }
    Ok(())
}

/// Copies the file. Between parts, the caller can stop it.
async fn copy_file(
    from: &Path,
    to: &Unfinished,
    progress: &mut impl FnMut(u64, u64),
) -> Result<(), RestoreFileError> {
    let failed = |path: &Path, cause| RestoreFileError::File {
        path: path.to_owned(),
        cause,
    };
    let opened = open_file(from).and_then(|file| file.metadata().map(|it| (file, it)));
    let (mut source, metadata) = opened.map_err(|cause| failed(from, cause))?;
    let all = metadata.len();
    let mut target = to.file();
    let mut part = vec![0; PART];
    let mut copied = 0;
    loop {
        let read = match source.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(cause) => return Err(failed(from, cause)),
        };
        let written = target.write_all(&part[..read]);
        written.map_err(|cause| failed(to.path(), cause))?;
        copied += read as u64;
        progress(copied, all);
        tokio::task::yield_now().await;
    }
}

/// Returns whether the file is as long as its header says: SQLite reads what is missing of the last
/// page as zeros. <https://www.sqlite.org/fileformat.html#the_database_header>
fn is_complete(path: &Path) -> std::io::Result<bool> {
    let mut header = Vec::new();
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    file.take(100).read_to_end(&mut header)?;
    let (Some(size), Some(pages)) = (header.get(16..18), header.get(28..32)) else {
        // An empty file is an empty database.
        return Ok(length == 0);
    };
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let size = match number(size) {
        1 => 65_536,
        size => size,
    };
    Ok(length >= size * number(pages))
}

/// Checks that the copy is intact, ours, and not newer than this release. Rows that violate a
/// constraint do not count: stores cope with them.
async fn check_copy(backup: &Path, copy: &Path) -> Result<(), RestoreFileError> {
    let damaged = |reason: String| RestoreFileError::Damaged {
        path: backup.to_owned(),
        reason,
    };
    let complete = is_complete(copy).map_err(|cause| RestoreFileError::File {
        path: copy.to_owned(),
        cause,
    })?;
    if !complete {
        return Err(damaged("a part is missing".to_owned()));
    }
    let connect = SqliteConnectOptions::new()
        .filename(copy)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("ignore_check_constraints", "ON");
    let checked = async {
        let mut connection = SqliteConnection::connect_with(&connect).await?;
        let lines = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection);
        let lines: Vec<String> = lines.await?;
        Ok((connection, lines))
    };
    let checked: sqlx::Result<_> = checked.await;
    let (mut connection, lines) = checked.map_err(|error| damaged(error.to_string()))?;
    if let Some(line) = lines.into_iter().find(|line| line != "ok") {
        return Err(damaged(line));
    }
    if !is_ours(&mut connection).await? {
        return Err(RestoreFileError::NotOurs(backup.to_owned()));
    }
    if let Some(migration) = schema::newer_migrations(&mut connection, TablePrefix::default())
        .await?
        .into_iter()
        .next()
    {
        return Err(RestoreFileError::Newer {
            path: backup.to_owned(),
            migration,
        });
    }
    let closed = connection.close().await;
    closed.map_err(|error| store_error(error).into())
}
