//! A PostgreSQL cluster for one test, which may stop and start it.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) struct Cluster {
    directory: TempDir,
    pub(crate) url: String,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = start(directory.path());
        Self { directory, url }
    }

    /// Kills the server, as a crash would.
    pub(crate) fn crash(&self) {
        let output = script(&["stop"], self.directory.path(), &["--immediate"]);
        assert!(output.status.success(), "{output:?}");
    }

    /// Turns the server into a read-only standby at its next start.
    pub(crate) fn demote(&self) {
        let signal = self.directory.path().join("data/standby.signal");
        std::fs::write(signal, "").expect("the file that makes a standby");
    }

    /// Starts the server again on the same port.
    pub(crate) fn restart(&self) {
        assert_eq!(start(self.directory.path()), self.url);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Fails if the test has already stopped it.
        script(&["stop"], self.directory.path(), &["--immediate"]);
    }
}

fn start(directory: &Path) -> String {
    let output = script(&["start"], directory, &[]);
    assert!(output.status.success(), "{output:?}");
    let url = String::from_utf8(output.stdout).expect("a URL");
    url.trim().to_owned()
}

fn script(before: &[&str], directory: &Path, after: &[&str]) -> Output {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres"))
        .args(before)
        .arg(directory)
        .args(after)
        .output()
        .expect("scripts/postgres runs")
}
