//! The trail: with each change, and never without it.

use super::{
    Harness, NOW, acting, find, insert, insertion, list, put, replacement, revocation, seed, trail,
};
use crate::audit::{AuditActor, RequestId};
use crate::store::StoreError;
use crate::testing::fixtures;
use crate::token::{InsertOutcome, PredecessorEnd, ReplaceOutcome, RevokeOutcome};

/// Actor, action, time and request id come back as they were given, the newest first.
pub async fn tells_of_each_change_as_it_was_given(harness: &dyn Harness) {
    seed(harness).await;
    let tokens = harness.tokens();
    let by_token = AuditActor::Token {
        user: fixtures::user(1).id,
        token: acting().id,
    };
    let mut issue = insertion(1, 100);
    issue.audit.actor = by_token;
    issue.audit.request_id = Some(RequestId::parse("req-1").expect("an id"));
    let mut rotate = replacement(issue.token.id, 2, PredecessorEnd::AtOnce);
    rotate.successor.audit.actor = by_token;
    rotate.successor.audit.at = NOW.saturating_add_millis(1);
    let mut revoke = revocation(fixtures::token(2, NOW).id, 3);
    // The same instant as the one before: the id decides.
    revoke.audit.at = NOW.saturating_add_millis(1);
    let expected = vec![
        revoke.audit.clone(),
        rotate.successor.audit.clone(),
        issue.audit.clone(),
    ];
    assert_eq!(insert(harness, issue).await, InsertOutcome::Inserted);
    let rotated = tokens.replace(rotate).await.expect("the store answers");
    assert_eq!(rotated, ReplaceOutcome::Replaced);
    let revoked = tokens.revoke_once(revoke).await.expect("the store answers");
    assert_eq!(revoked, RevokeOutcome::Revoked);
    assert_eq!(trail(harness).await, expected);
    let newest = harness.audit().newest(2).await.expect("the store answers");
    assert_eq!(newest, expected[..2]);
}

/// An event that cannot be written (its id exists) takes its change with it.
pub async fn and_change_come_together_or_not_at_all(harness: &dyn Harness) {
    seed(harness).await;
    let tokens = harness.tokens();
    let first = insertion(1, 100);
    let taken = first.audit.id;
    assert_eq!(insert(harness, first).await, InsertOutcome::Inserted);
    let old = fixtures::token(2, NOW);
    put(harness, 2, &old).await;
    let before = (list(harness, old.owner).await, trail(harness).await);

    let mut issue = insertion(3, 100);
    issue.audit.id = taken;
    let answer = tokens.insert_within_quota(issue).await.map(|_| ());
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");

    let mut revoke = revocation(old.id, 4);
    revoke.audit.id = taken;
    let answer = tokens.revoke_once(revoke).await.map(|_| ());
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");

    let mut rotate = replacement(old.id, 5, PredecessorEnd::AtOnce);
    rotate.successor.audit.id = taken;
    let answer = tokens.replace(rotate).await.map(|_| ());
    assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{answer:?}");

    let after = (list(harness, old.owner).await, trail(harness).await);
    assert_eq!(after, before);
    for number in [3, 5] {
        assert!(find(harness, number).await.is_none(), "{number}");
    }
}
