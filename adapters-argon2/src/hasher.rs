use std::fmt;
use std::sync::Arc;

use argon2::Params;
use async_trait::async_trait;
use openindex_domain::entropy::{Entropy, EntropyError};
use openindex_domain::user::{HashError, Password, PasswordHash, PasswordHasher};
use zeroize::Zeroizing;

use crate::argon2id::{self, Derive, PARAMS, SALT_BYTES, Stored};
use crate::limiter::{Limiter, Limits};

/// Argon2id with 19 MiB, two passes, one lane, and a random salt of 16 bytes per hash. Stores PHC
/// strings: `$argon2id$v=19$m=19456,t=2,p=1$…$…`.
///
/// Hashes on tokio's blocking threads, so its futures require a tokio runtime. [`Limits`] cap the
/// number of threads, and therefore the memory.
pub struct Argon2Hasher {
    entropy: Arc<dyn Entropy>,
    limiter: Limiter,
    /// Verified against when there is no hash, so that an unknown account takes as long as a known
    /// one.
    dummy: Stored,
    derive: Arc<Derive>,
}

impl Argon2Hasher {
    /// Creates a hasher that takes its salts from `entropy`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if `entropy` fails: the dummy hash for unknown accounts is random.
    pub fn new(entropy: Arc<dyn Entropy>, limits: Limits) -> Result<Self, EntropyError> {
        Self::with_derive(entropy, limits, Arc::new(argon2id::derive))
    }

    fn with_derive(
        entropy: Arc<dyn Entropy>,
        limits: Limits,
        derive: Arc<Derive>,
    ) -> Result<Self, EntropyError> {
        let mut random = [0; SALT_BYTES + Params::DEFAULT_OUTPUT_LEN];
        entropy.fill(&mut random)?;
        Ok(Self {
            entropy,
            limiter: Limiter::new(limits),
            // Cannot fail: argon2id accepts these constant lengths.
            dummy: Stored::dummy(&random).map_err(|_| EntropyError)?,
            derive,
        })
    }
}

impl fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Hasher")
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt).map_err(HashError::failed)?;
        let (password, derive) = (copy(password), self.derive.clone());
        self.limiter
            .run(move || {
                let phc = derive(&password, &salt, PARAMS).map_err(HashError::failed)?;
                Ok(PasswordHash::from_stored(phc.to_string()))
            })
            .await
    }

    async fn verify<'a>(
        &'a self,
        password: &'a Password,
        hash: Option<&'a PasswordHash>,
    ) -> Result<bool, HashError> {
        // Parsed before queueing, so that an invalid hash uses no slot.
        let stored = match hash {
            Some(hash) => Stored::parse(hash.as_stored()).map_err(HashError::failed)?,
            None => self.dummy.clone(),
        };
        let known = hash.is_some();
        let (password, derive) = (copy(password), self.derive.clone());
        self.limiter
            .run(move || {
                let same = stored.matches(&password, &*derive);
                same.map(|same| same & known).map_err(HashError::failed)
            })
            .await
    }
}

