//! The database file: created for its owner only, used by one server, and checked for replacement.

use std::fs::{self, File, TryLockError};
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use openindex_adapters_sql::TablePrefix;
use openindex_domain::StoreError;

use crate::place::{Place, directory_of, open_own};

/// Files that `SQLite` would apply to a database file beside them.
pub(crate) const LOGS: [&str; 2] = ["-wal", "-journal"];

/// The cause of [`StoreError::Unavailable`] when the database file does not exist and must not be
/// created.
#[derive(Debug, thiserror::Error)]
#[error("database file not found: {}", path.display())]
pub struct MissingFile {
    /// The absolute path: the working directory is usually what is wrong.
    pub path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot create database file {}: {}", path.display(), reason(cause))]
    Create { path: PathBuf, cause: Error },
    #[error(
        "database file {} not found, but {} beside it, which has its newest changes; move the \
         database back, or that file away to create a new database",
        path.display(),
        log.display()
    )]
    OnlyLog { path: PathBuf, log: PathBuf },
    #[error("cannot read database file {}: {}", path.display(), reason(cause))]
    Read { path: PathBuf, cause: Error },
    #[error("cannot lock {}: {}", path.display(), reason(cause))]
    Lock { path: PathBuf, cause: Error },
    #[error("database path {} is a directory or a device; specify a file", path.display())]
    NoFile { path: PathBuf },
    #[error(
        "database file {} was removed or replaced while it was open; restart the server to use \
         the current one",
        path.display()
    )]
    Replaced { path: PathBuf },
}

/// The cause of [`StoreError::Unavailable`] when another process, usually a server, has the
/// database file.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "database file {} is in use by another process{}; only one can use it at a time: stop that \
     one, or use PostgreSQL for several servers",
    path.display(),
    process.map(|id| format!(" (process id {id})")).unwrap_or_default()
)]
pub struct FileInUse {
    /// The absolute path of the database file.
    pub path: PathBuf,
    /// The id of that process, if it is known.
    pub process: Option<u32>,
}

impl FileInUse {
    fn locked(path: PathBuf, lock: &mut File) -> Self {
        let mut id = String::new();
        // Unreadable or not yet written: unknown.
        let _ = lock.read_to_string(&mut id);
        let process = id.trim().parse().ok();
        Self { path, process }
    }
}

/// Returns the cause and, for the common ones, what to do.
fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory; create its directory first".to_owned(),
        ErrorKind::PermissionDenied => {
            "permission denied; give the server's user write access to it and its directory"
                .to_owned()
        }
        ErrorKind::StorageFull => "disk full; free disk space".to_owned(),
        _ => error.to_string(),
    }
}

/// Device and inode.
type Identity = (u64, u64);

/// The files that the connections were opened on.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
    /// The write-ahead log and its index, which exist while a connection is open.
    log: OnceLock<[(PathBuf, Identity); 2]>,
    /// The file of the lock, if this store has it.
    lock: OnceLock<(PathBuf, Identity)>,
}

