//! Revoking tokens.

use futures_util::future::join_all;

use super::{
    Harness, InvalidActor, NOW, acting, audit_log, find, invalidate_actor, list, put, revocation,
    seed,
};
use crate::testing::fixtures;
use crate::token::{RevokeToken, RevokeTokenOutcome, RevokedBy};

async fn revoke(harness: &dyn Harness, change: RevokeToken) -> RevokeTokenOutcome {
    harness
        .tokens()
        .revoke_token(change)
        .await
        .expect("the store works")
}

/// A revoked token is removed from the list and still found by its digest, with the time of its
/// revocation.
pub async fn leaves_a_tombstone(harness: &dyn Harness) {
    seed(harness).await;
    let token = fixtures::token(1, NOW);
    put(harness, 1, &token).await;
    assert_eq!(
        revoke(harness, revocation(token.id, 1)).await,
        RevokeTokenOutcome::Revoked
    );
    let tombstone = find(harness, 1).await.expect("a tombstone").token;
    assert_eq!(tombstone.revoked_at, Some(NOW));
    assert_eq!(list(harness, token.owner).await, vec![acting()]);
    let got = harness.tokens().get(token.owner, token.id).await;
    let expected = token.revoked_by(RevokedBy::Owner, NOW);
    assert_eq!(got.expect("the store works"), expected);
}

/// A second revocation finds nothing and does not change the time of the first.
pub async fn succeeds_once(harness: &dyn Harness) {
    seed(harness).await;
    let token = fixtures::token(1, NOW);
    put(harness, 1, &token).await;
    assert_eq!(
        revoke(harness, revocation(token.id, 1)).await,
        RevokeTokenOutcome::Revoked
    );
    let mut again = revocation(token.id, 2);
    again.actor.now = NOW.saturating_add_seconds(1);
    assert_eq!(revoke(harness, again).await, RevokeTokenOutcome::NotFound);
    let tombstone = find(harness, 1).await.expect("a tombstone").token;
    assert_eq!(tombstone.revoked_at, Some(NOW));
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// Of 32 concurrent revocations, exactly one succeeds.
pub async fn succeeds_once_of_32_concurrent_calls(harness: &dyn Harness) {
    seed(harness).await;
    let token = fixtures::token(1, NOW);
    put(harness, 1, &token).await;
    let outcomes =
        join_all((1..=32).map(|event| revoke(harness, revocation(token.id, event)))).await;
    let revoked = outcomes
        .iter()
        .filter(|outcome| **outcome == RevokeTokenOutcome::Revoked)
        .count();
    assert_eq!(revoked, 1, "{outcomes:?}");
    assert_eq!(audit_log(harness).await.len(), 1);
}

/// The owner can delete an expired token.
pub async fn removes_an_expired_token_from_the_list(harness: &dyn Harness) {
    seed(harness).await;
    let mut token = fixtures::token(1, NOW);
    token.expires_at = Some(NOW);
    put(harness, 1, &token).await;
    assert_eq!(
        revoke(harness, revocation(token.id, 1)).await,
        RevokeTokenOutcome::Revoked
    );
    assert_eq!(list(harness, token.owner).await, vec![acting()]);
}

/// Unknown tokens and those of other users are not found and remain unchanged.
pub async fn finds_no_token_of_another_user(harness: &dyn Harness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    let mut foreign = fixtures::token(1, NOW);
    foreign.owner = fixtures::user(2).id;
    put(harness, 1, &foreign).await;
    for id in [foreign.id, fixtures::token(2, NOW).id] {
        assert_eq!(
            revoke(harness, revocation(id, 1)).await,
            RevokeTokenOutcome::NotFound
        );
    }
    assert_eq!(list(harness, foreign.owner).await, vec![foreign]);
    assert_eq!(audit_log(harness).await, vec![]);
}

/// A credential that ended between verification and change revokes nothing.
pub async fn rejects_an_actor_that_is_no_longer_valid(harness: &dyn Harness) {
    let token = fixtures::token(1, NOW);
    seed(harness).await;
    put(harness, 1, &token).await;
    for how in InvalidActor::ALL {
        seed(harness).await;
        let mut change = revocation(token.id, 1);
        change.actor = invalidate_actor(harness, how).await;
        assert_eq!(
            revoke(harness, change).await,
            RevokeTokenOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        let found = find(harness, 1).await.expect("it is there").token;
        assert_eq!(found.revoked_at, None, "{how:?}");
        assert_eq!(audit_log(harness).await, vec![], "{how:?}");
    }
}

/// A token can revoke itself.
pub async fn lets_a_token_revoke_itself(harness: &dyn Harness) {
    seed(harness).await;
    assert_eq!(
        revoke(harness, revocation(acting().id, 1)).await,
        RevokeTokenOutcome::Revoked
    );
    assert_eq!(
        revoke(harness, revocation(acting().id, 2)).await,
        RevokeTokenOutcome::NotAuthorized(InvalidActor::Revoked.error())
    );
}
