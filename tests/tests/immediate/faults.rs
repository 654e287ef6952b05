//! What goes wrong meanwhile.

use std::time::Duration;

use openindex_tests::Server;

use crate::proxy::Proxy;
use crate::trial::Trial;

/// What can go wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Stop,
    Cut,
    Kill,
    Outage,
}

impl Fault {
    /// All of them, in the order in which they take turns.
    pub(crate) const ALL: [Self; 4] = [Self::Stop, Self::Cut, Self::Kill, Self::Outage];

    /// What it is called in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stop => "replica stopped and continued",
            Self::Cut => "connections to the database cut",
            Self::Kill => "replica killed and restarted",
            Self::Outage => "database out of reach",
        }
    }
}

/// While a replica is stopped so many changes are answered by the others, within the limit. Each is
/// followed by a check at the stopped one, which finds it there when it wakes up.
const CHANGES_MEANWHILE: u64 = 4;
const STOPPED_AT_MOST: Duration = Duration::from_millis(500);
/// While the database is out of reach so many checks have no verdict.
const FAILURES_MEANWHILE: u64 = 32;
const OUT_OF_REACH_AT_MOST: Duration = Duration::from_millis(200);

/// The replicas, as processes, and their way to the database.
pub(crate) struct Processes {
    pub(crate) servers: Vec<Server>,
    pub(crate) proxy: Proxy,
    start: fn(&Proxy) -> Server,
}

impl Processes {
    /// So many, each started by `start`.
    pub(crate) fn new(count: usize, proxy: Proxy, start: fn(&Proxy) -> Server) -> Self {
        Self {
            servers: (0..count).map(|_| start(&proxy)).collect(),
            proxy,
            start,
        }
    }

    /// Breaks things until the trial has had its faults, and leaves them whole.
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
        let before = trial.pace.counts().answered;
        trial.pace.wait(STOPPED_AT_MOST, |counts| {
            counts.answered >= before + CHANGES_MEANWHILE
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
