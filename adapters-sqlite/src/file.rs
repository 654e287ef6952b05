//! The database file: made for its owner's eyes only, and recognized when it was swapped.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use openindex_domain::StoreError;

#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot create the database file {}", path.display())]
    Create {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("database file not found: {}", path.display())]
    Missing { path: PathBuf },
    #[error("cannot read the database file {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "the database file {} was replaced while it was open; restart to use the new one",
        path.display()
    )]
    Replaced { path: PathBuf },
}

/// The file that the connections were opened on.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl DatabaseFile {
    /// Takes note of the file, creating an empty one with mode 0600 where there is none. SQLite
    /// gives the files that it puts beside it (`-wal`, `-shm`) the same mode.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Self, StoreError> {
        if create {
            Self::create(path)?;
        }
        let metadata = fs::metadata(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => StoreError::unavailable(FileError::Missing {
                // The working directory is what is wrong, most of the time.
                path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            }),
            _ => unreadable(path, source),
        })?;
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                mode = format_args!("{:04o}", metadata.permissions().mode() & 0o7777),
                "others can read or write the database file; chmod 600 it"
            );
        }
        Ok(Self {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    fn create(path: &Path) -> Result<(), StoreError> {
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match created {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(source) => Err(StoreError::unavailable(FileError::Create {
                path: path.to_owned(),
                source,
            })),
        }
    }

    /// Fails when the path leads elsewhere by now: what is written from here on would be lost with
    /// the old file.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let metadata = fs::metadata(&self.path).map_err(|source| unreadable(&self.path, source))?;
        if self.identity == (metadata.dev(), metadata.ino()) {
            return Ok(());
        }
        Err(StoreError::unavailable(FileError::Replaced {
            path: self.path.clone(),
        }))
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::unavailable(FileError::Read {
        path: path.to_owned(),
        source,
    })
}
