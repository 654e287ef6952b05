//! Directories beside the place of a file, in which it is until it is complete.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{TempDir, TempPath};

use crate::file::directory_of;

/// A file that is not complete yet, and its logs. They are deleted when this is dropped, or by the
/// next one at the same place if the process is killed.
#[derive(Debug)]
pub(crate) struct Unfinished {
    directory: TempDir,
    file: PathBuf,
    /// Others do not delete the directory while this is open.
    _lock: File,
}

impl Unfinished {
    /// Creates an empty file with mode 0600 and this name, in a directory whose name begins with
    /// `prefix`.
    pub(crate) fn beside(place: &Path, prefix: &str, name: &str) -> io::Result<Self> {
        let parent = directory_of(place);
        delete_abandoned(parent, prefix);
        let directory = tempfile::Builder::new().prefix(prefix).tempdir_in(parent)?;
        let lock = File::open(directory.path())?;
        // Without it, as on some network file systems, others cannot lock the directory either.
        let _ = lock.lock();
        let file = directory.path().join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&file)?;
        Ok(Self {
            directory,
            file,
            _lock: lock,
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Moves the file to its place, where none may be.
    pub(crate) fn move_to(self, place: &Path) -> io::Result<()> {
        let file = TempPath::try_from_path(&self.file)?;
        file.persist_noclobber(place).map_err(|error| error.error)
    }
}

/// Deletes directories of processes that were killed, as far as this process may.
fn delete_abandoned(parent: &Path, prefix: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = name.as_encoded_bytes().starts_with(prefix.as_bytes());
        if !is_ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        // An empty one may be about to be locked.
        let has_files = || fs::read_dir(&path).is_ok_and(|mut files| files.next().is_some());
        if let Ok(lock) = File::open(&path)
            && lock.try_lock().is_ok()
            && has_files()
        {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_deleted_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().expect("a directory");
        let place = parent.path().join("backup.db");
        let in_use = Unfinished::beside(&place, ".oi-backup-", "copy.db").expect("created");
        let abandoned = parent.path().join(".oi-backup-killed");
        let other = parent.path().join(".oi-restore-killed");
        for directory in [&abandoned, &other] {
            fs::create_dir(directory).expect("created");
            fs::write(directory.join("copy.db"), "half").expect("written");
        }
        let next = Unfinished::beside(&place, ".oi-backup-", "copy.db").expect("created");
        assert!(!abandoned.exists());
        assert!(other.exists());
        assert!(in_use.file().exists());
        drop(in_use);
        next.move_to(&place).expect("moved");
        let mut left: Vec<_> = fs::read_dir(parent.path())
            .expect("a directory")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        left.sort();
        assert_eq!(left, [other, place]);
    }
}
