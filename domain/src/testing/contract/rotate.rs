//! Rotating tokens: the end of one and the creation of its successor in one step.

use futures_util::future::{join, join_all};

use super::{
    Harness, InvalidActor, NOW, acting, audit_log, find, invalidate_actor, list, put, replacement,
    revocation, seed,
};
use crate::testing::fixtures;
use crate::token::{
    CreationRate, NotRotatable, PredecessorEnd, RevokeTokenOutcome, RotateToken,
    RotateTokenOutcome, Status,
};

/// Returns the outcome for a token that was rotated to token `number`.
fn already_rotated(number: u64) -> RotateTokenOutcome {
    RotateTokenOutcome::NotRotatable(NotRotatable::AlreadyRotated {
        successor: fixtures::token(number, NOW).id,
    })
}

async fn rotate(harness: &dyn Harness, change: RotateToken) -> RotateTokenOutcome {
    harness
        .tokens()
        .rotate_token(change)
        .await
        .expect("the store works")
}

/// Without an overlap, the old token is a tombstone as soon as the new one exists.
pub async fn revokes_the_old_token_and_creates_the_new_one_in_one_step(harness: &dyn Harness) {
    seed(harness).await;
    let old = fixtures::token(1, NOW);
    put(harness, 1, &old).await;
    let change = replacement(old.id, 2, PredecessorEnd::Immediately);
    let successor = change.successor.token.clone();
    assert_eq!(rotate(harness, change).await, RotateTokenOutcome::Rotated);
    let ended = find(harness, 1).await.expect("a tombstone").token;
    assert_eq!(ended.revoked_at, Some(NOW));
    assert_eq!(ended.successor, Some(successor.id));
    let begun = find(harness, 2).await.expect("the successor").token;
    assert_eq!(begun, successor);
    assert_eq!(list(harness, old.owner).await, vec![successor, acting()]);
    // While it is stored, its owner is pointed to the successor.
    let again = replacement(old.id, 3, PredecessorEnd::Immediately);
    assert_eq!(rotate(harness, again).await, already_rotated(2));
}

/// With an overlap, both are live, and the old one has an expiry.
pub async fn keeps_the_old_token_live_during_the_overlap(harness: &dyn Harness) {
    seed(harness).await;
    let old = fixtures::token(1, NOW);
    put(harness, 1, &old).await;
    let end = NOW.saturating_add_seconds(60);
    let change = replacement(old.id, 2, PredecessorEnd::After(end));
    assert_eq!(rotate(harness, change).await, RotateTokenOutcome::Rotated);
    let ending = find(harness, 1).await.expect("the old token").token;
    assert_eq!(ending.status(NOW), Status::Live);
    assert_eq!(ending.expires_at, Some(end));
    assert_eq!(ending.successor, Some(fixtures::token(2, NOW).id));
    let again = replacement(old.id, 3, PredecessorEnd::Immediately);
    assert_eq!(rotate(harness, again).await, already_rotated(2));
    assert!(find(harness, 3).await.is_none());
}

/// Unknown, revoked and expired tokens, and those of other users, cannot be rotated.
pub async fn rejects_tokens_that_cannot_be_rotated(harness: &dyn Harness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    let mut revoked = fixtures::token(1, NOW);
    revoked.revoked_at = Some(NOW);
    let mut foreign = fixtures::token(2, NOW);
    foreign.owner = fixtures::user(2).id;
    let mut expired = fixtures::token(3, NOW);
    expired.expires_at = Some(NOW);
    for (number, token) in [(1, &revoked), (2, &foreign), (3, &expired)] {
        put(harness, number, token).await;
    }
    for (id, outcome) in [
        (revoked.id, RotateTokenOutcome::NotFound),
        (foreign.id, RotateTokenOutcome::NotFound),
        (fixtures::token(4, NOW).id, RotateTokenOutcome::NotFound),
        (
            expired.id,
            RotateTokenOutcome::NotRotatable(NotRotatable::Expired),
        ),
    ] {
        let change = replacement(id, 5, PredecessorEnd::Immediately);
        assert_eq!(rotate(harness, change).await, outcome);
        assert!(find(harness, 5).await.is_none());
    }
    assert_eq!(audit_log(harness).await, vec![]);
    assert_eq!(list(harness, foreign.owner).await, vec![foreign]);
}

/// At the quota, a token can be replaced immediately, but not with an overlap.
pub async fn enforces_the_quota(harness: &dyn Harness) {
    seed(harness).await;
    let old = fixtures::token(1, NOW);
    put(harness, 1, &old).await;
    let end = PredecessorEnd::After(NOW.saturating_add_seconds(60));
    let mut overlapping = replacement(old.id, 2, end);
    overlapping.successor.quota = 2;
    assert_eq!(
        rotate(harness, overlapping).await,
        RotateTokenOutcome::QuotaReached
    );
    let untouched = find(harness, 1).await.expect("the old token").token;
    assert_eq!(untouched, old);
    let mut at_once = replacement(old.id, 3, PredecessorEnd::Immediately);
    at_once.successor.quota = 2;
    assert_eq!(rotate(harness, at_once).await, RotateTokenOutcome::Rotated);
}

