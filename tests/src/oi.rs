use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::binary;

/// The `oi` command with its own configuration and a clean environment.
pub struct Oi {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

/// The result of a run of `oi`.
#[derive(Debug)]
pub struct Output {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Oi {
    /// Creates a configuration without profiles.
    #[must_use]
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            environment: vec![],
        }
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the path of the configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("oi").join("config.json")
    }

    /// Runs `oi` without standard input.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// Runs `oi` with this text on standard input.
    #[must_use]
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        self.run_into(arguments, input, Stdio::piped())
    }

    /// Runs `oi` with this text on standard input, and with standard output redirected.
    #[must_use]
    pub fn run_into(&self, arguments: &[&str], input: &str, stdout: impl Into<Stdio>) -> Output {
        let mut child = Command::new(binary("oi"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.directory.path())
            .env("OPENINDEX_CONFIG", self.config())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .expect("oi starts");
        let mut stdin = child.stdin.take().expect("standard input");
        // The process may exit without reading.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        Output {
            code: output.status.code().expect("not killed by a signal"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Default for Oi {
    fn default() -> Self {
        Self::new()
    }
}

impl Output {
    /// Parses standard output as one JSON document. Panics if the command failed.
    #[must_use]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
