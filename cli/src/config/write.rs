use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Waits until no other `oi` is changing the file, and keeps others waiting until it is dropped.
///
/// It locks a file beside it, since the file itself is replaced by each change.
pub(super) fn lock(target: &Path) -> io::Result<File> {
    let directory = directory_of(target);
    create_private_directory(directory)?;
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(directory.join(name))?;
    match file.lock() {
        // Some network file systems have no locks; a change there is still atomic.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        locked => locked?,
    }
    Ok(file)
}

/// Replaces the file by one with this content, which only its owner can read (mode 0600, from
/// the first byte on). After a crash there is the old content or the new one.
pub(super) fn write_private(target: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(target);
    let mut file = tempfile::Builder::new()
        .prefix(".config-")
        .tempfile_in(directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    // The new name is on the disk only with the directory.
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    Ok(())
}

fn create_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

/// `.` for a bare file name.
fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
