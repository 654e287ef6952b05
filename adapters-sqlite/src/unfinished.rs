//! Directories beside the place of a file, in which it is until it is complete.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Error, Result};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, unlinkat};
use tempfile::{TempDir, TempPath};

use crate::place::{Place, directory_of};

/// The number of random characters in the name of a directory.
const RANDOM: usize = 6;

/// A file that is not complete yet, and its logs. They are deleted when this is dropped, or by the
/// next one at the same place if the process is killed.
#[derive(Debug)]
pub(crate) struct Unfinished {
    directory: TempDir,
    path: PathBuf,
    file: File,
    /// Locked. Others do not delete the directory while this is open.
    _place: Place,
}

impl Unfinished {
    /// Creates an empty file with mode 0600 and this name, in a directory whose name begins with
    /// `prefix`.
    pub(crate) fn beside(place: &Path, prefix: &str, name: &str) -> Result<Self> {
        let parent = directory_of(place);
        delete_abandoned(parent, prefix, name);
        let mut builder = tempfile::Builder::new();
        let directory = builder
            .prefix(prefix)
            .rand_bytes(RANDOM)
            .tempdir_in(parent)?;
        let place = Place::at(directory.path())?;
        // Without it, as on some network file systems, others cannot lock the directory either.
        let _ = place.file().lock();
        Ok(Self {
            path: directory.path().join(name),
            file: place.create(OsStr::new(name))?,
            directory,
            _place: place,
        })
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Moves the file to its place, where none may be, once it is on disk. Its owner becomes that
    /// of the directory, as far as this process may do that.
    pub(crate) fn move_to(self, place: &Path) -> Result<()> {
        self.file.sync_all()?;
        Place::of(place)?.give(&self.file, None)?;
        let file = TempPath::try_from_path(&self.path)?;
        file.persist_noclobber(place).map_err(|error| error.error)?;
        let (moved, own) = (place.symlink_metadata()?, self.file.metadata()?);
        if (moved.dev(), moved.ino()) == (own.dev(), own.ino()) {
            Ok(())
        } else {
            Err(Error::other("the file was replaced"))
        }
    }
}

/// Deletes directories of processes that were killed, as far as this process may.
fn delete_abandoned(parent: &Path, prefix: &str, name: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let directory = entry.file_name();
        let random = directory.to_str().and_then(|it| it.strip_prefix(prefix));
        let is_random = |text: &str| {
            text.len() == RANDOM && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if random.is_some_and(is_random)
            && let Ok(place) = Place::at(&entry.path())
            && place.is_own()
            && place.file().try_lock().is_ok()
            && delete_files(&place, name).is_ok()
        {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Deletes the file with this name and its logs. Fails if there is anything else, or nothing: the
/// directory may be about to be locked.
fn delete_files(place: &Place, name: &str) -> Result<()> {
    let mut files = Vec::new();
    for file in Dir::read_from(place.file())? {
        let file = file?.file_name().to_owned();
        match file.to_str().map(|file| file.strip_prefix(name)) {
            Ok(Some("" | "-wal" | "-shm" | "-journal" | "-lock")) => files.push(file),
            _ if matches!(file.to_bytes(), b"." | b"..") => {}
            _ => return Err(Error::other("not ours")),
        }
    }
    if files.is_empty() {
        return Err(Error::other("about to be used"));
    }
    for file in &files {
        unlinkat(place.file(), file, AtFlags::empty())?;
    }
    Ok(())
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
        let others = [
            ".oi-backup-daily1/2026",
            ".oi-backup-nightly",
            ".oi-restore-killed",
        ];
        let others = others.map(|name| parent.path().join(name));
        for directory in others.iter().chain([&abandoned]) {
            fs::create_dir_all(directory).expect("created");
            fs::write(directory.join("copy.db"), "half").expect("written");
            fs::write(directory.join("copy.db-journal"), "half").expect("written");
        }
        let next = Unfinished::beside(&place, ".oi-backup-", "copy.db").expect("created");
        assert!(!abandoned.exists());
        assert!(others.iter().all(|other| other.join("copy.db").exists()));
        assert!(in_use.path().exists());
        drop(in_use);
        next.move_to(&place).expect("moved");
        let mut left: Vec<_> = fs::read_dir(parent.path())
            .expect("a directory")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        left.sort();
        let [daily, nightly, restored] = others;
        let daily = daily.parent().expect("a directory").to_owned();
        assert_eq!(left, [daily, nightly, restored, place]);
    }
}
