use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::LookupError;
use crate::{Source, queue::Waiter};

/// Is told of each batch once its requests are answered: where metrics are taken. It runs in the
/// lane, so what takes long belongs elsewhere. A panic of it goes to the panic hook, and no further.
pub type Observer = Arc<dyn Fn(&Batch) + Send + Sync>;

/// What became of a batch, as an [`Observer`] is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// Distinct keys that were asked for.
    pub keys: usize,
    /// Requests that took part, at least one a key.
    pub requests: usize,
    /// Requests that were refused as the batch left, having waited longer than the deadline. Where
    /// all who waited are refused, no batch leaves, and only the callers know.
    pub expired: usize,
    /// Requests that waited still after the batch had left.
    pub left_behind: usize,
    /// How long the first of the requests waited for the batch to leave.
    pub waited: Duration,
    /// How long the source took.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Each key was answered.
    Answered,
    /// The source returned an error.
    Failed,
    /// The source was given up at the deadline.
    TimedOut,
    /// The number of answers was not that of the keys.
    Malformed,
    /// The source panicked.
    Panicked,
}

pub(crate) type Answer<S> = Result<Option<<S as Source>::Value>, LookupError<<S as Source>::Error>>;

/// The requests that leave together. A lane fills it again and again, to allocate nothing.
pub(crate) struct Load<S: Source> {
    pub(crate) keys: Vec<S::Key>,
    members: Vec<Member<S>>,
    expired: Vec<oneshot::Sender<Answer<S>>>,
    pub(crate) left_at: Instant,
    pub(crate) waited: Duration,
    pub(crate) left_behind: usize,
}

/// A request, and where among the keys its own stands.
struct Member<S: Source> {
    slot: usize,
    answer: oneshot::Sender<Answer<S>>,
}

impl<S: Source> Load<S> {
    pub(crate) fn new() -> Self {
        Self {
            keys: Vec::new(),
            members: Vec::new(),
            expired: Vec::new(),
            left_at: Instant::now(),
            waited: Duration::ZERO,
            left_behind: 0,
        }
    }

    /// Empties it. Whoever is unanswered still is lost.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.members.clear();
        self.expired.clear();
    }

    /// Sets the time against which requests are measured: the batch leaves now.
    pub(crate) fn leaves_now(&mut self) {
        self.left_at = Instant::now();
        self.waited = Duration::ZERO;
    }

    pub(crate) fn requests(&self) -> usize {
        self.members.len()
    }

    /// How long a request will have waited as the batch leaves.
    pub(crate) fn wait_of(&self, waiter: &Waiter<S>) -> Duration {
        self.left_at.saturating_duration_since(waiter.arrived)
    }

    pub(crate) fn join(&mut self, slot: usize, waiter: Waiter<S>) {
        if self.members.is_empty() {
            self.waited = self.wait_of(&waiter);
        }
        let answer = waiter.answer;
        self.members.push(Member { slot, answer });
    }

    pub(crate) fn refuse(&mut self, waiter: Waiter<S>) {
        self.expired.push(waiter.answer);
    }

    /// Whoever abandoned the request does not hear of it, here and below.
    pub(crate) fn answer_expired(&mut self) -> usize {
        let expired = self.expired.len();
        for answer in self.expired.drain(..) {
            _ = answer.send(Err(LookupError::TimedOut));
        }
        expired
    }

    /// Gives each member the answer of its key.
    pub(crate) fn answer(&mut self, answers: Vec<Option<S::Value>>) -> Outcome {
        let (asked, answered) = (self.keys.len(), answers.len());
        if asked != answered {
            return self.fail(
                &LookupError::Malformed { asked, answered },
                Outcome::Malformed,
            );
        }
        if self.members.len() == asked {
            // One member a key, hence in the order of the keys: nothing is cloned.
            for (member, answer) in self.members.drain(..).zip(answers) {
                _ = member.answer.send(Ok(answer));
            }
        } else {
            for member in self.members.drain(..) {
                _ = member.answer.send(Ok(answers[member.slot].clone()));
            }
        }
        Outcome::Answered
    }

    /// Gives each member the same error.
    pub(crate) fn fail(&mut self, error: &LookupError<S::Error>, outcome: Outcome) -> Outcome {
        for member in self.members.drain(..) {
            _ = member.answer.send(Err(error.clone()));
        }
        outcome
    }
}
