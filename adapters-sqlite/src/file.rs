//! The database file: created for its owner only, and checked for replacement.

use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use openindex_domain::StoreError;

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
    #[error("cannot read database file {}: {}", path.display(), reason(cause))]
    Read { path: PathBuf, cause: Error },
    #[error("database path {} is a directory or a device; specify a file", path.display())]
    NoFile { path: PathBuf },
    #[error(
        "database file {} was removed or replaced while it was open; restart the server to use \
         the current one",
        path.display()
    )]
    Replaced { path: PathBuf },
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
        })
    }

    /// Records the identities of the write-ahead log and its index, once a connection has read.
    pub(crate) fn record_log(&self) -> Result<(), StoreError> {
        let beside = |suffix: &str| -> Result<_, StoreError> {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            let metadata = fs::metadata(&path).map_err(|cause| unreadable(&path, cause))?;
            Ok((path, identity(&metadata)))
        };
        let log = [beside("-wal")?, beside("-shm")?];
        self.log.get_or_init(|| log);
        Ok(())
    }

    fn create(path: &Path) -> Result<(), StoreError> {
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match created {
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
        let log = log.map(|(path, identity)| (path, identity));
        for (path, opened) in std::iter::once((&self.path, &self.identity)).chain(log) {
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

fn identity(metadata: &fs::Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

fn unreadable(path: &Path, cause: Error) -> StoreError {
    StoreError::unavailable(FileError::Read {
        path: path.to_owned(),
        cause,
    })
}
