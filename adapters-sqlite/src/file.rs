//! The database file: made for its owner's eyes only, and recognized when it was swapped.

use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use openindex_domain::StoreError;

#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot create the database file {}: {}", path.display(), reason(cause))]
    Create { path: PathBuf, cause: Error },
    #[error("database file not found: {}", path.display())]
    Missing { path: PathBuf },
    #[error("cannot read the database file {}: {}", path.display(), reason(cause))]
    Read { path: PathBuf, cause: Error },
    #[error("the database path {} is a directory or a device; name a file", path.display())]
    NoFile { path: PathBuf },
    #[error(
        "the database file {} was removed or replaced while it was open; restart the server to use \
         what is there now",
        path.display()
    )]
    Replaced { path: PathBuf },
}

/// Why, and what to do.
fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory; create its directory first".to_owned(),
        ErrorKind::PermissionDenied => {
            "permission denied; let the server's user write to it and to its directory".to_owned()
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
    /// The write-ahead log and its index, which exist as long as a connection is open.
    log: OnceLock<[(PathBuf, Identity); 2]>,
}

impl DatabaseFile {
    /// Takes note of the file, creating an empty one with mode 0600 where there is none. SQLite
    /// gives the files that it puts beside it (`-wal`, `-shm`) the same mode.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, StoreError> {
        if create {
            Self::create(path)?;
        }
        let metadata = fs::metadata(path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => StoreError::unavailable(FileError::Missing {
                // The working directory is what is wrong, most of the time.
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
                "others can read or write the database file; chmod 600 it"
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

    /// Takes note of the write-ahead log and its index, once a connection has read.
    pub(crate) fn note_log(&self) -> Result<(), StoreError> {
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

    /// Fails when a path leads elsewhere by now, or nowhere: what is written from here on would be
    /// lost with the old file, and a connection that is opened from here on would read another.
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
