use std::sync::Arc;

use thiserror::Error;

/// Why a request has no answer. A key that the source does not have is no error.
#[derive(Debug, Error)]
pub enum LookupError<E> {
    /// As many requests wait as may. Refused at once, without having been asked for: the caller
    /// should pass that on as "try again later" rather than try again itself.
    #[error("too many lookups are waiting")]
    Overloaded,
    /// The batch did not end in time, or the request waited too long for one.
    #[error("the lookup took too long")]
    TimedOut,
    /// The source failed. All requests of the batch share the error.
    #[error("the lookup failed")]
    Failed(#[source] Arc<E>),
    /// The source broke its contract, and which answer belongs to which key cannot be told.
    #[error("{asked} keys were looked up and {answered} answers came")]
    Malformed {
        /// How many keys were asked for.
        asked: usize,
        /// How many answers came.
        answered: usize,
    },
    /// The source panicked, or the runtime that asked it was shut down.
    #[error("the lookup was lost")]
    Lost,
}

// By hand, since deriving would ask for `E: Clone`.
impl<E> Clone for LookupError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Overloaded => Self::Overloaded,
            Self::TimedOut => Self::TimedOut,
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            &Self::Malformed { asked, answered } => Self::Malformed { asked, answered },
            Self::Lost => Self::Lost,
        }
    }
}
