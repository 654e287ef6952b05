//! The port for randomness.

/// The source of entropy failed. No secret or id can be generated, so nothing is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of entropy is unavailable")]
pub struct EntropyError;

/// Port: a source of unpredictable bytes.
///
/// Production implementations must use a cryptographically secure random number generator of the
/// operating system (NIST SP 800-63B-4 §3.2.12 on generated secrets).
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills all of `destination` with random bytes.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source fails; the contents of `destination` must then not be used.
    fn fill(&self, destination: &mut [u8]) -> Result<(), EntropyError>;
}
