use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Waits until no other `oi` is changing the file, and keeps others waiting until it is dropped.
///
/// It locks a file beside it, since the file itself is replaced by each change; where no file can
/// be made beside it, the file itself, which is then overwritten.
pub(super) fn lock(target: &Path) -> io::Result<File> {
    let directory = directory_of(target);
    create_private_directory(directory)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let beside = directory.join(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = match options.open(&beside) {
        Ok(file) => {
            inherit_owner(&beside, directory);
            file
        }
        Err(error) if leaves_no_room(&error) => match OpenOptions::new().write(true).open(target) {
            Ok(file) => file,
            Err(_) => return Err(error),
        },
        Err(error) => return Err(error),
    };
    match file.lock() {
        // Some network file systems have no locks; a change there is still atomic.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        locked => locked?,
    }
    Ok(file)
}

/// Replaces the file by one with this content, which only its owner can read (mode 0600, from
/// the first byte on). After a crash there is the old content or the new one.
///
/// A file that cannot be replaced (one that is mounted, as into a container; one in a directory
/// that is not ours; one of another user, who would be locked out) is overwritten.
pub(super) fn write_private(target: &Path, content: &[u8]) -> io::Result<()> {
    match replace(target, content) {
        Err(error) if leaves_no_room(&error) && target.is_file() => overwrite(target, content),
        replaced => replaced,
    }
}

/// Whether the error is about the directory rather than the content. (A full disk is not: what
/// cannot be written beside the file must not be written over it.)
fn leaves_no_room(error: &io::Error) -> bool {
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
    // The new name is on the disk only with the directory.
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    Ok(())
}

/// Writes over the content. When the disk is full, the old content is put back, for which there
/// is room.
fn overwrite(target: &Path, content: &[u8]) -> io::Result<()> {
    let old = zeroize::Zeroizing::new(fs::read(target)?);
    let mut file = OpenOptions::new().write(true).open(target)?;
    // Only its owner may, and it was told.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = file.set_permissions(fs::Permissions::from_mode(0o600));
    }
    overwrite_with(&mut file, content).inspect_err(|_| {
        let _ = overwrite_with(&mut file, &old);
    })
}

fn overwrite_with(file: &mut File, content: &[u8]) -> io::Result<()> {
    use std::io::Seek as _;
    file.rewind()?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// Gives a file the owner and the group of the one that it is to replace, so that nobody is locked
/// out of their own after `sudo oi`.
fn keep_owner(file: &File, replaced: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, fchown};
        let (old, new) = (fs::metadata(replaced)?, file.metadata()?);
        if (old.uid(), old.gid()) == (new.uid(), new.gid()) {
            return Ok(());
        }
        match fchown(file, Some(old.uid()), Some(old.gid())) {
            // A group that we are not in, of a file that is ours: nobody is locked out.
            Err(_) if old.uid() == new.uid() => Ok(()),
            changed => changed,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, replaced);
        Ok(())
    }
}

/// Gives what root makes in the directory of another user to that user. Nobody else can, or has to.
fn inherit_owner(path: &Path, directory: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, lchown};
        if let (Ok(made), Ok(around)) = (fs::symlink_metadata(path), fs::metadata(directory))
            && made.uid() == 0
            && around.uid() != 0
        {
            let _ = lchown(path, Some(around.uid()), Some(around.gid()));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, directory);
}

fn create_private_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = directory_of(directory);
    create_private_directory(parent)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    match builder.create(directory) {
        // Another `oi` was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            inherit_owner(directory, parent);
            Ok(())
        }
    }
}

/// `.` for a bare file name.
fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_replaced_is_overwritten_whole() {
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
    fn an_error_of_the_directory_is_told_from_a_full_disk() {
        use errno::{EACCES, EBUSY, ENOSPC, EPERM, EROFS, EXDEV};
        for code in [EBUSY, EACCES, EPERM, EROFS, EXDEV] {
            assert!(
                leaves_no_room(&io::Error::from_raw_os_error(code)),
                "{code}"
            );
        }
        assert!(!leaves_no_room(&io::Error::from_raw_os_error(ENOSPC)));
    }

    /// The same on every Unix.
    mod errno {
        pub(super) const EPERM: i32 = 1;
        pub(super) const EACCES: i32 = 13;
        pub(super) const EBUSY: i32 = 16;
        pub(super) const EXDEV: i32 = 18;
        pub(super) const ENOSPC: i32 = 28;
        pub(super) const EROFS: i32 = 30;
    }
}
