//! Fresh lookups at the price of batches: what arrives while a batch is in flight queues, and
//! leaves together as the next batch.
//!
//! A cache answers fast and stale; a round trip a request answers fresh and slowly. Here a request
//! joins only a batch that is **sent after the request arrived**, never one in flight, so no answer
//! is older than its request, and there is nothing to invalidate. No timer waits for company: a
//! lone request leaves at once, and the busier the source, the larger its batches.
//!
//! [`Coalescer`] is for lookups of any kind; [`TokenLookups`] are those of tokens, of which both
//! databases' stores are made.
//!
//! # What is guaranteed
//!
//! - **Fresh**: the source is asked after the request arrived.
//! - **Bounded**: at most [`Options::lanes`] batches in flight, of at most [`Options::max_batch`]
//!   distinct keys, for at most [`Options::max_queue`] requests each; a request that finds that
//!   many waiting is refused at once.
//! - **In time**: every request is answered within **twice [`Options::deadline`]** (and what the
//!   runtime's timer and scheduler add). A batch ends after one deadline at the latest, and with it
//!   a lane looks at the queue, so a request is first seen within one deadline; the last time it is
//!   seen before it has waited for one, it either leaves (and its batch ends within the second) or
//!   stays behind and is refused as the lane comes back, which is within the second too. No request
//!   needs a timer of its own for this.
//! - **Fair**: first in, first out. Equal keys of a batch are asked once, and the answer is shared.
//! - **Apart**: a batch that fails, hangs or panics fails its own members and nobody else. A
//!   request may be dropped at any time; while it queues, it is then not asked for.
//!
//! # What runs
//!
//! A lane is a task that takes a batch, asks the source, delivers, and ends once the queue is
//! empty: an idle coalescer has no task, and dropping it leaves none behind. Lanes are spawned onto
//! the runtime of the request that starts them.
//!
//! ```
//! use std::{convert::Infallible, num::NonZero, time::Duration};
//!
//! use openindex_coalescing::{Coalescer, LookupError, Options, Source};
//!
//! struct Squares;
//!
//! impl Source for Squares {
//!     type Key = u32;
//!     type Value = u32;
//!     type Error = Infallible;
//!
//!     async fn fetch(&self, keys: &[u32]) -> Result<Vec<Option<u32>>, Infallible> {
//!         Ok(keys.iter().map(|key| key.checked_mul(*key)).collect())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), LookupError<Infallible>> {
//! let squares = Coalescer::new(
//!     Squares,
//!     Options {
//!         lanes: NonZero::<usize>::MIN,
//!         max_batch: NonZero::new(256).expect("not zero"),
//!         max_queue: NonZero::new(4096).expect("not zero"),
//!         deadline: Duration::from_secs(1),
//!     },
//! );
//! assert_eq!(squares.get(12).await?, Some(144));
//! assert_eq!(squares.get(u32::MAX).await?, None);
//! # Ok(())
//! # }
//! ```

mod batch;
mod error;
mod lane;
mod queue;
mod tokens;

use std::fmt;
use std::hash::Hash;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

pub use crate::batch::{Batch, Observer, Outcome};
pub use crate::error::LookupError;
pub use crate::tokens::{FoundToken, MAX_BATCH, TokenLookups, TokenTable};

use crate::lane::Lane;
use crate::queue::Queue;

/// Where batches are answered: a table, a remote service.
pub trait Source: Send + Sync + 'static {
    /// What is looked up by. `Eq` and `Hash` should be quick and must not panic.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// What is found. Cloned once for each further request that asked for the same key.
    type Value: Clone + Send + 'static;
    /// Why a batch could not be answered.
    type Error: Send + Sync + 'static;

    /// Answers each of `keys`, in their order; `None` where there is nothing.
    ///
    /// `keys` is never empty, without duplicates, and in the order of arrival. At
    /// [`Options::deadline`] the future is dropped. It must not block its thread: a deadline can
    /// only fall due where the future yields.
    ///
    /// # Errors
    ///
    /// The error reaches every request of the batch as [`LookupError::Failed`]. A number of answers
    /// other than that of the keys reaches them as [`LookupError::Malformed`], a panic as
    /// [`LookupError::Lost`].
    fn fetch(
        &self,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Option<Self::Value>>, Self::Error>> + Send;
}

/// How much may be under way, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Batches in flight at once. More of them shorten the wait where the source answers
    /// concurrently, and make the batches smaller.
    pub lanes: NonZero<usize>,
    /// Distinct keys in one batch.
    pub max_batch: NonZero<usize>,
    /// Requests that wait for a batch; further ones are refused. One that was abandoned while it
    /// waited keeps its place until a lane comes to it.
    pub max_queue: NonZero<usize>,
    /// How long a batch may take, and how long a request may wait for one. Every request is
    /// answered within twice this time. More than a year counts as a year.
    pub deadline: Duration,
}

/// Gathers lookups into batches; the crate's documentation says how.
///
/// Cheap to clone, and clones share their queue.
pub struct Coalescer<S: Source> {
    shared: Arc<Shared<S>>,
}

struct Shared<S: Source> {
    source: S,
    observer: Option<Observer>,
    queue: Queue<S>,
}

impl<S: Source> Coalescer<S> {
    /// A coalescer of lookups at `source`.
    #[must_use]
    pub fn new(source: S, options: Options) -> Self {
        Self::build(source, options, None)
    }

    /// A coalescer of lookups at `source` that tells `observer` of each batch.
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

    /// Looks `key` up in a batch that is sent after this call; `None` when the source has nothing.
    ///
    /// The request arrives as the future is first polled, and may be dropped at any time.
    ///
    /// # Errors
    ///
    /// - [`LookupError::Overloaded`] at once, when [`Options::max_queue`] requests wait already.
    /// - [`LookupError::TimedOut`] when its batch took longer than [`Options::deadline`], or none
    ///   took it along within that time.
    /// - [`LookupError::Failed`], [`LookupError::Malformed`] and [`LookupError::Lost`] when its
    ///   batch came to nothing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub async fn get(&self, key: S::Key) -> Result<Option<S::Value>, LookupError<S::Error>> {
        let arrival = self.shared.queue.enter(key)?;
        if arrival.starts_lane {
            Lane::start(&self.shared);
        }
        // Nobody is left to answer: the batch panicked, or its runtime was shut down.
        arrival.answer.await.unwrap_or(Err(LookupError::Lost))
    }

    /// How many requests wait for a batch now: a gauge.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.queue.len()
    }
}

// By hand, since deriving would ask that the source itself can be cloned or printed.
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
