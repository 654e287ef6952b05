//! What was asked and what was answered, by everybody, in one order.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A personal access token or an agent run, by its place in [`Log::issued`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Credential(pub(crate) usize);

/// Somebody who owns credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct User(pub(crate) usize);

/// A work item that runs are bound to, by its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Item(pub(crate) String);

/// When something was asked and when its answer, or its failure, was known; both numbers are of
/// one sequence. The first was taken before a byte was sent, the second when all was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) invoked: u64,
    pub(crate) answered: u64,
}

impl Span {
    /// Whether this was over before the other was begun.
    pub(crate) const fn precedes(self, other: Self) -> bool {
        self.answered < other.invoked
    }
}

/// A credential that a server has answered with.
#[derive(Debug, Clone)]
pub(crate) struct TokenWithSecret {
    pub(crate) owner: User,
    /// The token that started it and the item that it is bound to, where it is a run.
    pub(crate) run: Option<Run>,
    pub(crate) span: Span,
}

/// What a run stands on, beside its owner.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) issuer: Credential,
    pub(crate) item: Option<Item>,
}

/// What a server thinks of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 200.
    Accepted,
    /// 401.
    Denied,
    /// 503, or no answer at all.
    Unknown,
    /// Any other status, which none of this explains.
    Other(u16),
}

/// A verification: a request, by what became of its bearer's credential.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) span: Span,
    pub(crate) took: Duration,
    pub(crate) replica: usize,
    pub(crate) credential: Credential,
    pub(crate) verdict: Verdict,
}

/// What a change is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// End these, and with them the runs that they started, for good.
    End(Vec<Credential>),
    /// Resolve the item, and so end the runs that are bound to it, for good.
    Resolve(Item),
    /// Suspend the user: ends their runs for good, and their tokens until it is lifted.
    Suspend(User),
    /// Lift the suspension.
    Lift(User),
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered: it has happened, now or before.
    Done,
    /// 503, or no answer: it may have happened.
    Unknown,
}

/// One attempt at a change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) span: Span,
    pub(crate) took: Duration,
    pub(crate) replica: usize,
    /// In which of the ways that there are.
    pub(crate) way: &'static str,
    pub(crate) act: Act,
    pub(crate) outcome: Outcome,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) issued: Vec<TokenWithSecret>,
    pub(crate) checks: Vec<Check>,
    pub(crate) changes: Vec<Change>,
    /// The kind of each fault.
    pub(crate) faults: Vec<&'static str>,
}

/// Where everybody writes it.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    sequence: AtomicU64,
    log: Mutex<Log>,
}

impl Recorder {
    /// The next number.
    pub(crate) fn number(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("the log")
    }

    /// Writes down a new credential.
    pub(crate) fn issued(&self, issued: TokenWithSecret) -> Credential {
        let mut log = self.log();
        log.issued.push(issued);
        Credential(log.issued.len() - 1)
    }

    pub(crate) fn into_log(self) -> Log {
        self.log.into_inner().expect("the log")
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "asked at {}, answered at {}",
            self.invoked, self.answered
        )
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            span,
            replica,
            credential,
            verdict,
            ..
        } = self;
        let Credential(credential) = credential;
        write!(
            f,
            "replica {replica} on credential {credential}: {verdict:?} ({span})"
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            span,
            replica,
            way,
            act,
            outcome,
            ..
        } = self;
        write!(
            f,
            "replica {replica} on {way}, {act:?}: {outcome:?} ({span})"
        )
    }
}
