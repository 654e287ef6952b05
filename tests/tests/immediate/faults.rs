//! The faults that are injected meanwhile.

use std::process::Command;
use std::time::Duration;

use openindex_tests::{Database, Kind, Server, binary};

use crate::ARGUMENTS;
use crate::proxy::Proxy;
use crate::trial::Trial;

/// The kinds of faults.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Stop,
    Cut,
    Kill,
    Outage,
    Restart,
    Beside,
}

impl Fault {
    /// Returns those of a kind of database, in the order of their use.
    pub(crate) const fn all(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Sqlite => &[Self::Kill, Self::Beside, Self::Restart],
            Kind::Postgres => &[Self::Stop, Self::Cut, Self::Kill, Self::Outage],
        }
    }

    /// Returns its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stop => "replica stopped and continued",
            Self::Cut => "connections to the database cut",
            Self::Kill => "replica killed and restarted",
            Self::Outage => "database out of reach",
            Self::Restart => "replica stopped while its successor waited",
            Self::Beside => "change by a command beside the server",
        }
    }
}

/// Number of changes that the other replicas acknowledge while one is stopped, within the time
/// limit. Each is followed by a check on the stopped replica, which receives it when it continues.
const CHANGES_MEANWHILE: u64 = 4;
const STOPPED_AT_MOST: Duration = Duration::from_millis(500);
/// Number of checks without a verdict while the database is unreachable.
const FAILURES_MEANWHILE: u64 = 32;
/// The first administrator.
const ADMIN: &str = "ada@example.com";
const OUT_OF_REACH_AT_MOST: Duration = Duration::from_millis(200);

/// The processes of the replicas, and their proxy to the database server.
pub(crate) struct Processes {
    pub(crate) servers: Vec<Server>,
    kind: Kind,
    /// The URL of the database for the replicas.
    url: String,
    proxy: Option<Proxy>,
}

impl Processes {
    /// Starts replicas on this database: three, or the only one that a file can have.
    pub(crate) fn on(database: &Database) -> Self {
        let kind = database.kind();
        let proxy = (kind == Kind::Postgres).then(|| Proxy::before(database.url()));
        let mut processes = Self {
            servers: Vec::new(),
            kind,
            url: proxy
                .as_ref()
                .map_or(database.url(), |proxy| &proxy.url)
                .to_owned(),
            proxy,
        };
        let count = if kind == Kind::Postgres { 3 } else { 1 };
        processes.servers = (0..count).map(|_| processes.start()).collect();
        processes
    }

    fn start(&self) -> Server {
        Server::start_at(&self.url, &ARGUMENTS)
    }

    /// Injects faults until the trial has had all of them, and leaves everything working.
    pub(crate) fn break_things(&mut self, trial: &Trial) {
        let faults = Fault::all(self.kind);
        while let Some(number) = trial.pace.next_fault() {
            let number = usize::try_from(number).expect("a small number");
            let fault = faults[number % faults.len()];
            let replica = number / faults.len() % self.servers.len();
            match fault {
                Fault::Stop => self.stop(trial, replica),
                Fault::Cut => self.proxy().cut(),
                Fault::Kill => {
                    self.servers.remove(replica).kill();
                    let successor = self.start();
                    self.replace(trial, replica, successor);
                }
                Fault::Outage => self.put_out_of_reach(trial),
                Fault::Restart => self.restart(trial, replica),
                Fault::Beside => self.change_beside(),
            }
            trial.recorder.log().faults.push(fault.name());
            trial.pace.faulted();
        }
    }

    /// Stops a server while its successor starts.
    pub(crate) fn restart(&mut self, trial: &Trial, replica: usize) {
        let before = self.servers.remove(replica);
        before.signal("TERM");
        let successor = self.start();
        // It has exited, or is about to: its successor has the file.
        drop(before);
        self.replace(trial, replica, successor);
    }

    fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("a database server")
    }

    fn replace(&mut self, trial: &Trial, replica: usize, successor: Server) {
        trial.replicas.moved(replica, &successor.url);
        self.servers.insert(replica, successor);
    }

    /// Makes a change that ends nothing in another process.
    fn change_beside(&self) {
        let output = Command::new(binary("oi-server"))
            .args(["sign-in-link", "--email", ADMIN, "--public-url"])
            .arg(&self.servers[0].url)
            .env("DATABASE_URL", &self.url)
            .output();
        let output = output.expect("oi-server runs");
        assert!(output.status.success(), "{output:?}");
    }

    fn stop(&self, trial: &Trial, replica: usize) {
        self.servers[replica].signal("STOP");
        let before = trial.pace.counts().acknowledged;
        trial.pace.wait(STOPPED_AT_MOST, |counts| {
            counts.acknowledged >= before + CHANGES_MEANWHILE
        });
        self.servers[replica].signal("CONT");
    }

    fn put_out_of_reach(&self, trial: &Trial) {
        self.proxy().close();
        let before = trial.pace.counts().failures;
        trial.pace.wait(OUT_OF_REACH_AT_MOST, |counts| {
            counts.failures >= before + FAILURES_MEANWHILE
        });
        self.proxy().open();
    }
}
