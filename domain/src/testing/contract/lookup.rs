//! Looking up, listing and getting tokens.

use super::{Harness, NOW, acting, find, list, put, seed};
use crate::testing::fixtures;
use crate::token::{
    Digest, ListCursor, ListFilter, Seek, Sort, Status, Token, TokenId, TokenKind, TokenName,
};
use crate::user::Role;

/// A lookup returns the token, its digest and its owner.
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

/// A digest that differs in a single bit, or has the same first bytes, finds nothing.
pub async fn finds_nothing_for_an_unknown_digest(harness: &dyn Harness) {
    seed(harness).await;
    assert!(find(harness, 1).await.is_none());
    for (byte, bit) in [(0, 0), (15, 3), (31, 7)] {
        let mut bytes = *fixtures::digest(0).as_bytes();
        bytes[byte] ^= 1 << bit;
        let other = Digest::from_stored(&bytes).expect("32 bytes");
        let found = harness.tokens().find_by_digest(&other).await;
        assert!(found.expect("the store works").is_none(), "byte {byte}");
    }
}

/// Suspension, demotion and their reversal are visible in the next lookup.
pub async fn returns_the_current_owner(harness: &dyn Harness) {
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

/// The list contains unrevoked tokens in descending order of ids, which is newest first.
pub async fn lists_live_and_expired_newest_first(harness: &dyn Harness) {
    seed(harness).await;
    let older = fixtures::token(1, NOW.saturating_add_millis(-1));
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
        (1, &older),
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

/// A page contains what the filter matches, and continues where the previous one ended, even if
/// tokens were created or deleted in between.
pub async fn lists_what_the_filter_matches_page_by_page(harness: &dyn Harness) {
    seed(harness).await;
    let owner = acting().owner;
    for number in 1..13 {
        let mut token = fixtures::token(number, NOW);
        token.expires_at = match number % 3 {
            0 => None,
            1 => Some(NOW),
            _ => Some(NOW.saturating_add_millis(1)),
        };
        if number % 4 == 0 {
            token.name = acting().name;
        }
        token.revoked_at = (number == 7).then_some(NOW);
        put(harness, number, &token).await;
    }
    let all = list(harness, owner).await;
    assert_eq!(all.len(), 12);
    let page = async |filter: &ListFilter, after, limit| {
        let tokens = harness.tokens();
        let found = tokens.list(owner, filter, NOW, after, limit);
        found.await.expect("the store works")
    };
    let names = [None, Some(acting().name), TokenName::parse("nobody").ok()];
    for status in [None, Some(Status::Live), Some(Status::Expired)] {
        for name in names.clone() {
            let filter = ListFilter {
                status,
                name,
                ..ListFilter::default()
            };
            let mut expected = all.clone();
            expected.retain(|token| filter.matches(token, NOW));
            assert_eq!(page(&filter, None, 100).await, expected, "{filter:?}");
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let part = page(&filter, after, 2).await;
                assert!(part.len() <= 2);
                after = part.last().map(after_token);
                paged.extend(part);
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, expected, "{filter:?}");
        }
    }
    // The cursor's own token and one after it are deleted, and a new one is created.
    let filter = ListFilter::default();
    let first = page(&filter, None, 3).await;
    for token in [&all[2], &all[4]] {
        let (_, number) = token.id.uuid().as_u64_pair();
        let number = number & u64::from(u8::MAX);
        put(
            harness,
            number,
            &token.revoked(NOW).expect("it was not revoked"),
        )
        .await;
    }
    put(harness, 20, &fixtures::token(20, NOW)).await;
    let second = page(&filter, Some(after_token(&first[2])), 3).await;
    assert_eq!(second, [all[3].clone(), all[5].clone(), all[6].clone()]);
}

fn after_token(token: &Token) -> Seek {
    Seek::After(ListCursor::of(token, Sort::Newest))
}

/// Unknown ids, other kinds and other users' tokens are not found; a tombstone is.
pub async fn gets_only_tokens_of_the_owner(harness: &dyn Harness) {
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
        assert_eq!(got.expect("the store works"), expected, "{id}");
    }
}
