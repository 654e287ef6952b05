//! Last-used times and the end of tombstones.

use super::{Harness, NOW, acting, find, list, put, seed};
use crate::testing::fixtures;

/// The latest use stands, in whatever order uses arrive; unknown tokens are passed over.
pub async fn notes_the_latest_use(harness: &dyn Harness) {
    seed(harness).await;
    let id = acting().id;
    let unknown = fixtures::token(9, NOW).id;
    let later = NOW.saturating_add_millis(1);
    for (uses, expected) in [
        (vec![(id, NOW)], NOW),
        (vec![(unknown, later), (id, later)], later),
        (vec![(id, NOW)], later),
        (vec![], later),
    ] {
        let noted = harness.tokens().record_last_used(&uses).await;
        noted.expect("the store answers");
        let token = find(harness, 0).await.expect("the token is there").token;
        assert_eq!(token.last_used_at, Some(expected));
    }
    let token = find(harness, 0).await.expect("the token is there").token;
    assert_eq!(list(harness, token.owner).await, vec![token]);
}

/// A busy instance's batch fits, whatever limit on parameters the store has.
pub async fn notes_thousands_of_uses_in_one_batch(harness: &dyn Harness) {
    seed(harness).await;
    let mut uses: Vec<_> = (1_000..41_000)
        .map(|number| (fixtures::token(number, NOW).id, NOW))
        .collect();
    uses.push((acting().id, NOW));
    let noted = harness.tokens().record_last_used(&uses).await;
    noted.expect("the store answers");
    let token = find(harness, 0).await.expect("the token is there").token;
    assert_eq!(token.last_used_at, Some(NOW));
}

/// Only tombstones from before the horizon go.
pub async fn forgets_tombstones_past_the_horizon(harness: &dyn Harness) {
    seed(harness).await;
    let mut old = fixtures::token(1, NOW);
    old.revoked_at = Some(NOW.saturating_add_millis(-1));
    old.successor = Some(fixtures::token(2, NOW).id);
    let mut recent = fixtures::token(2, NOW);
    recent.revoked_at = Some(NOW);
    let mut expired = fixtures::token(3, NOW);
    expired.expires_at = Some(NOW.saturating_add_seconds(-1));
    // Its successor is forgotten before itself.
    let mut predecessor = fixtures::token(4, NOW);
    predecessor.successor = Some(old.id);
    for (number, token) in [(1, &old), (2, &recent), (3, &expired), (4, &predecessor)] {
        put(harness, number, token).await;
    }
    let purge = || async {
        let purged = harness.tokens().purge_ended_before(NOW).await;
        purged.expect("the store answers")
    };
    assert_eq!(purge().await, 1);
    assert!(find(harness, 1).await.is_none());
    for number in [2, 3, 4] {
        assert!(find(harness, number).await.is_some(), "{number}");
    }
    assert_eq!(purge().await, 0);
}
