use std::fmt::Write as _;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::user::{HashError, Password, PasswordHash, PasswordHasher};

/// The prefix of every hash of [`FakeHasher`].
const PREFIX: &str = "fake$";

/// A fast, deterministic hasher: unsalted SHA-256. For tests only; it provides no security.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeHasher;

#[async_trait]
impl PasswordHasher for FakeHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        Ok(fake_hash(password))
    }

    async fn verify<'a>(
        &'a self,
        password: &'a Password,
        hash: Option<&'a PasswordHash>,
    ) -> Result<bool, HashError> {
        let Some(hash) = hash else { return Ok(false) };
        if !hash.as_stored().starts_with(PREFIX) {
            return Err(HashError::failed("not a hash of the fake hasher"));
        }
        Ok(*hash == fake_hash(password))
    }
}

fn fake_hash(password: &Password) -> PasswordHash {
    let digest = Sha256::new()
        .chain_update(b"openindex fake password hash\0")
        .chain_update(password.expose())
        .finalize();
    let mut text = PREFIX.to_owned();
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    PasswordHash::from_stored(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepts_only_the_right_password() {
        let (right, wrong) = (
            Password::parse("right").unwrap(),
            Password::parse("wrong").unwrap(),
        );
        let hash = FakeHasher.hash(&right).await.unwrap();
        assert_eq!(hash.as_stored().len(), PREFIX.len() + 64);
        assert!(FakeHasher.verify(&right, Some(&hash)).await.unwrap());
        assert!(!FakeHasher.verify(&wrong, Some(&hash)).await.unwrap());
        assert!(!FakeHasher.verify(&right, None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_another_hasher_is_a_failure_and_not_a_wrong_password() {
        let foreign = PasswordHash::from_stored("$argon2id$…".to_owned());
        let password = Password::parse("right").unwrap();
        assert!(FakeHasher.verify(&password, Some(&foreign)).await.is_err());
    }
}
