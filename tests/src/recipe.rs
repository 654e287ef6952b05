use std::path::Path;
use std::process::Command;

use tempfile::{NamedTempFile, TempDir};

use crate::binary;
use crate::documented::documented;
use crate::http::Client;
use crate::program::{Program, free_port, installed, written};

/// A page of `docs/integrations` that guards the routes of a service.
#[derive(Clone, Copy, Debug)]
pub enum Recipe {
    /// `fastapi.md`
    FastApi,
    /// `express.md`
    Express,
    /// `go.md`
    Go,
}

impl Recipe {
    /// Returns the name of the page, the language of its code blocks, and the ending of their
    /// files.
    const fn page(self) -> [&'static str; 3] {
        match self {
            Self::FastApi => ["fastapi", "python", "py"],
            Self::Express => ["express", "js", "mjs"],
            Self::Go => ["go", "go", "go"],
        }
    }

    /// Returns the code blocks of the page: the guard, and the routes that it guards.
    #[must_use]
    pub fn files(self) -> [String; 2] {
        let [page, language, _] = self.page();
        documented(page, language).try_into().expect("two blocks")
    }

    /// Returns whether the guard introspects tokens with one of the service's own. Otherwise it
    /// asks for forward authentication.
    #[must_use]
    pub const fn introspects(self) -> bool {
        !matches!(self, Self::Go)
    }

    /// Returns the command that runs the service in this directory.
    fn command(self, directory: &Path, port: u16) -> Command {
        match self {
            Self::FastApi => {
                let mut python = Command::new(installed("python3"));
                python.args(["-m", "uvicorn", "main:app", "--port", &port.to_string()]);
                python
            }
            Self::Express => {
                // Where Debian's packages are; imports do not heed NODE_PATH, but Express does.
                let packages = "/usr/share/nodejs";
                let link = directory.join("node_modules");
                std::os::unix::fs::symlink(packages, link).expect("a link");
                let mut node = Command::new(installed("node"));
                node.arg("main.mjs").env("NODE_PATH", packages);
                node
            }
            Self::Go => {
                // Not `go run`, which leaves the service running when it is killed.
                let built = Command::new(installed("go"))
                    .args(["build", "-o", "service", "main.go", "openindex.go"])
                    .current_dir(directory)
                    .env("HOME", directory)
                    .env("GOCACHE", directory.join("cache"))
                    .env("GOFLAGS", "-mod=mod")
                    .env("GOPROXY", "off")
                    .status();
                assert!(built.expect("go runs").success(), "it is not built");
                Command::new(directory.join("service"))
            }
        }
    }
}

/// A running service that consists of a page's code blocks, or an example; killed when dropped.
pub struct RecipeService {
    /// A client for the service.
    pub http: Client,
    _program: Program,
    log: Log,
}

impl RecipeService {
    /// Starts the service with the URL of the server to ask and its own token, and waits until it
    /// accepts connections.
    #[must_use]
    pub fn start(recipe: Recipe, url: &str, token: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let [_, _, ending] = recipe.page();
        let [openindex, main] = recipe.files();
        let main = main.replace("127.0.0.1:3000", &format!("127.0.0.1:{port}"));
        let main = main.replace("listen(3000", &format!("listen({port}"));
        written(&directory, &format!("openindex.{ending}"), &openindex);
        written(&directory, &format!("main.{ending}"), &main);
        let command = recipe.command(directory.path(), port);
        Self::run(command, directory, port, [url, token])
    }

    /// Starts an example of this repository in the same way, which listens where `LISTEN` says.
    #[must_use]
    pub fn of_example(name: &str, url: &str, token: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let mut command = Command::new(binary(name));
        command.env("LISTEN", format!("127.0.0.1:{port}"));
        Self::run(command, directory, port, [url, token])
    }

    fn run(mut command: Command, directory: TempDir, port: u16, [url, token]: [&str; 2]) -> Self {
        let log = Log(NamedTempFile::new().expect("a file"));
        let output = log.0.reopen().expect("the log");
        command
            .current_dir(directory.path())
            .env("OPENINDEX_URL", url)
            .env("OPENINDEX_TOKEN", token)
            .env("NO_PROXY", "127.0.0.1")
            .stdout(output.try_clone().expect("the log"))
            .stderr(output);
        Self {
            http: Client::new(&format!("http://127.0.0.1:{port}")),
            _program: Program::run(&mut command, port, directory),
            log,
        }
    }

    /// Returns what the service has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }
}

/// What a service prints; shown when its test fails.
struct Log(NamedTempFile);

impl Log {
    fn text(&self) -> String {
        std::fs::read_to_string(self.0.path()).expect("the log")
    }
}

impl Drop for Log {
    #[expect(clippy::print_stderr, reason = "it is what a failed test shows")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.text());
        }
    }
}
