//! Randomness, as a port.

/// The source of entropy gave nothing. No secret can be made, so nothing is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of entropy is unavailable")]
pub struct EntropyError;

/// Port: bytes that nobody can guess.
///
/// An implementation for production must be a cryptographically secure generator of the
/// operating system (NIST SP 800-63B-4 §3.2.12 on generated secrets).
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills all of `destination`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when the source cannot answer; the bytes must then not be used.
    fn fill(&self, destination: &mut [u8]) -> Result<(), EntropyError>;
}
