//! What all store ports share.

use async_trait::async_trait;

/// The cause of a store's failure, for the operator's log; never shown to a client.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Why a store did not answer. That something was not found is an answer, not an error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or is overloaded. The same call may succeed later; until then
    /// nothing is let through.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
    /// The store answered with something that cannot be: a digest of the wrong length, an unknown
    /// scope, a broken constraint. Trying again will not help; an operator must look.
    #[error("the store holds or answered something invalid")]
    Corrupt(#[source] BoxError),
}

impl StoreError {
    /// [`StoreError::Unavailable`] with its cause.
    pub fn unavailable(cause: impl Into<BoxError>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// [`StoreError::Corrupt`] with its cause.
    pub fn corrupt(cause: impl Into<BoxError>) -> Self {
        Self::Corrupt(cause.into())
    }

    /// The cause with its own causes, for one line of the log.
    #[must_use]
    pub fn causes(&self) -> String {
        let (Self::Unavailable(cause) | Self::Corrupt(cause)) = self;
        let mut text = cause.to_string();
        let mut next = cause.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        text
    }
}

/// Port: is the store fit to serve?
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Succeeds when the store can be reached and its schema is the one this version needs.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a request that needs the store would fail now.
    async fn ready(&self) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_has_every_cause() {
        let inner = StoreError::corrupt("no such table");
        let outer = StoreError::unavailable(inner);
        assert_eq!(
            outer.causes(),
            "the store holds or answered something invalid: no such table"
        );
    }
}
