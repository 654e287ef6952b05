//! Last-used times, and the purging of tombstones.

use super::{Harness, NOW, acting, find, list, put, seed};
use crate::testing::fixtures::{self, token_use};

/// The latest use is stored, in whatever order uses arrive; unknown tokens are ignored.
pub async fn records_the_latest_use(harness: &dyn Harness) {
    seed(harness).await;
    let id = acting().id;
    let unknown = fixtures::token(9, NOW).id;
    let later = NOW.saturating_add_millis(1);
    for (uses, expected) in [
        (vec![token_use(id, NOW)], NOW),
        (vec![token_use(unknown, later), token_use(id, later)], later),
        (vec![token_use(id, NOW)], later),
        (vec![], later),
    ] {
        let recorded = harness.tokens().record_last_used(&uses).await;
        recorded.expect("the store works");
        let listed = list(harness, acting().owner).await;
        let [token] = listed.as_slice() else {
            panic!("one token: {listed:?}");
        };
        assert_eq!(token.last_used_at, Some(expected));
    }
}

/// The batch of a busy instance succeeds, whatever the store's limit of parameters.
pub async fn records_thousands_of_uses_in_one_batch(harness: &dyn Harness) {
    seed(harness).await;
    let mut uses: Vec<_> = (1_000..41_000)
        .map(|number| token_use(fixtures::token(number, NOW).id, NOW))
        .collect();
    uses.push(token_use(acting().id, NOW));
    let recorded = harness.tokens().record_last_used(&uses).await;
    recorded.expect("the store works");
    let listed = list(harness, acting().owner).await;
    assert_eq!(listed.first().and_then(|it| it.last_used_at), Some(NOW));
}

/// Only tokens that were revoked or expired before the horizon are purged. The retention of a
/// revoked token starts at its revocation, whenever it expires.
pub async fn purges_what_ended_before_the_horizon(harness: &dyn Harness) {
    seed(harness).await;
    let before = NOW.saturating_add_millis(-1);
    let mut revoked = fixtures::token(1, NOW);
    revoked.revoked_at = Some(before);
    revoked.successor = Some(fixtures::token(2, NOW).id);
    let mut recently_revoked = fixtures::token(2, NOW);
    recently_revoked.expires_at = Some(before);
    recently_revoked.revoked_at = Some(NOW);
    let mut expired = fixtures::token(3, NOW);
    expired.expires_at = Some(before);
    let mut recently_expired = fixtures::token(4, NOW);
    recently_expired.expires_at = Some(NOW);
    // Its successor is purged before itself.
    let mut predecessor = fixtures::token(5, NOW);
    predecessor.successor = Some(revoked.id);
    let mut run = fixtures::run(6, expired.id);
    run.expires_at = Some(before);
    // Its issuer is purged before itself.
    let mut orphan = fixtures::run(7, expired.id);
    orphan.expires_at = Some(NOW);
    for (number, token) in [
        (1, &revoked),
        (2, &recently_revoked),
        (3, &expired),
        (4, &recently_expired),
        (5, &predecessor),
        (6, &run),
        (7, &orphan),
    ] {
        put(harness, number, token).await;
    }
    assert_eq!(purge(harness, 100).await, 3);
    for number in [1, 3, 6] {
        assert!(find(harness, number).await.is_none(), "{number}");
    }
    for (number, token) in [(0, acting()), (5, predecessor), (7, orphan)] {
        let kept = find(harness, number).await.expect("it is stored").token;
        assert_eq!(kept, token);
    }
    for number in [2, 4] {
        assert!(find(harness, number).await.is_some(), "{number}");
    }
    assert_eq!(purge(harness, 100).await, 0);
    // A use that arrives late belongs to no token any more.
    let late = [token_use(expired.id, NOW), token_use(acting().id, NOW)];
    let recorded = harness.tokens().record_last_used(&late).await;
    recorded.expect("the store works");
    assert!(find(harness, 3).await.is_none());
}

/// At most the given number is purged at once, and all of them in the end.
pub async fn purges_in_batches(harness: &dyn Harness) {
    seed(harness).await;
    let before = NOW.saturating_add_millis(-1);
    for number in 1..=10 {
        let mut token = fixtures::token(number, NOW);
        if number % 2 == 0 {
            token.revoked_at = Some(before);
        } else {
            token.expires_at = Some(before);
        }
        put(harness, number, &token).await;
    }
    let mut purged = Vec::new();
    while purged.last() != Some(&0) {
        purged.push(purge(harness, 3).await);
    }
    assert_eq!(purged, [3, 3, 3, 1, 0]);
    assert_eq!(list(harness, acting().owner).await, [acting()]);
}

async fn purge(harness: &dyn Harness, limit: u32) -> u64 {
    let purged = harness.tokens().purge_ended_before(NOW, limit).await;
    purged.expect("the store works")
}
