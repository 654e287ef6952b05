use std::sync::Arc;

use thiserror::Error;

/// Why a request failed. A key that the source does not have is not an error.
#[derive(Debug, Error)]
pub enum LookupError<E> {
    /// The queue is full. Fails immediately, before the lookup: report it to the client as "try
    /// again later" instead of retrying.
    #[error("too many lookups are queued")]
    Overloaded,
    /// The batch exceeded the deadline, or the request waited too long in the queue.
    #[error("the lookup timed out")]
    TimedOut,
    /// The source failed. All requests of the batch share the error.
    #[error("the lookup failed")]
    Failed(#[source] Arc<E>),
    /// The source broke its contract, so results cannot be assigned to keys.
    #[error("{requested} keys were looked up, but {returned} results were returned")]
    Malformed {
        /// Number of keys in the batch.
        requested: usize,
        /// Number of results that the source returned.
        returned: usize,
    },
    /// The source panicked, or the runtime of its batch was shut down.
    #[error("the lookup was lost")]
    Lost,
}

// By hand, since a derived implementation would require `E: Clone`.
impl<E> Clone for LookupError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Overloaded => Self::Overloaded,
            Self::TimedOut => Self::TimedOut,
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            &Self::Malformed {
                requested,
                returned,
            } => Self::Malformed {
                requested,
                returned,
            },
            Self::Lost => Self::Lost,
        }
    }
}