impl DatabaseFile {
    /// Records the identity of the file, and creates an empty one with mode 0600 if it is missing.
    /// SQLite creates the files beside it (`-wal`, `-shm`) with the same mode.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, StoreError> {
        if create {
            Self::create(path)?;
        }
        let metadata = fs::metadata(path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => StoreError::unavailable(MissingFile {
                path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            }),
            _ => unreadable(path, cause),
        })?;
        if !metadata.is_file() {
            return Err(StoreError::unavailable(FileError::NoFile {
                path: path.to_owned(),
            }));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                mode = format_args!("{:04o}", metadata.permissions().mode() & 0o7777),
                "other users can read or write the database file; run chmod 600 on it"
            );
        }
        tracing::info!(
            path = %std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display(),
            "database file opened"
        );
        Ok(Self {
            path: path.to_owned(),
            identity: identity(&metadata),
            log: OnceLock::new(),
            lock: OnceLock::new(),
        })
    }

    /// Records the identities of the write-ahead log and its index, once a connection has read.
    pub(crate) fn record_log(&self) -> Result<(), StoreError> {
        let identified = |suffix| -> Result<_, StoreError> {
            let path = beside(&self.path, suffix);
            let metadata = fs::metadata(&path).map_err(|cause| unreadable(&path, cause))?;
            Ok((path, identity(&metadata)))
        };
        let log = [identified("-wal")?, identified("-shm")?];
        self.log.get_or_init(|| log);
        Ok(())
    }

    /// Takes the tables with this prefix for one store, until the lock is dropped or the process
    /// ends, however it ends; `Ok(Err(_))` if another has them.
    ///
    /// The lock is on a file of its own, which stays: SQLite loses its locks on a database file
    /// when a process closes another handle of it.
    pub(crate) fn lock(&self, prefix: TablePrefix) -> Result<Result<File, FileInUse>, StoreError> {
        let cannot_lock = |path: &Path, cause| {
            StoreError::unavailable(FileError::Lock {
                path: path.to_owned(),
                cause,
            })
        };
        // One lock for all links to the file.
        let path = fs::canonicalize(&self.path).map_err(|cause| unreadable(&self.path, cause))?;
        let lock_path = beside(&path, &format!("-{}", prefix.name("lock")));
        let lock = match create_new(&lock_path, Some(&path)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => open_own(&lock_path, true),
            created => created,
        };
        let mut lock = lock.map_err(|cause| cannot_lock(&lock_path, cause))?;
        match lock.try_lock() {
            Ok(()) => {
                // Only for the error of the next process.
                let id = format!("{}\n", std::process::id());
                let written = lock.set_len(0).and_then(|()| lock.write_all(id.as_bytes()));
                let metadata = written.and_then(|()| lock.metadata());
                let metadata = metadata.map_err(|cause| cannot_lock(&lock_path, cause))?;
                self.lock.get_or_init(|| (lock_path, identity(&metadata)));
                Ok(Ok(lock))
            }
            Err(TryLockError::WouldBlock) => Ok(Err(FileInUse::locked(path, &mut lock))),
            Err(TryLockError::Error(cause)) => Err(cannot_lock(&lock_path, cause)),
        }
    }

    /// Returns who uses the file at this path, which may have been removed meanwhile.
    pub(crate) fn in_use(path: &Path) -> Result<Option<FileInUse>, StoreError> {
        let unreadable = |cause| unreadable(path, cause);
        let directory = fs::canonicalize(directory_of(path)).map_err(unreadable)?;
        let path = directory.join(path.file_name().unwrap_or_default());
        let mut lock = match open_own(&beside(&path, "-lock"), false) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(unreadable)?,
        };
        match lock.try_lock() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(FileInUse::locked(path, &mut lock))),
            Err(TryLockError::Error(cause)) => Err(unreadable(cause)),
        }
    }

    fn create(path: &Path) -> Result<(), StoreError> {
        // SQLite would delete it. First the log, then the file: another process may create both.
        if let Some(log) = log_beside(path)
            && !path.exists()
        {
            return Err(StoreError::unavailable(FileError::OnlyLog {
                path: path.to_owned(),
                log,
            }));
        }
        match create_new(path, None) {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::AlreadyExists | ErrorKind::IsADirectory
                ) =>
            {
                Ok(())
            }
            Err(cause) => Err(StoreError::unavailable(FileError::Create {
                path: path.to_owned(),
                cause,
            })),
        }
    }

    /// Fails if a file was removed or replaced: writes from here on would be lost with the old
    /// file, and a new connection would read another one.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let log = self.log.get().into_iter().flatten();
        let beside = log.chain(self.lock.get());
        let beside = beside.map(|(path, identity)| (path, identity));
        for (path, opened) in std::iter::once((&self.path, &self.identity)).chain(beside) {
            let there = match fs::metadata(path) {
                Ok(metadata) => Some(identity(&metadata)),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(cause) => return Err(unreadable(path, cause)),
            };
            if there != Some(*opened) {
                return Err(StoreError::unavailable(FileError::Replaced {
                    path: path.clone(),
                }));
            }
        }
        Ok(())
    }
}

/// Creates a file with mode 0600 for the owner of its directory or of another file in it.
fn create_new(path: &Path, as_of: Option<&Path>) -> std::io::Result<File> {
    let name = |path: &Path| path.file_name().map(ToOwned::to_owned);
    let place = Place::of(path)?;
    let file = place.create(&name(path).ok_or(ErrorKind::IsADirectory)?)?;
    place.give(&file, as_of.and_then(name).as_deref())?;
    Ok(file)
}

/// Returns the log of the database file at this path, if there is one.
pub(crate) fn log_beside(path: &Path) -> Option<PathBuf> {
    let mut logs = LOGS.iter().map(|suffix| beside(path, suffix));
    logs.find(|log| log.exists())
}

/// Returns the path of a file beside the database file.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.to_owned().into_os_string();
    path.push(suffix);
    path.into()
}

fn identity(metadata: &fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn unreadable(path: &Path, cause: Error) -> StoreError {
    StoreError::unavailable(FileError::Read {
        path: path.to_owned(),
        cause,
    })
}
