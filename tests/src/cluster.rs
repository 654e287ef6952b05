use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A PostgreSQL cluster for one test, which may stop and crash it. Stopped when dropped.
pub struct Cluster {
    directory: TempDir,
    /// The URL of a database in it.
    pub url: String,
}

impl Cluster {
    /// Creates and starts a cluster.
    #[must_use]
    pub fn new() -> Self {
        let directory = open_directory();
        let path = directory.path().join("cluster");
        let url = start(&path);
        Self { directory, url }
    }

    /// Starts the cluster again on the same address.
    pub fn start(&self) {
        assert_eq!(start(&self.path()), self.url);
    }

    /// Shuts the cluster down.
    pub fn stop(&self) {
        let path = self.path();
        let stopped = script(&["stop", &path.display().to_string()]);
        assert!(stopped.status.success(), "{stopped:?}");
    }

    /// Stops the cluster as a power cut would: nothing more is flushed.
    pub fn crash(&self) {
        let path = self.path();
        let stopped = script(&["stop", &path.display().to_string(), "--immediate"]);
        assert!(stopped.status.success(), "{stopped:?}");
    }

    /// Replaces `pg_hba.conf` with these lines.
    pub fn allow(&self, lines: &str) {
        std::fs::write(self.path().join("data/pg_hba.conf"), lines).expect("written");
        self.stop();
        self.start();
    }

    /// Returns the log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("server.log")).expect("its log")
    }

    /// Turns the cluster into a read-only standby at its next start.
    pub fn become_standby(&self) {
        let signal = self.path().join("data/standby.signal");
        std::fs::write(signal, "").expect("the file that makes a standby");
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("cluster")
    }
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let path = self.path();
        let _ = script(&["stop", &path.display().to_string(), "--immediate"]);
    }
}

/// Creates a directory that every user can enter: when the tests run as root, the server runs as
/// another user.
pub(crate) fn open_directory() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let open = Command::new("chmod")
        .arg("755")
        .arg(directory.path())
        .status();
    assert!(open.expect("chmod runs").success());
    directory
}

pub(crate) fn start(directory: &Path) -> String {
    let started = script(&["start", &directory.display().to_string()]);
    assert!(started.status.success(), "{started:?}");
    String::from_utf8(started.stdout)
        .expect("a URL")
        .trim()
        .to_owned()
}

pub(crate) fn script(arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
    Command::new(script)
        .args(arguments)
        .output()
        .expect("scripts/postgres runs")
}