/// A rotation counts as one more token within 24 hours, with or without an overlap.
pub async fn enforces_the_rate(harness: &dyn Harness) {
    seed(harness).await;
    let old = fixtures::token(1, NOW);
    put(harness, 1, &old).await;
    for end in [
        PredecessorEnd::Immediately,
        PredecessorEnd::After(NOW.saturating_add_seconds(60)),
    ] {
        let mut change = replacement(old.id, 2, end);
        change.successor.rate = CreationRate::new(2);
        let outcome = rotate(harness, change).await;
        assert!(
            matches!(outcome, RotateTokenOutcome::RateReached(_)),
            "{outcome:?}"
        );
        assert!(find(harness, 2).await.is_none());
        let untouched = find(harness, 1).await.expect("the old token").token;
        assert_eq!(untouched, old);
    }
    let mut change = replacement(old.id, 2, PredecessorEnd::Immediately);
    change.successor.rate = CreationRate::new(3);
    assert_eq!(rotate(harness, change).await, RotateTokenOutcome::Rotated);
}

/// A credential that ended between verification and change rotates nothing.
pub async fn rejects_an_actor_that_is_no_longer_valid(harness: &dyn Harness) {
    let old = fixtures::token(1, NOW);
    seed(harness).await;
    put(harness, 1, &old).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let mut change = replacement(old.id, 2, PredecessorEnd::Immediately);
        change.successor.actor = invalidate_actor(harness, how).await;
        assert_eq!(
            rotate(harness, change).await,
            RotateTokenOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert_eq!(find(harness, 1).await.expect("it is there").token, old);
        assert!(find(harness, 2).await.is_none(), "{how:?}");
        assert_eq!(audit_log(harness).await, vec![], "{how:?}");
    }
}

/// Of concurrent rotations of one token, with or without overlap, one creates a successor, and the
/// others fail with its id.
pub async fn creates_one_successor_of_16_concurrent_calls(harness: &dyn Harness) {
    seed(harness).await;
    let old = fixtures::token(1, NOW);
    put(harness, 1, &old).await;
    let outcomes = join_all((10..26).map(|number| {
        let end = if number % 2 == 0 {
            PredecessorEnd::Immediately
        } else {
            PredecessorEnd::After(NOW.saturating_add_seconds(60))
        };
        rotate(harness, replacement(old.id, number, end))
    }))
    .await;
    let mut successors = vec![];
    let mut lost = vec![];
    for (number, outcome) in (10..).zip(&outcomes) {
        let there = find(harness, number).await.is_some();
        assert_eq!(
            there,
            *outcome == RotateTokenOutcome::Rotated,
            "{outcome:?}"
        );
        if there {
            successors.push(number);
        } else {
            lost.push(*outcome);
        }
    }
    assert_eq!(successors.len(), 1, "{outcomes:?}");
    let told = already_rotated(successors[0]);
    assert!(lost.iter().all(|outcome| *outcome == told), "{outcomes:?}");
    let old = find(harness, 1).await.expect("the old token").token;
    assert_eq!(old.successor, Some(fixtures::token(successors[0], NOW).id));
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// Of a concurrent rotation and revocation of one token, exactly one succeeds.
pub async fn succeeds_or_loses_against_a_concurrent_revocation(harness: &dyn Harness) {
    seed(harness).await;
    for round in 0..8 {
        let (number, next) = (10 + 2 * round, 11 + 2 * round);
        let old = fixtures::token(number, NOW);
        put(harness, number, &old).await;
        let tokens = harness.tokens();
        let rotate = rotate(
            harness,
            replacement(old.id, next, PredecessorEnd::Immediately),
        );
        let revoke = tokens.revoke_token(revocation(old.id, number));
        let (rotated, revoked) = if round % 2 == 0 {
            join(rotate, revoke).await
        } else {
            let (revoked, rotated) = join(revoke, rotate).await;
            (rotated, revoked)
        };
        let rotated = match rotated {
            RotateTokenOutcome::Rotated => true,
            RotateTokenOutcome::NotFound => false,
            other => panic!("unexpected {other:?}"),
        };
        let revoked = revoked.expect("the store works") == RevokeTokenOutcome::Revoked;
        assert!(rotated != revoked, "rotated {rotated}, revoked {revoked}");
        let old = find(harness, number).await.expect("a tombstone").token;
        assert_eq!(old.status(NOW), Status::Revoked);
        assert_eq!(find(harness, next).await.is_some(), rotated);
    }
}
