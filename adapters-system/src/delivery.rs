//! Whether standard output takes what is shown once and never again.

use std::io;

/// Checks, before anything is done, that standard output is open and its reader is there.
///
/// A full disk is only known by writing.
///
/// # Errors
///
/// Why nothing that is written would arrive.
pub fn check_stdout() -> io::Result<()> {
    #[cfg(unix)]
    unix::check(&io::stdout())?;
    Ok(())
}

/// Waits until what was written to standard output is stored, if that is a file: some file systems
/// tell only then that they are full.
///
/// # Errors
///
/// Why it is not stored.
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
            return Err(io::Error::other("it is open for reading alone"));
        }
        // Rust opens the null device in place of a stream that was closed at the start, for reading
        // and writing; a shell opens it for writing.
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
        fn a_stream_that_nothing_arrives_through_is_told_before_it_is_written_to() {
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
