//! On tokio's paused clock, which jumps to the next timer when every task waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use openindex_domain::Listing;
use openindex_domain::clock::Timestamp;
use openindex_domain::testing::{
    FixedClock, InMemory, MockRateLimitStore, MockSessionStore, MockTokenStore, SeededEntropy,
    fixtures,
};
use openindex_domain::token::{
    ChangeOwner, ChangeOwnerOutcome, CreateToken, CreateTokenOutcome, Digest, ListFilter, Owner,
    RevokeToken, RevokeTokenOutcome, RotateToken, RotateTokenOutcome, Secret, Seek, Token, TokenId,
    TokenKind, TokenMemory, TokenRecord, TokenStore, TokenUse,
};
use openindex_domain::user::UserId;

use super::*;

const BATCH: u64 = PURGE_BATCH as u64;

/// When something was done, counted from the start of the test.
#[derive(Clone)]
struct Times {
    start: Instant,
    seen: Arc<Mutex<Vec<Duration>>>,
}

impl Times {
    fn start() -> Self {
        Self {
            start: Instant::now(),
            seen: Arc::default(),
        }
    }

    /// Notes the current time and returns how many were noted before.
    fn note(&self) -> usize {
        let mut seen = self.seen.lock().unwrap();
        seen.push(self.start.elapsed());
        seen.len() - 1
    }

    fn seconds(&self) -> Vec<u64> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(Duration::as_secs).collect()
    }
}

fn down() -> StoreError {
    StoreError::unavailable("down")
}

/// Returns a store in which only the purges of ended tokens work.
fn purging(purge: impl Fn() -> Result<u64, StoreError> + Send + Sync + 'static) -> MockTokenStore {
    let mut store = MockTokenStore::new();
    store
        .expect_purge_ended_before()
        .returning(move |_, _| purge());
    store
}

/// Returns a token's secret and what a store returns for it.
fn token() -> (Secret, Arc<TokenRecord>) {
    let secret = Secret::generate(TokenKind::Personal, &SeededEntropy::new(1)).unwrap();
    let record = TokenRecord {
        token: fixtures::token(1, fixtures::NOW),
        digest: secret.digest(),
        owner: fixtures::owner(1),
    };
    (secret, Arc::new(record))
}

fn tokens(store: impl TokenStore + 'static) -> Tokens {
    let (clock, entropy) = (FixedClock::default(), SeededEntropy::new(1));
    Tokens::new(Arc::new(store), Arc::new(clock), Arc::new(entropy))
}

/// Returns tokens on this store, and a secret that it accepts.
fn verifying(mut store: MockTokenStore) -> (Tokens, Secret) {
    let (secret, record) = token();
    store
        .expect_find_by_digest()
        .returning(move |_| Ok(Some(record.clone())));
    (tokens(store), secret)
}

#[tokio::test(start_paused = true)]
async fn last_used_times_are_written_at_each_interval_and_at_the_end() {
    let (flushes, mut store) = (Times::start(), purging(|| Ok(0)));
    let noted = flushes.clone();
    store.expect_record_last_used().returning(move |_| {
        noted.note();
        Ok(())
    });
    let (tokens, secret) = verifying(store);
    let verifications = async {
        for _ in 0..3 {
            sleep(Duration::from_secs(3)).await;
            tokens.verify(secret.expose()).await.unwrap();
        }
        "output"
    };
    let output = Maintenance::new(tokens.clone()).run(verifications).await;
    assert_eq!(output, "output");
    assert_eq!(flushes.seconds(), [4, 6, 9]);
    assert_eq!(tokens.flush_last_used().await.unwrap(), 0);
}

/// A store that takes long to write last-used times, and 10 seconds to purge a batch; there is
/// always another batch.
struct Slow {
    writing: Duration,
    record: Arc<TokenRecord>,
    written: Arc<AtomicUsize>,
}

impl TokenMemory for Slow {}

#[async_trait]
impl TokenStore for Slow {
    async fn find_by_digest(&self, _: &Digest) -> Result<Option<Arc<TokenRecord>>, StoreError> {
        Ok(Some(self.record.clone()))
    }

    async fn record_last_used(&self, uses: &[TokenUse]) -> Result<(), StoreError> {
        sleep(self.writing).await;
        self.written.fetch_add(uses.len(), Ordering::Relaxed);
        Ok(())
    }

    async fn purge_ended_before(&self, _: Timestamp, _: u32) -> Result<u64, StoreError> {
        sleep(Duration::from_secs(10)).await;
        Ok(BATCH)
    }

    async fn find_owner(&self, _: UserId) -> Result<Option<Owner>, StoreError> {
        Err(down())
    }

    async fn change_owner(&self, _: ChangeOwner) -> Result<ChangeOwnerOutcome, StoreError> {
        Err(down())
    }

    async fn create_token(&self, _: CreateToken) -> Result<CreateTokenOutcome, StoreError> {
        Err(down())
    }

    async fn revoke_token(&self, _: RevokeToken) -> Result<RevokeTokenOutcome, StoreError> {
        Err(down())
    }

    async fn rotate_token(&self, _: RotateToken) -> Result<RotateTokenOutcome, StoreError> {
        Err(down())
    }

    async fn list(
        &self,
        _: UserId,
        _: &ListFilter,
        _: Timestamp,
        _: Option<Seek>,
        _: u32,
    ) -> Result<Listing<Token>, StoreError> {
        Err(down())
    }

