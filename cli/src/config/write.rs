use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown, lchown,
};
use std::path::Path;

/// Locks the config file against other `oi` processes until the returned file is dropped.
///
/// The lock is a file beside it, since each update replaces the config file itself. If none can be
/// created there, the config file is locked, and will be overwritten in place.
pub(super) fn lock(target: &Path) -> io::Result<File> {
    let directory = directory_of(target);
    create_private_directory(directory)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let beside = directory.join(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = match options.open(&beside) {
        Ok(file) => {
            inherit_owner(&beside, directory);
            file
        }
        Err(error) if is_directory_error(&error) => {
            match OpenOptions::new().write(true).open(target) {
                Ok(file) => file,
                Err(_) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    match file.lock() {
        // Some network file systems do not support locks; an update is still atomic there.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        locked => locked?,
    }
    Ok(file)
}

/// Replaces the file with one of mode 0600. After a crash, the file has the old or the new content.
///
/// A file that cannot be replaced is overwritten in place: a bind mount, a file in a directory that
/// is not writable, or another user's file, which that user would no longer be able to read.
pub(super) fn write_private(target: &Path, content: &[u8]) -> io::Result<()> {
    match replace(target, content) {
        Err(error) if is_directory_error(&error) && target.is_file() => overwrite(target, content),
        replaced => replaced,
    }
}

/// Returns whether the error is about the directory and not the content. A full disk does not
/// count: overwriting the file could lose it.
fn is_directory_error(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::ResourceBusy | K::PermissionDenied | K::ReadOnlyFilesystem | K::CrossesDevices
    )
}

fn replace(target: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(target);
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .tempfile_in(directory)?;
    if target.exists() {
        keep_owner(file.as_file(), target)?;
    } else {
        inherit_owner(file.path(), directory);
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    // The rename is durable only after the directory is synced.
    File::open(directory)?.sync_all()
}

/// Overwrites the file in place. If the disk is full, the old content is restored.
fn overwrite(target: &Path, content: &[u8]) -> io::Result<()> {
    let old = zeroize::Zeroizing::new(fs::read(target)?);
    let mut file = OpenOptions::new().write(true).open(target)?;
    // Only the owner can change the mode; `exposure` has warned about it.
    let _ = file.set_permissions(Permissions::from_mode(0o600));
    overwrite_with(&mut file, content).inspect_err(|_| {
        let _ = overwrite_with(&mut file, &old);
    })
}

fn overwrite_with(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// Gives a file the owner and group of the file that it replaces, so that users can still read
/// their config file after `sudo oi`.
fn keep_owner(file: &File, replaced: &Path) -> io::Result<()> {
    let (old, new) = (fs::metadata(replaced)?, file.metadata()?);
    if (old.uid(), old.gid()) == (new.uid(), new.gid()) {
        return Ok(());
    }
    match fchown(file, Some(old.uid()), Some(old.gid())) {
        // Our own file with a group that we are not in: the owner still has access.
        Err(_) if old.uid() == new.uid() => Ok(()),
        changed => changed,
    }
}

/// Gives a file that root created in another user's directory to that user.
fn inherit_owner(path: &Path, directory: &Path) {
    if let (Ok(created), Ok(parent)) = (fs::symlink_metadata(path), fs::metadata(directory))
        && created.uid() == 0
        && parent.uid() != 0
    {
        let _ = lchown(path, Some(parent.uid()), Some(parent.gid()));
    }
}

fn create_private_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory_of(directory);
    create_private_directory(parent)?;
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        // Another `oi` process created it first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        created => created.inspect(|()| inherit_owner(directory, parent)),
    }
}

/// Returns the parent directory; `.` for a bare file name.
pub(crate) fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn overwriting_leaves_nothing_of_the_old_content() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("config.json");
        for content in [
            &b"a long content"[..],
            b"short",
            b"a longer content than all",
        ] {
            fs::write(&target, "what was there").unwrap();
            overwrite(&target, content).unwrap();
            assert_eq!(fs::read(&target).unwrap(), content);
        }
    }

    #[test]
    fn a_full_disk_is_not_a_directory_error() {
        use errno::{EACCES, EBUSY, ENOSPC, EPERM, EROFS, EXDEV};
        for code in [EBUSY, EACCES, EPERM, EROFS, EXDEV] {
            assert!(
                is_directory_error(&io::Error::from_raw_os_error(code)),
                "{code}"
            );
        }
        assert!(!is_directory_error(&io::Error::from_raw_os_error(ENOSPC)));
    }

    /// Error numbers that are the same on every Unix.
    mod errno {
        pub(super) const EPERM: i32 = 1;
        pub(super) const EACCES: i32 = 13;
        pub(super) const EBUSY: i32 = 16;
        pub(super) const EXDEV: i32 = 18;
        pub(super) const ENOSPC: i32 = 28;
        pub(super) const EROFS: i32 = 30;
    }
}
