//! Statistics of a log.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::log::{Log, Outcome, Verdict};

/// Counts and longest durations.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) credentials: usize,
    pub(crate) accepted: Number,
    pub(crate) denied: Number,
    pub(crate) unknown: Number,
    /// By replica: accepted and denied.
    pub(crate) by_replica: BTreeMap<usize, [usize; 2]>,
    /// By way of change: acknowledged attempts and unacknowledged ones.
    pub(crate) changes: BTreeMap<&'static str, (Number, Number)>,
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

/// A count and the longest duration.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) count: u64,
    slowest: Duration,
}

impl Number {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.slowest = self.slowest.max(took);
    }
}

impl Totals {
    pub(crate) fn of(log: &Log) -> Self {
        let mut totals = Self {
            credentials: log.issued.len(),
            ..Self::default()
        };
        for check in &log.checks {
            let number = match check.verdict {
                Verdict::Accepted => &mut totals.accepted,
                Verdict::Denied => &mut totals.denied,
                Verdict::Unknown | Verdict::Other(_) => &mut totals.unknown,
            };
            number.add(check.took);
            let [accepted, denied] = totals.by_replica.entry(check.replica).or_default();
            *accepted += usize::from(check.verdict == Verdict::Accepted);
            *denied += usize::from(check.verdict == Verdict::Denied);
        }
        for change in &log.changes {
            let (done, unknown) = totals.changes.entry(change.way).or_default();
            match change.outcome {
                Outcome::Done => done.add(change.took),
                Outcome::Unknown => unknown.add(change.took),
            }
        }
        for fault in &log.faults {
            *totals.faults.entry(fault).or_default() += 1;
        }
        totals
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (at most {} ms)",
            self.count,
            self.slowest.as_millis()
        )
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks = self.accepted.count + self.denied.count;
        writeln!(f, "{checks} checks of {} credentials", self.credentials)?;
        writeln!(f, "  accepted: {}", self.accepted)?;
        writeln!(f, "  denied: {}", self.denied)?;
        write!(f, "  without a verdict: {}", self.unknown)?;
        for (replica, [accepted, denied]) in &self.by_replica {
            write!(
                f,
                "\n  replica {replica}: {accepted} accepted, {denied} denied"
            )?;
        }
        for (way, (done, unknown)) in &self.changes {
            write!(f, "\n  {way}: {done}; attempts without response: {unknown}")?;
        }
        for (fault, count) in &self.faults {
            write!(f, "\n  {fault}: {count}")?;
        }
        Ok(())
    }
}
