use std::fmt;

use async_trait::async_trait;

use crate::BoxError;

use super::Password;

/// The stored form of a password: a PHC string, `$algorithm$parameters$salt$hash`, which only the
/// [`PasswordHasher`] interprets. It permits offline guessing, so `Debug` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Creates a hash from the output of a hasher, or from a store. It is not validated; the hasher
    /// fails if it cannot interpret it.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// Returns the text for a store to persist.
    #[must_use]
    pub fn as_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash[redacted]")
    }
}

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The limits of concurrent and of queued hash computations are reached. A retry may succeed
    /// within seconds.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The hasher failed, or it cannot interpret the stored hash. The cause is for the operator's
    /// log.
    #[error("the password could not be hashed")]
    Failed(#[source] BoxError),
}

impl HashError {
    /// Creates a [`HashError::Failed`] with its cause, which must not contain a password or a hash.
    pub fn failed(cause: impl Into<BoxError>) -> Self {
        Self::Failed(cause.into())
    }
}

/// Port: a slow, salted, memory-hard hash of passwords.
///
/// Implementations must limit how many hashes are computed at once, and must neither block the
/// caller's thread nor use the whole machine: a flood of sign-ins must not delay requests that
/// present a token.
#[cfg_attr(
    feature = "testing",
    mockall::automock,
    allow(clippy::ref_option_ref, reason = "in what mockall generates")
)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with a new salt. The caller must have checked that it is permitted
    /// ([`Password::check_new`]).
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError>;

    /// Returns whether `hash` was computed from `password`.
    ///
    /// `None` stands for an account that does not exist or has no password: it costs the same work
    /// as a wrong password and returns `false`, so that the response time does not reveal which
    /// accounts exist.
    async fn verify<'a>(
        &'a self,
        password: &'a Password,
        hash: Option<&'a PasswordHash>,
    ) -> Result<bool, HashError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_stored_unchanged_and_redacted() {
        let hash = PasswordHash::from_stored("$argon2id$v=19$…".to_owned());
        assert_eq!(hash.as_stored(), "$argon2id$v=19$…");
        assert_eq!(format!("{hash:?}"), "PasswordHash[redacted]");
    }
}
