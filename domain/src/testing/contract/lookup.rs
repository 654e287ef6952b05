//! Finding, listing and getting.

use super::{Harness, NOW, acting, find, list, put, seed};
use crate::testing::fixtures;
use crate::token::{Digest, TokenId, TokenKind};
use crate::user::Role;

/// A lookup answers the token, its digest and its owner.
pub async fn finds_the_token_with_its_digest_and_owner(harness: &dyn Harness) {
    seed(harness).await;
    let record = find(harness, 0).await.expect("the token is there");
    assert_eq!(record.token, acting());
    assert!(record.digest.matches(&fixtures::digest(0)));
    let owner = fixtures::owner(1);
    assert_eq!(record.owner.id, owner.id);
    assert!(record.owner.active);
    assert_eq!(record.owner.role, owner.role);
    if record.owner.profile.is_some() {
        assert_eq!(record.owner.profile, owner.profile);
    }
}

/// A digest that differs in a single bit, or has the same beginning, finds nothing.
pub async fn finds_nothing_for_a_digest_that_is_not_there(harness: &dyn Harness) {
    seed(harness).await;
    assert!(find(harness, 1).await.is_none());
    for (byte, bit) in [(0, 0), (15, 3), (31, 7)] {
        let mut bytes = *fixtures::digest(0).as_bytes();
        bytes[byte] ^= 1 << bit;
        let other = Digest::from_stored(&bytes).expect("32 bytes");
        let found = harness.tokens().find_by_digest(&other).await;
        assert!(found.expect("the store answers").is_none(), "byte {byte}");
    }
}

/// Suspension, demotion and their reversal show in the very next lookup.
pub async fn answers_the_owner_as_they_are_now(harness: &dyn Harness) {
    seed(harness).await;
    let mut user = fixtures::user(1);
    for (suspended_at, role) in [
        (Some(NOW), Role::Admin),
        (None, Role::Member),
        (Some(NOW), Role::Member),
        (None, Role::Admin),
    ] {
        user.suspended_at = suspended_at;
        user.role = role;
        harness.put_user(&user).await;
        let owner = find(harness, 0).await.expect("the token is there").owner;
        assert_eq!((owner.active, owner.role), (suspended_at.is_none(), role));
    }
}

/// The list has what is not revoked, by creation and then by id, the newest first.
pub async fn lists_live_and_expired_newest_first(harness: &dyn Harness) {
    seed(harness).await;
    let older = fixtures::token(5, NOW.saturating_add_millis(-1));
    let mut expired = fixtures::token(3, NOW);
    expired.expires_at = Some(NOW);
    let newest = fixtures::token(4, NOW);
    let mut revoked = fixtures::token(6, NOW);
    revoked.revoked_at = Some(NOW);
    let mut foreign = fixtures::token(7, NOW);
    foreign.owner = fixtures::user(2).id;
    harness.put_user(&fixtures::user(2)).await;
    for (number, token) in [
        (3, &expired),
        (4, &newest),
        (5, &older),
        (6, &revoked),
        (7, &foreign),
    ] {
        put(harness, number, token).await;
    }
    let expected = vec![newest, expired, older, acting()];
    assert_eq!(list(harness, fixtures::user(1).id).await, expected);
    assert_eq!(list(harness, fixtures::user(2).id).await, vec![foreign]);
    assert_eq!(list(harness, fixtures::user(3).id).await, vec![]);
}

/// Unknown, of another kind and someone else's are all not there; a tombstone is.
pub async fn gets_only_what_the_owner_has(harness: &dyn Harness) {
    seed(harness).await;
    let mut revoked = fixtures::token(6, NOW);
    revoked.revoked_at = Some(NOW);
    put(harness, 6, &revoked).await;
    let (owner, id) = (fixtures::user(1).id, acting().id);
    for (owner, id, expected) in [
        (owner, id, Some(acting())),
        (fixtures::user(2).id, id, None),
        (owner, fixtures::token(9, NOW).id, None),
        (owner, revoked.id, Some(revoked.clone())),
        (owner, TokenId::new(TokenKind::AgentRun, id.uuid()), None),
    ] {
        let got = harness.tokens().get(owner, id).await;
        assert_eq!(got.expect("the store answers"), expected, "{id}");
    }
}
