//! The progress of the threads. The length of the trial is given as counts, and its parts wait for
//! each other's counts, so that it is the same trial on a slow machine and on a fast one.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// The number of operations to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Minimum number of verifications with a verdict.
    pub(crate) checks: u64,
    /// Number of changes that end something.
    pub(crate) changes: u64,
    /// Faults.
    pub(crate) faults: u64,
    /// Number of threads that only verify.
    pub(crate) clients: usize,
    /// Number of users, each with a thread that changes their credentials. At most 60 can join in
    /// 15 minutes.
    pub(crate) users: usize,
}

/// The number of operations done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) checks: u64,
    pub(crate) failures: u64,
    pub(crate) changes_begun: u64,
    /// Changes that are acknowledged but not yet checked.
    pub(crate) acknowledged: u64,
    /// Changes that are acknowledged and checked.
    pub(crate) changes: u64,
    pub(crate) faults: u64,
    abandoned: bool,
}

/// The shared counters.
#[derive(Debug)]
pub(crate) struct Pace {
    plan: Plan,
    counts: Mutex<Counts>,
    moved: Condvar,
}

/// Waking the waiting threads at each check would cost more than the check.
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

    /// Counts a verification with or without a verdict.
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

    /// Counts an acknowledged change.
    pub(crate) fn acknowledged(&self) {
        self.lock().acknowledged += 1;
        self.moved.notify_all();
    }

    /// Counts a change whose checks are done.
    pub(crate) fn changed(&self) {
        self.lock().changes += 1;
        self.moved.notify_all();
    }

    /// Counts a fault that has ended.
    pub(crate) fn faulted(&self) {
        self.lock().faults += 1;
        self.moved.notify_all();
    }

    /// Ends the trial for all threads if this one panics, instead of leaving them waiting for its
    /// counts.
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

    /// Returns whether everything is done.
    pub(crate) fn finished(&self) -> bool {
        self.over(&self.lock())
    }

    /// Waits until `enough`, until the trial ends, or for at most `limit`.
    pub(crate) fn wait(&self, limit: Duration, enough: impl Fn(&Counts) -> bool) {
        let waiting = |counts: &mut Counts| !self.over(counts) && !enough(counts);
        let waited = self.moved.wait_timeout_while(self.lock(), limit, waiting);
        drop(waited.expect("the counts"));
    }

    /// Waits while the checks are far ahead of the changes: a change takes many steps, and would
    /// rarely run among so many clients. The checks may be ahead by more than the changes in
    /// progress, which in turn wait for checks.
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

    /// Returns the number of the next change once the checks have come so far; `None` after the
    /// last.
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

    /// Returns the number of the next fault, spread over the checks; `None` after the last.
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
