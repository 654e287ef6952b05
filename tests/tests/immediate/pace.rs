//! How far everybody is. The run is sized by counts, and its parts wait for each other's counts, so
//! that it is the same run on a slow machine and on a fast one.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How much is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Verifications that are answered with a verdict, at least.
    pub(crate) checks: u64,
    /// Changes that end something.
    pub(crate) changes: u64,
    /// Faults.
    pub(crate) faults: u64,
    /// Threads that do nothing but verify.
    pub(crate) clients: usize,
    /// Users, each with a thread that changes what is theirs. At most 60 may join in 15 minutes.
    pub(crate) users: usize,
}

/// How much is done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) checks: u64,
    pub(crate) failures: u64,
    pub(crate) changes_begun: u64,
    /// Changes that are answered, their checks still to come.
    pub(crate) answered: u64,
    /// Changes that are through, with the checks that follow.
    pub(crate) changes: u64,
    pub(crate) faults: u64,
    abandoned: bool,
}

/// Where it is counted.
#[derive(Debug)]
pub(crate) struct Pace {
    plan: Plan,
    counts: Mutex<Counts>,
    moved: Condvar,
}

/// Waking whoever waits at each check would cost more than the check.
const WAKE_EVERY: u64 = 16;

impl Pace {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            counts: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("the counts")
    }

    /// A verification got a verdict, or none.
    pub(crate) fn checked(&self, verdict: bool) {
        let mut counts = self.lock();
        let count = if verdict {
            &mut counts.checks
        } else {
            &mut counts.failures
        };
        *count += 1;
        let due = *count % WAKE_EVERY == 0;
        if due || self.over(&counts) {
            self.moved.notify_all();
        }
    }

    /// A change was answered.
    pub(crate) fn answered(&self) {
        self.lock().answered += 1;
        self.moved.notify_all();
    }

    /// What follows the answer to a change is done, too.
    pub(crate) fn changed(&self) {
        self.lock().changes += 1;
        self.moved.notify_all();
    }

    /// A fault is over.
    pub(crate) fn faulted(&self) {
        self.lock().faults += 1;
        self.moved.notify_all();
    }

    /// Whoever panics ends the run for all, instead of leaving them to wait for its counts.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.moved.notify_all();
    }

    fn over(&self, counts: &Counts) -> bool {
        counts.abandoned
            || (counts.checks >= self.plan.checks
                && counts.changes >= self.plan.changes
                && counts.faults >= self.plan.faults)
    }

    /// Whether everything is done.
    pub(crate) fn finished(&self) -> bool {
        self.over(&self.lock())
    }

    /// Waits until `enough`, or the end of the run, or for as long as `limit`.
    pub(crate) fn wait(&self, limit: Duration, enough: impl Fn(&Counts) -> bool) {
        let waiting = |counts: &mut Counts| !self.over(counts) && !enough(counts);
        let waited = self.moved.wait_timeout_while(self.lock(), limit, waiting);
        drop(waited.expect("the counts"));
    }

    /// Waits while the checks are far ahead of the changes: a change takes many steps, and would have
    /// few turns among so many clients. They may be ahead by more than there are changes in progress,
    /// which wait for the checks in turn.
    pub(crate) fn keep_step(&self) {
        let plan = self.plan;
        let ahead = |counts: &mut Counts| {
            let allowed = (counts.changes + 2 * plan.users as u64) * plan.checks;
            !self.over(counts)
                && counts.changes < plan.changes
                && counts.checks * plan.changes > allowed
        };
        let waited = self.moved.wait_while(self.lock(), ahead);
        drop(waited.expect("the counts"));
    }

    /// The number of the next change, when the checks have come so far; `None` after the last.
    pub(crate) fn next_change(&self) -> Option<u64> {
        let plan = self.plan;
        let counts = self.moved.wait_while(self.lock(), |counts| {
            !counts.abandoned
                && counts.changes_begun < plan.changes
                && counts.checks * plan.changes < counts.changes_begun * plan.checks
        });
        let mut counts = counts.expect("the counts");
        let number = counts.changes_begun;
        if counts.abandoned || number >= plan.changes {
            return None;
        }
        counts.changes_begun += 1;
        Some(number)
    }

    /// The same for faults, which are spread over the checks.
    pub(crate) fn next_fault(&self) -> Option<u64> {
        let plan = self.plan;
        let counts = self.moved.wait_while(self.lock(), |counts| {
            !counts.abandoned
                && counts.faults < plan.faults
                && counts.checks * (plan.faults + 1) < (counts.faults + 1) * plan.checks
        });
        let counts = counts.expect("the counts");
        (!counts.abandoned && counts.faults < plan.faults).then_some(counts.faults)
    }
}
