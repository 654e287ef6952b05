//! The faults that are injected meanwhile.

use std::time::Duration;

use openindex_tests::Server;

use crate::proxy::Proxy;
use crate::trial::Trial;

/// The kinds of faults.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Stop,
    Cut,
    Kill,
    Outage,
}

impl Fault {
    /// All of them, in the order of their use.
    pub(crate) const ALL: [Self; 4] = [Self::Stop, Self::Cut, Self::Kill, Self::Outage];

    /// Returns its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stop => "replica stopped and continued",
            Self::Cut => "connections to the database cut",
            Self::Kill => "replica killed and restarted",
            Self::Outage => "database out of reach",
        }
    }
}

/// Number of changes that the other replicas acknowledge while one is stopped, within the time
/// limit. Each is followed by a check on the stopped replica, which receives it when it continues.
const CHANGES_MEANWHILE: u64 = 4;
const STOPPED_AT_MOST: Duration = Duration::from_millis(500);
/// Number of checks without a verdict while the database is unreachable.
const FAILURES_MEANWHILE: u64 = 32;
const OUT_OF_REACH_AT_MOST: Duration = Duration::from_millis(200);

/// The processes of the replicas, and their proxy to the database.
pub(crate) struct Processes {
    pub(crate) servers: Vec<Server>,
    pub(crate) proxy: Proxy,
    start: fn(&Proxy) -> Server,
}

impl Processes {
    /// Starts `count` replicas with `start`.
    pub(crate) fn new(count: usize, proxy: Proxy, start: fn(&Proxy) -> Server) -> Self {
        Self {
            servers: (0..count).map(|_| start(&proxy)).collect(),
            proxy,
            start,
        }
    }

    /// Injects faults until the trial has had all of them, and leaves everything working.
    pub(crate) fn break_things(&mut self, trial: &Trial) {
        while let Some(number) = trial.pace.next_fault() {
            let number = usize::try_from(number).expect("a small number");
            let fault = Fault::ALL[number % Fault::ALL.len()];
            let replica = number / Fault::ALL.len() % self.servers.len();
            match fault {
                Fault::Stop => self.stop(trial, replica),
                Fault::Cut => self.proxy.cut(),
                Fault::Kill => self.kill(trial, replica),
                Fault::Outage => self.put_out_of_reach(trial),
            }
            trial.recorder.log().faults.push(fault.name());
            trial.pace.faulted();
        }
    }

    fn stop(&self, trial: &Trial, replica: usize) {
        self.servers[replica].signal("STOP");
        let before = trial.pace.counts().acknowledged;
        trial.pace.wait(STOPPED_AT_MOST, |counts| {
            counts.acknowledged >= before + CHANGES_MEANWHILE
        });
        self.servers[replica].signal("CONT");
    }

    fn kill(&mut self, trial: &Trial, replica: usize) {
        self.servers.remove(replica).kill();
        let server = (self.start)(&self.proxy);
        trial.replicas.moved(replica, &server.url);
        self.servers.insert(replica, server);
    }

    fn put_out_of_reach(&self, trial: &Trial) {
        self.proxy.close();
        let before = trial.pace.counts().failures;
        trial.pace.wait(OUT_OF_REACH_AT_MOST, |counts| {
            counts.failures >= before + FAILURES_MEANWHILE
        });
        self.proxy.open();
    }
}
