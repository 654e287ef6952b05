//! Measures whether the duration of a failed sign-in reveals that an account exists.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::{AccountHarness, FixedClock, MockPasswordHasher, SeededEntropy, fixtures};
use crate::audit::RequestContext;
use crate::rate_limit::RateLimits;
use crate::session::{ClientName, SessionPorts, Sessions, SignInError};
use crate::user::{Email, Password};

/// How long failed sign-ins took, in the caller's unit of time.
#[derive(Debug, Clone, Copy)]
pub struct RejectionTimes {
    /// The mean for an account that exists.
    pub known: f64,
    /// The mean for an account that does not exist.
    pub unknown: f64,
    /// Welch's t of the two. Beyond ±4.5 they differ (test vector leakage assessment).
    pub t: f64,
}

/// Measures `pairs` of failed sign-ins on an empty store, using the durations that `elapsed`
/// returns. Passwords are not hashed, because hashing takes far longer than the store and is the
/// same for both. The slowest tenth of each is discarded as noise.
///
/// # Panics
///
/// When the store fails.
pub async fn rejection_times(
    store: &impl AccountHarness,
    pairs: u32,
    elapsed: impl Fn() -> f64,
) -> RejectionTimes {
    let user = fixtures::user(1);
    store.put_user(&user).await;
    store
        .put_password(user.id, &fixtures::password_hash(1))
        .await;
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_verify().returning(|_, _| Ok(false));
    let sessions = Sessions::new(SessionPorts {
        store: store.sessions(),
        users: store.users(),
        audit: store.audit(),
        hasher: Arc::new(hasher),
        rate_limits: RateLimits::new(store.rate_limits()),
        clock: Arc::new(FixedClock::at(fixtures::NOW)),
        entropy: Arc::new(SeededEntropy::new(1)),
    });
    let password = Password::parse("five words that are wrong").expect("a password");
    let unknown = Email::parse("nobody@example.com").expect("an address");
    let rate_limits = store.rate_limits();
    let mut times = [Vec::new(), Vec::new()];
    for pair in 0..pairs {
        // Alternates which of the two goes first.
        let first = usize::from(pair % 2 == 0);
        // Each pair uses its own address, so that every failure is recorded.
        let context = RequestContext {
            client_address: Some(Ipv4Addr::from_bits(0x0a00_0000 | pair).into()),
            ..RequestContext::default()
        };
        for which in [first, 1 - first] {
            let email = [&user.email, &unknown][which];
            let client = ClientName::sanitize("a browser");
            let begun = elapsed();
            let rejected = sessions.sign_in(email, &password, client, &context).await;
            times[which].push(elapsed() - begun);
            assert!(
                matches!(rejected, Err(SignInError::Rejected)),
                "{rejected:?}"
            );
            let reset = rate_limits.reset(&format!("account {}", email.key())).await;
            reset.expect("reset");
        }
    }
    let [known, unknown] = times.map(mean_and_its_variance);
    RejectionTimes {
        known: known.0,
        unknown: unknown.0,
        t: (known.0 - unknown.0) / (known.1 + unknown.1).sqrt(),
    }
}

fn mean_and_its_variance(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() * 9 / 10);
    let count = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX));
    let mean = times.iter().sum::<f64>() / count;
    let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
    (mean, squares / (count - 1.0) / count)
}