/// Copies a password for another thread; the copy is wiped on drop, like the original.
fn copy(password: &Password) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.expose().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::{Mutex, mpsc};
    use std::task::{Context, Waker};

    use openindex_domain::testing::{MockEntropy, SeededEntropy};

    use super::*;

    /// Memory in KiB, passes and salt length of each computed hash.
    type Seen = Arc<Mutex<Vec<(u32, u32, usize)>>>;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    fn hasher() -> Argon2Hasher {
        Argon2Hasher::new(Arc::new(SeededEntropy::new(1)), Limits::default()).unwrap()
    }

    fn observed() -> (Argon2Hasher, Seen) {
        let seen = Seen::default();
        let log = seen.clone();
        let derive = move |password: &[u8], salt: &[u8], params: Params| {
            let entry = (params.m_cost(), params.t_cost(), salt.len());
            log.lock().unwrap().push(entry);
            argon2id::derive(password, salt, params)
        };
        let hasher = Argon2Hasher::with_derive(
            Arc::new(SeededEntropy::new(1)),
            Limits::default(),
            Arc::new(derive),
        );
        (hasher.unwrap(), seen)
    }

    #[tokio::test]
    async fn the_right_password_matches_and_a_wrong_one_does_not() {
        let hasher = hasher();
        let longest = "🦀".repeat(256);
        for (right, wrong) in [
            (
                "correct horse battery staple",
                "correct horse battery stapl",
            ),
            (
                "correct horse battery staple",
                "Correct horse battery staple",
            ),
            ("correct horse battery staple", ""),
            (&*longest, &longest[4..]),
        ] {
            let hash = hasher.hash(&password(right)).await.unwrap();
            assert!(hasher.verify(&password(right), Some(&hash)).await.unwrap());
            assert!(!hasher.verify(&password(wrong), Some(&hash)).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_stored_hash_is_argon2id_at_the_documented_cost() {
        let hash = hasher().hash(&password("battery")).await.unwrap();
        let parts: Vec<_> = hash.as_stored().split('$').collect();
        assert_eq!(parts[..4], ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
        // 16 and 32 bytes in base64 without padding.
        assert_eq!((parts[4].len(), parts[5].len()), (22, 43));
        assert!(!hash.as_stored().contains("battery"));
    }

    #[tokio::test]
    async fn hashing_a_password_twice_uses_two_salts() {
        let hasher = hasher();
        let one = hasher.hash(&password("same")).await.unwrap();
        let two = hasher.hash(&password("same")).await.unwrap();
        let salt = |hash: &PasswordHash| hash.as_stored().split('$').nth(4).map(str::to_owned);
        assert_ne!(salt(&one), salt(&two));
        assert!(hasher.verify(&password("same"), Some(&one)).await.unwrap());
        assert!(hasher.verify(&password("same"), Some(&two)).await.unwrap());
    }

    #[tokio::test]
    async fn an_unknown_account_costs_as_much_as_a_wrong_password() {
        let (hasher, seen) = observed();
        let hash = hasher.hash(&password("right")).await.unwrap();
        seen.lock().unwrap().clear();

        assert!(
            !hasher
                .verify(&password("wrong"), Some(&hash))
                .await
                .unwrap()
        );
        let wrong = std::mem::take(&mut *seen.lock().unwrap());
        assert!(!hasher.verify(&password("wrong"), None).await.unwrap());
        let unknown = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(wrong, [(19_456, 2, SALT_BYTES)]);
        assert_eq!(unknown, wrong);
    }

    #[tokio::test]
    async fn a_stored_hash_is_verified_at_its_own_cost() {
        let (hasher, seen) = observed();
        let params = Params::new(64, 3, 1, Some(32)).unwrap();
        let older = argon2id::derive(b"right", &[7; SALT_BYTES], params).unwrap();
        let older = PasswordHash::from_stored(older.to_string());
        assert!(
            hasher
                .verify(&password("right"), Some(&older))
                .await
                .unwrap()
        );
        assert_eq!(*seen.lock().unwrap(), [(64, 3, SALT_BYTES)]);
    }

    #[tokio::test]
    async fn an_invalid_stored_hash_is_an_error_that_does_not_show_it() {
        let broken = PasswordHash::from_stored("$argon2id$v=19$secret".to_owned());
        let verified = hasher().verify(&password("right"), Some(&broken)).await;
        let Err(error @ HashError::Failed(_)) = verified else {
            panic!("not a failure: {verified:?}");
        };
        assert!(!format!("{error:?} {error}").contains("secret"));
    }

    #[tokio::test]
    async fn a_flood_fails_as_busy_and_earlier_requests_complete() {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let derive = move |password: &[u8], salt: &[u8], _: Params| {
            held.lock().unwrap().recv().unwrap();
            argon2id::derive(password, salt, Params::new(8, 1, 1, Some(32)).unwrap())
        };
        let limits = Limits {
            max_running: NonZeroUsize::MIN,
            max_queued: 2,
        };
        let entropy = Arc::new(SeededEntropy::new(1));
        let hasher = Argon2Hasher::with_derive(entropy, limits, Arc::new(derive)).unwrap();
        let password = password("right");

        let mut admitted: Vec<_> = (0..3).map(|_| hasher.verify(&password, None)).collect();
        for verify in &mut admitted {
            let polled = verify
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending());
        }
        let rejected = hasher.verify(&password, None).await;
        assert!(matches!(rejected, Err(HashError::Busy)));
        let rejected = hasher.hash(&password).await;
        assert!(matches!(rejected, Err(HashError::Busy)));

        for verify in admitted {
            release.send(()).unwrap();
            assert!(!verify.await.unwrap());
        }
    }

    #[tokio::test]
    async fn without_entropy_neither_creating_a_hasher_nor_hashing_succeeds() {
        let mut none = MockEntropy::new();
        none.expect_fill().return_const(Err(EntropyError));
        assert!(Argon2Hasher::new(Arc::new(none), Limits::default()).is_err());

        let mut once = MockEntropy::new();
        once.expect_fill().times(1).return_const(Ok(()));
        once.expect_fill().return_const(Err(EntropyError));
        let hasher = Argon2Hasher::new(Arc::new(once), Limits::default()).unwrap();
        let outcome = hasher.hash(&password("right")).await;
        assert!(matches!(outcome, Err(HashError::Failed(_))));
    }

    #[test]
    fn debug_shows_the_limits_and_no_secret() {
        let shown = format!("{:?}", hasher());
        assert!(
            shown.starts_with("Argon2Hasher { limiter: Limiter"),
            "{shown}"
        );
        assert!(!shown.contains("salt") && !shown.contains("dummy"));
    }
}
