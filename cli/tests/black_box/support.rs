//! Runs `oi` in its own home directory.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Secret, TokenKind};
use serde_json::Value;
use tempfile::TempDir;

/// Returns a valid secret, the same one for the same seed.
pub(crate) fn secret(kind: TokenKind, seed: u64) -> String {
    Secret::generate(kind, &SeededEntropy::new(seed))
        .expect("entropy")
        .expose()
        .to_owned()
}

/// The token of the profile.
pub(crate) fn profile_token() -> String {
    secret(TokenKind::Personal, 1)
}

/// The token in the environment.
pub(crate) fn environment_token() -> String {
    secret(TokenKind::Personal, 2)
}

/// An agent run's token.
pub(crate) fn run_token() -> String {
    secret(TokenKind::AgentRun, 4)
}

/// The token that a server issues.
pub(crate) fn new_token() -> String {
    secret(TokenKind::Personal, 3)
}

/// A home directory, and `oi` in it.
pub(crate) struct Home {
    directory: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// The result of a run of `oi`.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// Creates an empty home directory.
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            variables: Vec::new(),
        }
    }

    /// Creates a home directory with a default profile for a server.
    pub(crate) fn with_profile(app_url: &str) -> Self {
        let home = Self::new();
        home.write_config(&serde_json::json!({"profiles": {"default": {
            "app_url": app_url, "api_url": app_url, "token": profile_token(),
        }}}));
        home
    }

    /// Creates a home directory with a default profile for a server and an agent.
    pub(crate) fn with_agent(app_url: &str, agent: &str) -> Self {
        let home = Self::with_profile(app_url);
        let mut config = home.config();
        config["profiles"]["default"]["agent_id"] = agent.into();
        home.write_config(&config);
        home
    }

    pub(crate) fn set(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.directory.path().join("openindex-agent/config.json")
    }

    pub(crate) fn write_config(&self, config: &Value) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.config_file();
        let directory = file.parent().expect("a directory");
        std::fs::create_dir_all(directory).expect("a directory");
        std::fs::write(&file, config.to_string()).expect("written");
        for (path, mode) in [(directory, 0o700), (file.as_path(), 0o600)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        }
    }

    pub(crate) fn config(&self) -> Value {
        let text = std::fs::read_to_string(self.config_file()).expect("a config file");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oi"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.directory.path())
            .env("XDG_CONFIG_HOME", self.directory.path())
            .envs(self.variables.iter().map(|(name, value)| (*name, value)))
            .current_dir(self.directory.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs `oi`, and asserts that it does not print a token that it uses.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("oi starts");
        // `oi` may not read its input.
        let _ = child
            .stdin
            .take()
            .expect("piped")
            .write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("oi ends");
        let ran = Ran {
            status: output.status.code().expect("no signal"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        for hidden in [profile_token(), environment_token(), run_token()] {
            // A masked token shows only its last four characters.
            let part = &hidden[7..40];
            assert!(
                !ran.stdout.contains(part),
                "a token in the output of {arguments:?}"
            );
            assert!(
                !ran.stderr.contains(part),
                "a token in the messages of {arguments:?}"
            );
        }
        ran
    }
}

impl Ran {
    /// Parses the document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: not one JSON document: {self:?}"))
    }

    /// Asserts the exit status, the error code, and the keys of the error document.
    #[track_caller]
    pub(crate) fn assert_failed(&self, status: i32, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let document = self.json();
        assert_eq!(document["error"]["code"], code, "{self:?}");
        for key in ["message", "status", "nextCommand"] {
            assert!(
                document["error"].get(key).is_some(),
                "{key} is missing: {self:?}"
            );
        }
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        document
    }
}
