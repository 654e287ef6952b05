//! The requests and responses of all threads, in one sequence.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// A personal access token, one of its rights, or an agent run, as an index into [`Log::issued`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Credential(pub(crate) usize);

/// A user who owns credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct User(pub(crate) usize);

/// A work item that runs are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Item(pub(crate) String);

/// The sequence numbers of a request and of its response or failure. The first is taken before a
/// byte is sent, the second when everything has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) invoked: u64,
    pub(crate) responded: u64,
}

impl Span {
    /// Returns whether this ended before the other began.
    pub(crate) const fn precedes(self, other: Self) -> bool {
        self.responded < other.invoked
    }
}

/// A credential that a server has created.
#[derive(Debug, Clone)]
pub(crate) struct TokenWithSecret {
    pub(crate) owner: User,
    /// For a run, the token that started it and the item that it is bound to.
    pub(crate) run: Option<Run>,
    pub(crate) span: Span,
}

/// What a run depends on, besides its owner.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) issuer: Credential,
    pub(crate) item: Option<Item>,
}

/// A server's verdict on a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 200.
    Accepted,
    /// 401.
    Denied,
    /// 503, or no response.
    Unknown,
    /// Any other status, which is unexpected.
    Other(u16),
}

/// A verification: any request, by the verdict on its credential.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) span: Span,
    pub(crate) took: Duration,
    pub(crate) replica: usize,
    pub(crate) credential: Credential,
    pub(crate) verdict: Verdict,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Ends these, and the runs that they started, permanently.
    End(Vec<Credential>),
    /// Lets these expire a moment later. The end is logged when that moment has passed.
    LetExpire(Vec<Credential>),
    /// Resolves the item, which ends the runs bound to it permanently.
    Resolve(Item),
    /// Suspends the user: ends their runs permanently, and their tokens until the suspension is
    /// lifted.
    Suspend(User),
    /// Lifts the suspension.
    Lift(User),
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged: it has happened, now or before.
    Done,
    /// 503, or no response: it may have happened.
    Unknown,
}

/// One attempt at a change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) span: Span,
    pub(crate) took: Duration,
    pub(crate) replica: usize,
    /// The way in which it was made.
    pub(crate) way: &'static str,
    pub(crate) act: Act,
    pub(crate) outcome: Outcome,
}

/// The whole log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) issued: Vec<TokenWithSecret>,
    pub(crate) checks: Vec<Check>,
    pub(crate) changes: Vec<Change>,
    /// The kinds of the faults.
    pub(crate) faults: Vec<&'static str>,
}

/// The log while it is written, shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    sequence: AtomicU64,
    log: Mutex<Log>,
}

impl Recorder {
    /// Returns the next sequence number.
    pub(crate) fn number(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("the log")
    }

    /// Adds a new credential.
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
            "sent at {}, response at {}",
            self.invoked, self.responded
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
