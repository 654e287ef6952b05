//! Rate limits.

use futures_util::future::join_all;

use super::{AccountHarness, NOW};
use crate::clock::Timestamp;
use crate::rate_limit::{RateLimit, RateLimited};

fn limit(key: &str, limit: u32) -> RateLimit {
    RateLimit {
        key: key.to_owned(),
        limit,
    }
}

async fn count(
    harness: &dyn AccountHarness,
    limits: &[RateLimit],
    now: Timestamp,
) -> Result<(), RateLimited> {
    let counted = harness.rate_limits().count(limits, now).await;
    counted.expect("the store works")
}

/// Attempts are counted up to the limit, and from zero after the end of the window or a reset.
pub async fn count_to_the_limit_and_start_again(harness: &dyn AccountHarness) {
    let limits = [limit("account zoë@example.com", 2)];
    for _ in 0..2 {
        assert_eq!(count(harness, &limits, NOW).await, Ok(()));
    }
    let rejected = count(harness, &limits, NOW).await;
    let until = rejected.expect_err("it is full").until;
    let almost = until.saturating_add_millis(-1);
    assert!(count(harness, &limits, almost).await.is_err());
    assert_eq!(count(harness, &limits, until).await, Ok(()));

    let rate_limits = harness.rate_limits();
    let reset = rate_limits.reset(&limits[0].key).await;
    reset.expect("the store works");
    for _ in 0..2 {
        assert_eq!(count(harness, &limits, until).await, Ok(()));
    }
    let purged = rate_limits.purge_rate_limits(until).await;
    assert_eq!(purged.expect("the store works"), 0);
    let later = until.saturating_add_millis(1);
    let purged = rate_limits.purge_rate_limits(later).await;
    assert_eq!(purged.expect("the store works"), 1);
}

/// An attempt that one limit rejects is not counted against the others.
pub async fn count_for_all_limits_or_for_none(harness: &dyn AccountHarness) {
    let (narrow, wide) = (limit("narrow", 1), limit("wide", 2));
    let both = [wide.clone(), narrow];
    assert_eq!(count(harness, &both, NOW).await, Ok(()));
    for _ in 0..3 {
        assert!(count(harness, &both, NOW).await.is_err());
    }
    let alone = [wide];
    assert_eq!(count(harness, &alone, NOW).await, Ok(()));
    assert!(count(harness, &alone, NOW).await.is_err());
}

/// Of 64 concurrent attempts with a limit of 10, exactly 10 are counted, in whatever order the
/// limits are named.
pub async fn count_exactly_under_64_concurrent_attempts(harness: &dyn AccountHarness) {
    let (one, other) = (limit("one", 10), limit("other", 1_000));
    let forth = [one.clone(), other.clone()];
    let back = [other, one];
    let counted = join_all((0..64).map(|number| {
        let limits = if number % 2 == 0 { &forth } else { &back };
        count(harness, limits, NOW)
    }))
    .await;
    let counted = counted.iter().filter(|counted| counted.is_ok()).count();
    assert_eq!(counted, 10);
}
