use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::span;

use crate::error::LookupError;
use crate::source::Source;

/// A callback that receives the [`BatchStats`] of each batch after its requests have completed, for
/// metrics. Runs in the worker, so it should be fast. Its panics reach the panic hook and go no
/// further.
pub type Observer = Arc<dyn Fn(&BatchStats) + Send + Sync>;

/// The statistics of a batch, as passed to an [`Observer`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStats {
    /// Distinct keys in the batch.
    pub keys: usize,
    /// Requests in the batch: at least one per key.
    pub requests: usize,
    /// Requests that timed out in the queue and were dropped from it for this batch. If every
    /// queued request has timed out, no batch is sent, and only the callers learn of it.
    pub expired: usize,
    /// Requests that remained in the queue after the batch was sent.
    pub queued: usize,
    /// How long the first request of the batch waited in the queue.
    pub waited: Duration,
    /// How long the source took.
    pub duration: Duration,
    /// How the batch ended.
    pub outcome: Outcome,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The source returned a result for each key.
    Succeeded,
    /// The source returned an error.
    Failed,
    /// The source did not return before the deadline.
    TimedOut,
    /// The source returned more or fewer results than there were keys.
    Malformed,
    /// The source panicked.
    Panicked,
}

pub(crate) type LookupResult<S> =
    Result<Option<<S as Source>::Value>, LookupError<<S as Source>::Error>>;

/// A queued request.
pub(crate) struct Request<S: Source> {
    pub(crate) key: S::Key,
    pub(crate) arrived_at: Instant,
    /// The span of the caller, if spans of batches are recorded.
    pub(crate) caller: Option<span::Id>,
    pub(crate) reply: oneshot::Sender<LookupResult<S>>,
}

/// Requests that are looked up together. A worker reuses it for every batch, so as not to allocate.
pub(crate) struct Batch<S: Source> {
    pub(crate) keys: Vec<S::Key>,
    members: Vec<Member<S>>,
    pub(crate) callers: Vec<span::Id>,
    expired: Vec<oneshot::Sender<LookupResult<S>>>,
    pub(crate) sent_at: Instant,
    pub(crate) waited: Duration,
    pub(crate) queued: usize,
}

/// A request in a batch, with the index of its key.
struct Member<S: Source> {
    key_index: usize,
    reply: oneshot::Sender<LookupResult<S>>,
}

impl<S: Source> Batch<S> {
    pub(crate) fn new() -> Self {
        Self {
            keys: Vec::new(),
            members: Vec::new(),
            callers: Vec::new(),
            expired: Vec::new(),
            sent_at: Instant::now(),
            waited: Duration::ZERO,
            queued: 0,
        }
    }

    /// Empties the batch. Requests without a result fail with [`LookupError::Lost`].
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.members.clear();
        self.callers.clear();
        self.expired.clear();
    }

    /// Sets the send time of the batch to now. The wait of each request is measured against it.
    pub(crate) fn mark_sent(&mut self) {
        self.sent_at = Instant::now();
        self.waited = Duration::ZERO;
    }

    pub(crate) fn requests(&self) -> usize {
        self.members.len()
    }

    /// Returns how long a request has waited when the batch is sent.
    pub(crate) fn wait_of(&self, request: &Request<S>) -> Duration {
        self.sent_at.saturating_duration_since(request.arrived_at)
    }

    pub(crate) fn add(&mut self, key_index: usize, request: Request<S>) {
        if self.members.is_empty() {
            self.waited = self.wait_of(&request);
        }
        self.callers.extend(request.caller);
        let reply = request.reply;
        self.members.push(Member { key_index, reply });
    }

    pub(crate) fn expire(&mut self, request: Request<S>) {
        self.expired.push(request.reply);
    }

    /// Fails the expired requests and returns how many there were. A send fails if the caller has
    /// dropped the request, which is ignored here and below.
    pub(crate) fn fail_expired(&mut self) -> usize {
        let expired = self.expired.len();
        for reply in self.expired.drain(..) {
            _ = reply.send(Err(LookupError::TimedOut));
        }
        expired
    }

    /// Sends each request the result for its key.
    pub(crate) fn complete(&mut self, results: Vec<Option<S::Value>>) -> Outcome {
        let (requested, returned) = (self.keys.len(), results.len());
        if requested != returned {
            return self.fail(
                &LookupError::Malformed {
                    requested,
                    returned,
                },
                Outcome::Malformed,
            );
        }
        if self.members.len() == requested {
            // One request per key, so both are in the same order and nothing is cloned.
            for (member, result) in self.members.drain(..).zip(results) {
                _ = member.reply.send(Ok(result));
            }
        } else {
            for member in self.members.drain(..) {
                _ = member.reply.send(Ok(results[member.key_index].clone()));
            }
        }
        Outcome::Succeeded
    }

    /// Sends every request the same error.
    pub(crate) fn fail(&mut self, error: &LookupError<S::Error>, outcome: Outcome) -> Outcome {
        for member in self.members.drain(..) {
            _ = member.reply.send(Err(error.clone()));
        }
        outcome
    }
}
