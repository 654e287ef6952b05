//! Files in a directory that may belong to another user, such as the server's while root runs a
//! command. That user can replace any name in it at any time, so what is opened is checked, and
//! what is created belongs to the owner of the very directory in which it is.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Error, Result};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, fstat, openat, statat};

/// An open directory.
#[derive(Debug)]
pub(crate) struct Place(File);

impl Place {
    /// Opens the directory that contains the file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        Self::open(directory_of(path), OFlags::empty())
    }

    /// Opens a directory. Fails if it is a link.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        Self::open(path, OFlags::NOFOLLOW)
    }

    /// Returns whether the directory belongs to this process, which is unknown on a network file
    /// system that gives what root creates to another user.
    pub(crate) fn is_own(&self) -> bool {
        fstat(&self.0).is_ok_and(|it| it.st_uid == rustix::process::geteuid().as_raw())
    }

    fn open(path: &Path, flags: OFlags) -> Result<Self> {
        let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?.into()))
    }

    /// Returns the open directory, to lock or list it.
    pub(crate) fn file(&self) -> &File {
        &self.0
    }

    /// Creates a file with mode 0600.
    pub(crate) fn create(&self, name: &OsStr) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Gives a file to the owner of the directory or, if there is one with this name, of another
    /// file in it, as far as this process may: a server that runs as another user can open what
    /// root has created in its directory.
    pub(crate) fn give(&self, file: &File, as_of: Option<&OsStr>) -> Result<()> {
        let other = as_of.map(|name| statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW));
        let owner: Stat = other.unwrap_or_else(|| fstat(&self.0))?;
        if file.metadata()?.uid() != owner.st_uid {
            // Only root may.
            let _ = fchown(file, Some(owner.st_uid), Some(owner.st_gid));
        }
        Ok(())
    }
}

/// Opens a file that exists. Fails for a link, for a file with another link, and for what is no
/// file: root must not write where these lead, nor wait for a pipe.
pub(crate) fn open_own(path: &Path, write: bool) -> Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = with_flags(flags).write(write).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.nlink() == 1 {
        Ok(file)
    } else {
        Err(Error::other("not a file, or a file with several names"))
    }
}

/// Opens a file to read, also by a link. Fails for what is no file, and does not wait for a pipe.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let file = with_flags(OFlags::NONBLOCK).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Error::other("not a file"))
    }
}

/// Returns the directory that contains the file.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn with_flags(flags: OFlags) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_file_with_one_name_is_opened_for_its_owner() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "content").expect("written");
        assert!(open_own(&path("file"), true).is_ok());
        fs::hard_link(path("file"), path("linked")).expect("linked");
        symlink(path("file"), path("link")).expect("linked");
        let made = Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.expect("mkfifo runs").success());
        for name in ["linked", "link", "pipe", "missing", "."] {
            assert!(open_own(&path(name), false).is_err(), "{name}");
        }
        assert!(open_file(&path("link")).is_ok());
        for name in ["pipe", "missing", "."] {
            assert!(open_file(&path(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_link_is_no_directory_and_another_users_is_not_our_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let (own, link) = (directory.path().join("own"), directory.path().join("link"));
        fs::create_dir(&own).expect("created");
        symlink(&own, &link).expect("linked");
        assert!(Place::at(&own).expect("opened").is_own());
        assert!(Place::at(&link).is_err());
        if std::os::unix::fs::chown(&own, Some(65_534), None).is_ok() {
            assert!(!Place::at(&own).expect("opened").is_own());
        }
    }
}
