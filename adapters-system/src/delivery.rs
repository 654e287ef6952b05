//! Checks that standard output can receive a secret that is printed only once.

use std::io;

/// Checks that standard output is open for writing and that its reader has not gone away.
///
/// Cannot detect a full disk, which only a write reveals.
///
/// # Errors
///
/// If a write would not be delivered.
pub fn check_stdout() -> io::Result<()> {
    #[cfg(unix)]
    unix::check(&io::stdout())?;
    Ok(())
}

/// Syncs standard output to disk if it is a file: some file systems report only then that they are
/// full.
///
/// # Errors
///
/// If the file cannot be synced.
pub fn settle_stdout() -> io::Result<()> {
    #[cfg(unix)]
    unix::settle(&io::stdout())?;
    Ok(())
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::{OFlags, fcntl_getfl};

    pub(super) fn check(out: &impl AsFd) -> io::Result<()> {
        let mode = fcntl_getfl(out)?;
        if mode & OFlags::ACCMODE == OFlags::RDONLY {
            return Err(io::Error::other("it is open for reading only"));
        }
        // Rust replaces a stream that is closed at startup with the null device, opened for reading
        // and writing; a shell redirection opens it for writing only.
        if mode & OFlags::ACCMODE == OFlags::RDWR && is_null_device(out)? {
            return Err(io::Error::other("it is closed"));
        }
        let mut polled = [PollFd::new(out, PollFlags::OUT)];
        let now = Timespec::default();
        poll(&mut polled, Some(&now))?;
        if polled[0]
            .revents()
            .intersects(PollFlags::ERR | PollFlags::NVAL)
        {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    pub(super) fn settle(out: &impl AsFd) -> io::Result<()> {
        let file = File::from(out.as_fd().try_clone_to_owned()?);
        if file.metadata()?.is_file() {
            file.sync_all()?;
        }
        Ok(())
    }

    fn is_null_device(out: &impl AsFd) -> io::Result<bool> {
        let metadata = File::from(out.as_fd().try_clone_to_owned()?).metadata()?;
        let Ok(null) = fs::metadata("/dev/null") else {
            return Ok(false);
        };
        Ok(metadata.file_type().is_char_device() && metadata.rdev() == null.rdev())
    }

    #[cfg(test)]
    mod tests {
        use std::fs::OpenOptions;

        use super::*;

        #[test]
        fn an_output_that_cannot_be_written_is_detected_before_writing() {
            let open = |read: bool, write: bool| {
                let mut options = OpenOptions::new();
                options.read(read).write(write).open("/dev/null").unwrap()
            };
            assert!(check(&open(false, true)).is_ok());
            assert!(check(&open(true, false)).is_err());
            let closed = check(&open(true, true)).unwrap_err();
            assert_eq!(closed.to_string(), "it is closed");
            let (reader, writer) = io::pipe().unwrap();
            assert!(check(&writer).is_ok());
            drop(reader);
            let gone = check(&writer).unwrap_err();
            assert_eq!(gone.kind(), io::ErrorKind::BrokenPipe);
        }
    }
}
