//! Paths, databases and the measured servers of a benchmark run.

use std::cell::Cell;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::client::Client;
use crate::load::{self, Load, Sample, Target};
use crate::process::{self, Cores, Server, free_address};
use crate::rounds::Turn;
use crate::seed::Database;

/// Log level of every server. At `info`, ours writes one line per request.
pub const LOG: &str = "warn";

/// A run of the benchmarks.
#[derive(Debug)]
pub struct Bench {
    /// Root of the workspace.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// Whether each part runs only once, briefly.
    pub quick: bool,
    /// Maximum number of tokens in a table.
    pub largest: u64,
    /// Where programs run.
    pub cores: Cores,
    /// Temporary files of the run.
    pub scratch: tempfile::TempDir,
    cluster_pid: Cell<Option<u32>>,
    names: Cell<u32>,
}

impl Bench {
    /// Creates a run in a workspace, with the programs built in `target`.
    ///
    /// # Errors
    ///
    /// If the cores cannot be divided, or the folder for temporary files cannot be created.
    pub fn new(root: PathBuf, target: PathBuf, quick: bool, largest: u64) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        // PostgreSQL may run as another user, who must be able to enter the folder.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(scratch.path(), mode)?;
        Ok(Self {
            root,
            target,
            quick,
            largest,
            cores: Cores::divide()?,
            scratch,
            cluster_pid: Cell::new(None),
            names: Cell::new(0),
        })
    }

    /// Returns the path of a built program.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// Returns `quick` in a quick run, and `full` otherwise.
    pub fn quick_or<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Returns the load of one turn.
    #[must_use]
    pub fn load(&self, connections: usize) -> Load {
        Load {
            connections,
            warm_up: 1,
            measure: self.quick_or(1, 2),
        }
    }

    /// Returns the number of rounds.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.quick_or(1, 7)
    }

    /// Creates an empty SQLite database.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn sqlite(&self) -> anyhow::Result<Database> {
        let file = self
            .scratch
            .path()
            .join(format!("{}.db", self.name("sqlite")));
        Database::at(format!("sqlite://{}", file.display()))
    }

    /// Creates an empty PostgreSQL database in the cluster of this run.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn postgres(&self) -> anyhow::Result<Database> {
        let directory = self.cluster();
        let output = self
            .cores
            .both(self.root.join("scripts/postgres"))
            .arg("start")
            .arg(&directory)
            .output()?;
        ensure!(output.status.success(), "PostgreSQL did not start");
        let url = String::from_utf8(output.stdout)?.trim().to_owned();
        let pid = fs::read_to_string(directory.join("data/postmaster.pid"))?;
        let pid = pid.lines().next().context("a process id")?.parse()?;
        self.cluster_pid.set(Some(pid));
        let name = self.name("bench_");
        let (server, _) = url.rsplit_once('/').context("the URL of a database")?;
        let own = format!("{server}/{name}");
        // Not quoted, since the name is one of ours.
        let create: &'static str = format!("CREATE DATABASE {name}").leak();
        Database::at(url)?.execute(&[create])?;
        Database::at(own)
    }

    /// Deletes a database that is no longer in use, to free its disk space.
    ///
    /// # Errors
    ///
    /// If it is still in use.
    pub fn delete(&self, database: &Database) -> anyhow::Result<()> {
        if let Some(file) = database.url.strip_prefix("sqlite://") {
            return Ok(fs::remove_file(file)?);
        }
        let (server, name) = database
            .url
            .rsplit_once('/')
            .context("the URL of a database")?;
        let drop: &'static str = format!("DROP DATABASE {name} WITH (FORCE)").leak();
        Database::at(format!("{server}/postgres"))?.execute(&[drop])
    }

    fn cluster(&self) -> PathBuf {
        self.scratch.path().join("postgres")
    }

    fn name(&self, prefix: &str) -> String {
        self.names.set(self.names.get() + 1);
        format!("{prefix}{}", self.names.get())
    }

    /// Starts an `oi-server`.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn oi_server(&self, database: &Database, arguments: &[&str]) -> anyhow::Result<Server> {
        let address = free_address()?;
        self.oi_server_at(address, database, arguments)
    }

    /// Starts an `oi-server` at this address.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn oi_server_at(
        &self,
        address: SocketAddr,
        database: &Database,
        arguments: &[&str],
    ) -> anyhow::Result<Server> {
        let mut command = self.cores.server(self.program("oi-server"));
        command
            .args(["serve", "--log", LOG, "--listen", &address.to_string()])
            .args(arguments)
            .env("DATABASE_URL", &database.url);
        Server::start(&mut command, address, "/ready", &self.log("oi-server"))
    }

    /// Starts the `limits` server, with a fixed response or with a database.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn limits(&self, body: &str, database: Option<&Database>) -> anyhow::Result<Server> {
        let address = free_address()?;
        let mut command = self.cores.server(self.program("limits"));
        command
            .args(["--listen", &address.to_string()])
            .env("OPENINDEX_BENCH_BODY", body);
        if let Some(database) = database {
            command.args(["--database-url", &database.url]);
        }
        Server::start(&mut command, address, "/", &self.log("limits"))
    }

    /// Returns the file for a program's output.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.scratch.path().join(format!("{name}.log"))
    }

    /// Puts load on a server for one turn, and returns what was measured.
    ///
    /// # Errors
    ///
    /// If no response was successful.
    pub fn turn(&self, servers: &[u32], target: &Target, load: Load) -> anyhow::Result<Turn> {
        self.turn_of(servers, load, |seconds| {
            load::start(target, load.connections, seconds)?.wait()
        })
    }

    /// Puts load on servers for one turn, for as many seconds as the argument of `run`.
    ///
    /// # Errors
    ///
    /// If no response was successful.
    pub fn turn_of(
        &self,
        servers: &[u32],
        load: Load,
        run: impl Fn(u64) -> anyhow::Result<Sample>,
    ) -> anyhow::Result<Turn> {
        let used = || {
            let servers: Duration = servers.iter().map(|pid| process::cpu(*pid)).sum();
            let database = self.cluster_pid.get().map_or(Duration::ZERO, process::cpu);
            (servers, database)
        };
        run(load.warm_up)?;
        let before = used();
        let sample = run(load.measure)?;
        let after = used();
        ensure!(
            sample.good() > 0,
            "no successful response, {} others, {} failures",
            sample.bad,
            sample.failed
        );
        Ok(Turn {
            sample,
            server_cpu: after.0.saturating_sub(before.0),
            database_cpu: after.1.saturating_sub(before.1),
            memory: servers.iter().map(|pid| process::memory(*pid)).sum(),
        })
    }

    /// Returns the body of `GET /me` with this token.
    ///
    /// # Errors
    ///
    /// If the status is not 200.
    pub fn me(&self, server: &Server, token: &str) -> anyhow::Result<String> {
        let (status, body) = Client::new(server.address).send("GET", "/me", token)?;
        ensure!(status == 200, "GET /me returned {status}");
        Ok(body)
    }

    /// Prints progress.
    #[expect(clippy::print_stderr, reason = "a run takes a while")]
    pub fn progress(&self, what: &str) {
        eprintln!("--- {what}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if self.cluster_pid.get().is_some() {
            let _ = Command::new(self.root.join("scripts/postgres"))
                .arg("stop")
                .arg(self.cluster())
                .arg("--immediate")
                .status();
        }
    }
}
