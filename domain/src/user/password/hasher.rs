use std::fmt;

use async_trait::async_trait;

use crate::BoxError;

use super::Password;

/// What a store keeps of a password: a PHC string, `$algorithm$parameters$salt$hash`. Only the
/// [`PasswordHasher`] that made it reads it. Whoever has it can try passwords on it as fast as
/// their machine allows, so `Debug` is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash as a hasher made it, or as a store kept it. Nothing is checked: a hasher that
    /// cannot read it says so.
    #[must_use]
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The text for a store to keep.
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

/// Why a password was neither hashed nor compared.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// As many passwords are being hashed, and as many wait, as this process takes on. The same
    /// call may succeed in seconds.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// The hasher failed, or the stored hash is not one that it can read. For the operator's log.
    #[error("a password could not be hashed")]
    Failed(#[source] BoxError),
}

impl HashError {
    /// [`HashError::Failed`] with its cause, which must not hold a password or a hash.
    pub fn failed(cause: impl Into<BoxError>) -> Self {
        Self::Failed(cause.into())
    }
}

/// Port: a slow, salted, memory-hard hash of passwords.
///
/// Slow is the point, so an implementation bounds how many run at once, and neither blocks the
/// caller's thread nor takes all of the machine's: a flood of sign-ins must not hold up requests
/// that present a token.
#[cfg_attr(
    feature = "testing",
    mockall::automock,
    allow(clippy::ref_option_ref, reason = "in what mockall generates")
)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes with a new salt. Whether the password may be chosen is for the caller to have
    /// checked ([`Password::check_new`]).
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError>;

    /// Whether `password` is the one that `hash` was made from.
    ///
    /// `None` stands for an account that does not exist, or has no password: it takes the same
    /// work as a wrong password and answers false, so that the time of an answer does not tell
    /// which accounts there are.
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
    fn a_hash_is_kept_as_it_came_and_not_shown() {
        let hash = PasswordHash::from_stored("$argon2id$v=19$…".to_owned());
        assert_eq!(hash.as_stored(), "$argon2id$v=19$…");
        assert_eq!(format!("{hash:?}"), "PasswordHash[redacted]");
    }
}
