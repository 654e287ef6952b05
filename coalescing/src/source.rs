use std::hash::Hash;
use std::num::NonZero;
use std::time::Duration;

/// The source of lookups, such as a table or a remote service.
pub trait Source: Send + Sync + 'static {
    /// The key of a lookup. `Eq` and `Hash` should be fast and must not panic.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// The value of a key. Cloned for requests of a batch that share a key.
    type Value: Clone + Send + 'static;
    /// The error of a batch.
    type Error: Send + Sync + 'static;

    /// Returns the value of each key, in the order of `keys`; `None` for a key without one.
    ///
    /// `keys` is not empty, has no duplicates, and is in order of arrival. The future is dropped at
    /// [`Options::deadline`]. It must not block its thread: the deadline only applies when the
    /// future yields.
    ///
    /// # Errors
    ///
    /// Every request of the batch fails: with [`LookupError::Failed`] after an error,
    /// [`LookupError::Malformed`] if the number of values differs from the number of keys, and
    /// [`LookupError::Lost`] after a panic.
    ///
    /// [`LookupError::Failed`]: crate::LookupError::Failed
    /// [`LookupError::Malformed`]: crate::LookupError::Malformed
    /// [`LookupError::Lost`]: crate::LookupError::Lost
    fn fetch(
        &self,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Vec<Option<Self::Value>>, Self::Error>> + Send;
}

/// The limits of a [`Coalescer`](crate::Coalescer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Maximum number of batches in flight, one per worker. More workers shorten the wait if the
    /// source handles batches concurrently, and make batches smaller.
    pub workers: NonZero<usize>,
    /// Maximum number of distinct keys in a batch.
    pub max_batch: NonZero<usize>,
    /// Maximum number of queued requests; further ones fail with
    /// [`LookupError::Overloaded`](crate::LookupError::Overloaded). An
    /// abandoned request counts until a worker reaches it.
    pub max_queue: NonZero<usize>,
    /// Maximum duration of a batch, and maximum time that a request waits for one. Every request
    /// completes within twice this time. Capped at one year.
    pub deadline: Duration,
}
