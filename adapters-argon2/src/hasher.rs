use std::fmt;
use std::sync::Arc;

use argon2::Params;
use async_trait::async_trait;
use openindex_domain::entropy::{Entropy, EntropyError};
use openindex_domain::user::{HashError, Password, PasswordHash, PasswordHasher};
use zeroize::Zeroizing;

use crate::argon2id::{self, Derive, PARAMS, SALT_BYTES, Stored};
use crate::gate::{Gate, Limits};

/// Argon2id with 19 MiB, two passes and one lane, a random salt of 16 bytes for each hash, and
/// PHC strings as the stored form: `$argon2id$v=19$m=19456,t=2,p=1$…$…`.
///
/// It hashes on tokio's blocking threads, so its futures need a tokio runtime; [`Limits`] bound
/// how many, and with that its memory.
pub struct Argon2Hasher {
    entropy: Arc<dyn Entropy>,
    gate: Gate,
    /// Compared with when there is no hash.
    nobody: Stored,
    derive: Arc<Derive>,
}

impl Argon2Hasher {
    /// A hasher that draws its salts from `entropy`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] when there is none: the hash that absent accounts are compared with is
    /// drawn here.
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
            gate: Gate::new(limits),
            // The lengths are constants that argon2id allows.
            nobody: Stored::of_nobody(&random).map_err(|_| EntropyError)?,
            derive,
        })
    }
}

impl fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Hasher")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt).map_err(HashError::failed)?;
        let (password, derive) = (copy(password), self.derive.clone());
        self.gate
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
        // Read before waiting, so that a broken hash takes nobody's turn.
        let stored = match hash {
            Some(hash) => Stored::parse(hash.as_stored()).map_err(HashError::failed)?,
            None => self.nobody.clone(),
        };
        let known = hash.is_some();
        let (password, derive) = (copy(password), self.derive.clone());
        self.gate
            .run(move || {
                let same = stored.is_of(&password, &*derive);
                same.map(|same| same & known).map_err(HashError::failed)
            })
            .await
    }
}

/// A copy for another thread, wiped as the original is.
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

    /// The costs of each hash that was computed, in KiB and passes.
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
    async fn the_right_password_is_told_from_a_wrong_one() {
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
    async fn what_is_stored_is_argon2id_at_the_documented_cost() {
        let hash = hasher().hash(&password("battery")).await.unwrap();
        let parts: Vec<_> = hash.as_stored().split('$').collect();
        assert_eq!(parts[..4], ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
        // 16 and 32 bytes in base64 without padding.
        assert_eq!((parts[4].len(), parts[5].len()), (22, 43));
        assert!(!hash.as_stored().contains("battery"));
    }

    #[tokio::test]
    async fn one_password_has_a_new_salt_each_time() {
        let hasher = hasher();
        let one = hasher.hash(&password("same")).await.unwrap();
        let two = hasher.hash(&password("same")).await.unwrap();
        let salt = |hash: &PasswordHash| hash.as_stored().split('$').nth(4).map(str::to_owned);
        assert_ne!(salt(&one), salt(&two));
        assert!(hasher.verify(&password("same"), Some(&one)).await.unwrap());
        assert!(hasher.verify(&password("same"), Some(&two)).await.unwrap());
    }

    #[tokio::test]
    async fn an_absent_account_takes_the_work_of_a_wrong_password() {
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
        let absent = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(wrong, [(19_456, 2, SALT_BYTES)]);
        assert_eq!(absent, wrong);
    }

    #[tokio::test]
    async fn a_stored_hash_is_compared_at_the_cost_that_it_names() {
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
    async fn an_unreadable_stored_hash_is_a_failure_that_does_not_show_it() {
        let broken = PasswordHash::from_stored("$argon2id$v=19$secret".to_owned());
        let verified = hasher().verify(&password("right"), Some(&broken)).await;
        let Err(error @ HashError::Failed(_)) = verified else {
            panic!("not a failure: {verified:?}");
        };
        assert!(!format!("{error:?} {error}").contains("secret"));
    }

    #[tokio::test]
    async fn a_flood_is_told_that_it_is_busy_and_those_before_it_are_served() {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let derive = move |password: &[u8], salt: &[u8], _: Params| {
            held.lock().unwrap().recv().unwrap();
            argon2id::derive(password, salt, Params::new(8, 1, 1, Some(32)).unwrap())
        };
        let limits = Limits {
            at_once: NonZeroUsize::MIN,
            waiting: 2,
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
        let refused = hasher.verify(&password, None).await;
        assert!(matches!(refused, Err(HashError::Busy)));
        let refused = hasher.hash(&password).await;
        assert!(matches!(refused, Err(HashError::Busy)));

        for verify in admitted {
            release.send(()).unwrap();
            assert!(!verify.await.unwrap());
        }
    }

    #[tokio::test]
    async fn without_entropy_there_is_neither_a_hasher_nor_a_hash() {
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
    fn debug_shows_the_places_and_no_secret() {
        let shown = format!("{:?}", hasher());
        assert!(shown.starts_with("Argon2Hasher { gate: Gate"), "{shown}");
        assert!(!shown.contains("salt") && !shown.contains("nobody"));
    }
}
