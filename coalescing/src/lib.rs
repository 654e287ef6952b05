#![doc = include_str!("../README.md")]
//!
//! A cache is fast but can return stale values; a round trip per request is fresh but slow. Here a
//! request only joins a batch that is **sent after the request arrived**, never one in flight, so
//! no result is older than its request, and nothing must be invalidated. No timer delays a batch: a
//! lone request is sent immediately, and batches grow with the load on the source.
//!
//! [`Coalescer`] handles lookups of any kind; [`TokenLookups`] handles token lookups and is the
//! basis of the SQLite and PostgreSQL stores.
//!
//! # Guarantees
//!
//! - **Fresh**: the source is queried after the request arrived.
//! - **Bounded**: at most [`Options::workers`] batches are in flight, each with at most
//!   [`Options::max_batch`] distinct keys and [`Options::max_queue`] requests. A request that finds
//!   a full queue fails immediately.
//! - **Timely**: every request completes within **twice [`Options::deadline`]**, plus the delay of
//!   the runtime's timer and scheduler. A batch ends within one deadline, and then its worker reads
//!   the queue. So a queued request is examined at least once before it has waited for one
//!   deadline, and the last of these times it either joins a batch, which ends within the second
//!   deadline, or stays queued and expires when the worker returns, also within the second.
//!   Requests need no timers.
//! - **Fair**: first in, first out. Equal keys of a batch are looked up once, and share the result.
//! - **Isolated**: a batch that fails, hangs or panics affects only its own requests. A request can
//!   be dropped at any time; if it is still queued then, it is not looked up.
//!
//! # Workers
//!
//! A worker is a task that takes a batch from the queue, queries the source, delivers the results,
//! and exits once the queue is empty. An idle coalescer has no tasks, and a dropped one leaves none
//! behind. Workers are spawned onto the runtime of the request that starts them.

mod batch;
mod error;
mod queue;
mod source;
mod tokens;
mod worker;

use std::fmt;
use std::sync::Arc;

pub use crate::batch::{BatchStats, Observer, Outcome};
pub use crate::error::LookupError;
pub use crate::source::{Options, Source};
pub use crate::tokens::{FoundToken, MAX_BATCH, TokenLookups, TokenTable};

use crate::queue::Queue;
use crate::worker::{Shared, Worker};

/// Batches concurrent lookups, as described in the [crate documentation](crate).
///
/// Cheap to clone; clones share a queue.
pub struct Coalescer<S: Source> {
    shared: Arc<Shared<S>>,
}

impl<S: Source> Coalescer<S> {
    /// Creates a coalescer for lookups in `source`.
    #[must_use]
    pub fn new(source: S, options: Options) -> Self {
        Self::build(source, options, None)
    }

    /// Creates a coalescer for lookups in `source` that calls `observer` after each batch.
    #[must_use]
    pub fn observed(source: S, options: Options, observer: Observer) -> Self {
        Self::build(source, options, Some(observer))
    }

    fn build(source: S, options: Options, observer: Option<Observer>) -> Self {
        Self {
            shared: Arc::new(Shared {
                source,
                observer,
                queue: Queue::new(options),
            }),
        }
    }

    /// Looks up `key` in a batch that is sent after this call. Returns `None` if the source does
    /// not have it.
    ///
    /// The request is enqueued when the future is first polled, and can be dropped at any time.
    ///
    /// # Errors
    ///
    /// - [`LookupError::Overloaded`], immediately, if [`Options::max_queue`] requests are queued.
    /// - [`LookupError::TimedOut`] if the batch takes longer than [`Options::deadline`], or the
    ///   request is queued for longer than that.
    /// - [`LookupError::Failed`], [`LookupError::Malformed`] or [`LookupError::Lost`] if the batch
    ///   fails.
    ///
    /// # Panics
    ///
    /// If called outside a tokio runtime with time enabled.
    pub async fn get(&self, key: S::Key) -> Result<Option<S::Value>, LookupError<S::Error>> {
        let enqueued = self.shared.queue.push(key)?;
        if enqueued.spawn_worker {
            Worker::spawn(&self.shared);
        }
        // The sender is dropped if the batch panicked or its runtime was shut down.
        enqueued.reply.await.unwrap_or(Err(LookupError::Lost))
    }

    /// Returns the number of requests in the queue, for a gauge.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queue.len()
    }
}

// By hand, since a derived implementation would require `S: Clone`.
impl<S: Source> Clone for Coalescer<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Source> fmt::Debug for Coalescer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalescer").finish_non_exhaustive()
    }
}