    async fn get(&self, _: UserId, _: TokenId) -> Result<Option<Token>, StoreError> {
        Err(down())
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_in_progress_is_completed_when_it_is_stopped() {
    let (secret, record) = token();
    let written = Arc::new(AtomicUsize::new(0));
    let counted = written.clone();
    let tokens = tokens(Slow {
        writing: Duration::from_secs(10),
        record,
        written: counted,
    });
    tokens.verify(secret.expose()).await.unwrap();
    let started = Instant::now();
    Maintenance::new(tokens)
        .run(sleep(Duration::from_secs(1)))
        .await;
    assert_eq!(written.load(Ordering::Relaxed), 1);
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_last_flush_has_a_timeout() {
    let (secret, record) = token();
    let written = Arc::new(AtomicUsize::new(0));
    let tokens = tokens(Slow {
        writing: Duration::from_hours(1),
        record,
        written: written.clone(),
    });
    let started = Instant::now();
    let stop = async {
        // After the flush at 0 s, which had nothing to write.
        sleep(Duration::from_secs(1)).await;
        tokens.verify(secret.expose()).await.unwrap();
        "output"
    };
    let output = Maintenance::new(tokens.clone())
        .with_flush_interval(Duration::from_mins(1))
        .run(stop)
        .await;
    assert_eq!(output, "output");
    assert_eq!(
        started.elapsed(),
        Duration::from_secs(1) + FINAL_FLUSH_TIMEOUT
    );
    assert_eq!(written.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn last_used_times_that_could_not_be_written_are_written_later() {
    let (flushes, mut store) = (Times::start(), purging(|| Ok(0)));
    let noted = flushes.clone();
    store.expect_record_last_used().returning(move |uses| {
        assert_eq!(uses.len(), 1);
        if noted.note() < 2 {
            Err(down())
        } else {
            Ok(())
        }
    });
    let (tokens, secret) = verifying(store);
    tokens.verify(secret.expose()).await.unwrap();
    let failures = Times::start();
    let seen = failures.clone();
    Maintenance::new(tokens)
        .with_flush_interval(Duration::from_secs(10))
        .on_flush_failure(move |error| {
            assert_eq!(error.causes(), "down");
            seen.note();
        })
        .run(sleep(Duration::from_mins(1)))
        .await;
    assert_eq!(flushes.seconds(), [0, 10, 20]);
    assert_eq!(failures.seconds(), [0, 10]);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_purged_in_batches_until_one_is_not_full() {
    let purges = Times::start();
    let noted = purges.clone();
    let store = purging(move || {
        Ok(if noted.note() % 3 < 2 {
            BATCH
        } else {
            BATCH - 1
        })
    });
    Maintenance::new(tokens(store))
        .run(sleep(Duration::from_mins(90)))
        .await;
    assert_eq!(purges.seconds(), [0, 0, 0, 3600, 3600, 3600]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_purge_is_repeated_at_the_next_interval_and_stops_no_other() {
    let (of_tokens, of_sessions, of_rate_limits) = (Times::start(), Times::start(), Times::start());
    let noted = of_tokens.clone();
    let store = purging(move || {
        if noted.note() == 0 {
            Err(down())
        } else {
            Ok(0)
        }
    });
    let mut sessions = MockSessionStore::new();
    let noted = of_sessions.clone();
    sessions.expect_purge_forms().returning(|_| Ok(0));
    sessions.expect_purge_sessions().returning(move |_, _, _| {
        if noted.note() == 0 {
            Err(down())
        } else {
            Ok(0)
        }
    });
    let mut rate_limits = MockRateLimitStore::new();
    let noted = of_rate_limits.clone();
    rate_limits.expect_purge_rate_limits().returning(move |_| {
        noted.note();
        Err(down())
    });
    let use_cases = InMemory::with(|ports| {
        ports.tokens = Arc::new(store);
        ports.sessions = Arc::new(sessions);
        ports.rate_limits = Arc::new(rate_limits);
    })
    .use_cases;
    Maintenance::new(use_cases.tokens)
        .with_sessions(use_cases.sessions)
        .with_rate_limits(use_cases.rate_limits)
        .with_purge_interval(Duration::from_mins(1))
        .run(sleep(Duration::from_secs(90)))
        .await;
    for times in [of_tokens, of_sessions, of_rate_limits] {
        assert_eq!(times.seconds(), [0, 60]);
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_run_at_once_and_at_their_intervals() {
    let (each, other) = (Times::start(), Times::start());
    let (noted, also_noted) = (each.clone(), other.clone());
    Maintenance::new(tokens(purging(|| Ok(0))))
        .with_task(Duration::from_secs(5), move || {
            noted.note();
            future::ready(())
        })
        .with_task(Duration::from_secs(7), move || {
            also_noted.note();
            future::ready(())
        })
        .run(sleep(Duration::from_secs(12)))
        .await;
    assert_eq!(each.seconds(), [0, 5, 10]);
    assert_eq!(other.seconds(), [0, 7]);
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_once_also_during_a_long_purge_or_task() {
    let started = Instant::now();
    let (_, record) = token();
    let written = Arc::default();
    let slow = Slow {
        writing: Duration::from_secs(10),
        record,
        written,
    };
    Maintenance::new(tokens(slow))
        .with_task(Duration::from_secs(1), future::pending)
        .run(sleep(Duration::from_secs(25)))
        .await;
    assert_eq!(started.elapsed().as_secs(), 25);
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_zero_does_not_panic() {
    Maintenance::new(tokens(purging(|| Ok(0))))
        .with_flush_interval(Duration::ZERO)
        .with_purge_interval(Duration::ZERO)
        .run(sleep(Duration::from_millis(5)))
        .await;
}
