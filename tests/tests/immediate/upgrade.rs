//! A rolling upgrade: the servers on one `PostgreSQL` database are replaced by those of another
//! release, one by one.

use std::env::var_os;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use openindex_tests::{Database, Server, binary};

use crate::ARGUMENTS;
use crate::trial::Trial;

/// A step of the upgrade. Servers are named by their index.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The new release migrates the database, beside the servers of the previous one.
    Migrate,
    /// The new release replaces a server.
    Replace(usize),
    /// The previous release replaces a server of the new one.
    RollBack(usize),
}

/// An upgrade with a rollback in between, and the way back to its begin.
const STEPS: [Step; 9] = [
    Step::Migrate,
    Step::Replace(0),
    Step::Replace(1),
    Step::RollBack(1),
    Step::Replace(1),
    Step::Replace(2),
    Step::RollBack(0),
    Step::RollBack(1),
    Step::RollBack(2),
];
/// The steps of one upgrade.
pub(crate) const UPGRADE: u64 = 6;

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Migrate => "migration beside the previous release",
            Self::Replace(_) => "server replaced by the new release",
            Self::RollBack(_) => "server replaced by the previous release",
        }
    }
}

/// Returns the number of steps that end with the new release, after this many ways back.
pub(crate) const fn steps(ways_back: u64) -> u64 {
    STEPS.len() as u64 * ways_back + UPGRADE
}

/// Three servers of the previous release, at first.
pub(crate) struct Fleet {
    pub(crate) servers: Vec<Server>,
    url: String,
    previous: PathBuf,
}

/// Returns the program of the previous release, as `scripts/previous-release` prints it, if it is
/// known.
pub(crate) fn previous_release() -> Option<PathBuf> {
    var_os("OPENINDEX_TEST_PREVIOUS").map(PathBuf::from)
}

impl Fleet {
    /// Starts servers of the previous release, or the current one if that is not known.
    pub(crate) fn on(database: &Database) -> Self {
        let mut fleet = Self {
            servers: vec![],
            url: database.url().to_owned(),
            previous: previous_release().unwrap_or_else(|| binary("oi-server")),
        };
        fleet.servers = (0..3).map(|_| fleet.start(fleet.previous())).collect();
        fleet
    }

    pub(crate) fn previous(&self) -> Command {
        Command::new(&self.previous)
    }

    fn start(&self, mut program: Command) -> Server {
        program.stdin(Stdio::null());
        Server::start_program_with(program, &self.url, &ARGUMENTS)
    }

    /// Takes the steps, spread over the trial, until it has had all of them.
    pub(crate) fn upgrade(&mut self, trial: &Trial) {
        while let Some(number) = trial.pace.next_fault() {
            let number = usize::try_from(number).expect("a small number");
            let step = STEPS[number % STEPS.len()];
            match step {
                Step::Migrate => self.migrate(),
                Step::Replace(server) => {
                    self.replace(trial, server, Command::new(binary("oi-server")));
                }
                Step::RollBack(server) => self.replace(trial, server, self.previous()),
            }
            trial.recorder.log().faults.push(step.name());
            trial.pace.faulted();
        }
    }

    fn migrate(&self) {
        let output = Command::new(binary("oi-server"))
            .arg("migrate")
            .env("DATABASE_URL", &self.url)
            .output()
            .expect("oi-server runs");
        assert!(output.status.success(), "{output:?}");
    }

    /// Starts the successor, sends it the requests once it is ready, and then stops the server.
    fn replace(&mut self, trial: &Trial, server: usize, program: Command) {
        let successor = self.start(program);
        let ready = successor.http.send("GET", "/ready", &[], None);
        assert_eq!(ready.status, 200, "{ready:?}");
        trial.replicas.moved(server, &successor.url);
        let before = std::mem::replace(&mut self.servers[server], successor);
        let (status, log) = before.stop();
        assert!(status.success(), "{log}");
    }
}
