//! What goes wrong meanwhile.

use std::time::Duration;

use openindex_tests::Server;

use crate::proxy::Proxy;
use crate::trial::Trial;

/// The kinds of fault, one after the other.
pub(crate) const FAULTS: [&str; 4] = [
    "replica stopped and continued",
    "connections to the database cut",
    "replica killed and restarted",
    "database out of reach",
];

/// While a replica is stopped so much ends through the others, as long as that takes no longer
/// than the limit: what waits at the stopped one was then asked after it had ended.
const CHANGES_MEANWHILE: u64 = 2;
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
            let kind = FAULTS[number % FAULTS.len()];
            let replica = number / FAULTS.len() % self.servers.len();
            match kind {
                "replica stopped and continued" => self.stop(trial, replica),
                "connections to the database cut" => self.proxy.cut(),
                "replica killed and restarted" => self.kill(trial, replica),
                _ => self.put_out_of_reach(trial),
            }
            trial.recorder.log().faults.push(kind);
            trial.pace.faulted();
        }
    }

    fn stop(&self, trial: &Trial, replica: usize) {
        self.servers[replica].signal("STOP");
        let before = trial.pace.counts().changes;
        trial.pace.wait(STOPPED_AT_MOST, |counts| {
            counts.changes >= before + CHANGES_MEANWHILE
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
