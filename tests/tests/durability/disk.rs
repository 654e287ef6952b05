//! A small disk of its own: an ext4 file system in a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Enough for the database, and little enough to be filled at once.
const SIZE: &str = "32M";

/// A mounted file system. Unmounted when dropped.
pub(crate) struct Disk {
    directory: TempDir,
}

impl Disk {
    /// Creates and mounts a file system. Returns `None`, and says so, if these tests may not mount.
    #[expect(clippy::print_stderr, reason = "a test that was left out says so")]
    pub(crate) fn new() -> Option<Self> {
        let disk = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        fs::create_dir(disk.root()).expect("created");
        let image = disk.image();
        if run("truncate", &["--size", SIZE, &image])
            && run("/sbin/mkfs.ext4", &["-q", "-F", "-m", "0", &image])
            && disk.mount("loop")
        {
            return Some(disk);
        }
        eprintln!("left out: may not mount a file system");
        None
    }

    fn image(&self) -> String {
        text(&self.directory.path().join("image"))
    }

    /// Returns the directory in which it is mounted.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Returns the URL of a database on it.
    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", text(&self.root().join("openindex.db")))
    }

    /// Mounts the file system with these options.
    fn mount(&self, options: &str) -> bool {
        run(
            "mount",
            &["-o", options, &self.image(), &text(&self.root())],
        )
    }

    /// Fills it, except for this number of bytes.
    pub(crate) fn fill(&self, free: u64) {
        let root = text(&self.root());
        let space = Command::new("df")
            .args(["--output=avail", "--block-size=1", &root])
            .output()
            .expect("df runs");
        let space = String::from_utf8(space.stdout).expect("text");
        let space: u64 = space
            .lines()
            .last()
            .and_then(|line| line.trim().parse().ok())
            .expect("a number");
        let ballast = text(&self.ballast());
        let length = space.saturating_sub(free).max(1).to_string();
        // Fails if there was less space by now, and has filled it then.
        run("fallocate", &["--length", &length, &ballast]);
    }

    /// Frees what was filled.
    pub(crate) fn free(&self) {
        fs::remove_file(self.ballast()).expect("removed");
    }

    fn ballast(&self) -> PathBuf {
        self.root().join("ballast")
    }

    /// Makes the file system read-only as the system does after an error: what is not on the disk
    /// yet is lost.
    pub(crate) fn fail(&self) {
        assert!(run("mount", &["-o", "remount,abort", &text(&self.root())]));
    }

    /// Repairs the file system after an error, and mounts it again. It must not be in use.
    pub(crate) fn repair(&self) {
        self.unmount();
        let status = Command::new("/sbin/e2fsck")
            .args(["-p", &self.image()])
            .output();
        let status = status.expect("e2fsck runs");
        // 1: errors were corrected.
        assert!(matches!(status.status.code(), Some(0 | 1)), "{status:?}");
        assert!(self.mount("loop"));
    }

    /// Mounts the file system again, read-only. It must not be in use.
    pub(crate) fn remount_read_only(&self) {
        self.unmount();
        assert!(self.mount("loop,ro"));
    }

    fn unmount(&self) {
        assert!(run("umount", &[&text(&self.root())]));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A server may still have its files open, and it may not be mounted.
        run("umount", &["--lazy", &text(&self.root())]);
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of text").to_owned()
}

/// Runs a command, and returns whether it succeeded.
fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}
