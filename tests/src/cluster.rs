use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A PostgreSQL cluster of the test's own, which it may stop and crash. Stopped when it is
/// dropped.
pub struct Cluster {
    directory: TempDir,
    /// Where it is.
    pub url: String,
}

impl Cluster {
    /// Makes and starts one.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // The server runs as another user when the tests run as root, and must get in.
        let path = directory.path().join("cluster");
        let open = Command::new("chmod")
            .arg("755")
            .arg(directory.path())
            .status();
        assert!(open.expect("chmod runs").success());
        let url = start(&path);
        Self { directory, url }
    }

    /// Starts it again, where it was.
    pub fn start(&self) {
        assert_eq!(start(&self.path()), self.url);
    }

    /// Stops it in order.
    pub fn stop(&self) {
        let path = self.path();
        let stopped = script(&["stop", &path.display().to_string()]);
        assert!(stopped.status.success(), "{stopped:?}");
    }

    /// Ends it as a power cut would: nothing is flushed that was not.
    pub fn crash(&self) {
        let path = self.path();
        let stopped = script(&["stop", &path.display().to_string(), "--immediate"]);
        assert!(stopped.status.success(), "{stopped:?}");
    }

    /// Lets clients in by these lines of `pg_hba.conf`, and by no others.
    pub fn allow(&self, lines: &str) {
        std::fs::write(self.path().join("data/pg_hba.conf"), lines).expect("written");
        self.stop();
        self.start();
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("server.log")).expect("its log")
    }

    /// Makes it a standby from its next start on: it can be read, and takes no change.
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

fn start(directory: &Path) -> String {
    let started = script(&["start", &directory.display().to_string()]);
    assert!(started.status.success(), "{started:?}");
    String::from_utf8(started.stdout)
        .expect("a URL")
        .trim()
        .to_owned()
}

fn script(arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
    Command::new(script)
        .args(arguments)
        .output()
        .expect("scripts/postgres runs")
}
