//! Bulk revocations of exactly the reviewed tokens.

use std::collections::HashSet;

use futures_util::future::{BoxFuture, join_all};

use super::admin_tokens::{fill, matching_tokens, matching_tokens_by_id, revocation, revoke};
use super::{AccountHarness, NOW, acting, audit_log, insert, insertion, put, seed};
use crate::admin_tokens::{
    MAX_UNREVIEWED, OwnedToken, Review, RevokeMatching, RevokeMatchingOutcome, TokenFilter,
};
use crate::audit::Subject;
use crate::testing::fixtures;
use crate::token::{Token, TokenAction, TokenId};

/// Tokens of every kind and status are found by id, newest first; unknown ids are omitted.
pub async fn finds_tokens_by_their_ids(harness: &dyn AccountHarness) {
    let tokens = fill(harness).await;
    let run = fixtures::run(7, tokens[5].id);
    let unknown = fixtures::token(99, NOW).id;
    let ids = [tokens[1].id, tokens[2].id, run.id, tokens[5].id, unknown];
    let store = harness.admin_tokens();
    let found = store.tokens_by_id(&ids).await.expect("the store works");
    let mut expected = [&tokens[1], &tokens[2], &run, &tokens[5]].map(Token::clone);
    expected.sort_by_key(|token| std::cmp::Reverse(token.id));
    let read: Vec<Token> = found.iter().map(|owned| owned.token.clone()).collect();
    assert_eq!(read, expected);
    let owner = |owned: &OwnedToken| owned.owner.id == owned.token.owner;
    assert!(found.iter().all(owner));
    let none = store.tokens_by_id(&[]).await.expect("the store works");
    assert_eq!(none, []);
}

/// The matching tokens are revoked if they are exactly the reviewed ones, and otherwise nothing is:
/// not if another token matches in the meantime, nor if one of them no longer does.
pub async fn revokes_exactly_what_was_reviewed_or_nothing(harness: &dyn AccountHarness) {
    let tokens = fill(harness).await;
    let filter = TokenFilter::default();
    let mut matching = matching_tokens(harness, &filter).await;
    matching.retain(|id| *id != acting().id);
    let all = Review::of(matching.clone());
    for outdated in [
        Review::of([]),
        Review::of(matching[1..].iter().copied()),
        Review::of(matching.iter().copied().chain([acting().id])),
        Review::of(matching[1..].iter().copied().chain([tokens[5].id])),
    ] {
        let change = RevokeMatching {
            kept: Some(acting().id),
            expected: Some(outdated.digest),
            ..revocation(&filter, 1)
        };
        let outcome = revoke(harness, change).await;
        assert_eq!(outcome, RevokeMatchingOutcome::ReviewOutdated(all));
        assert_eq!(
            matching_tokens(harness, &filter).await.len(),
            matching.len() + 1
        );
        assert_eq!(audit_log(harness).await, vec![]);
    }
    let change = RevokeMatching {
        kept: Some(acting().id),
        expected: Some(all.digest),
        ..revocation(&filter, 1)
    };
    let RevokeMatchingOutcome::Revoked(revoked) = revoke(harness, change.clone()).await else {
        panic!("it is what was reviewed");
    };
    let revoked: Vec<TokenId> = revoked.iter().map(|owned| owned.token.id).collect();
    assert_eq!(revoked, matching);
    let again = revoke(harness, change).await;
    assert_eq!(again, RevokeMatchingOutcome::ReviewOutdated(Review::of([])));
}

/// More than one page of tokens is revoked only after a review.
pub async fn revokes_more_than_a_page_only_after_a_review(harness: &dyn AccountHarness) {
    seed(harness).await;
    let numbers = 1..=MAX_UNREVIEWED as u64;
    for number in numbers.clone() {
        put(harness, number, &fixtures::token(number, NOW)).await;
    }
    // Including the acting token, it is one more than a page.
    let filter = TokenFilter::default();
    let review = Review::of(matching_tokens_by_id(harness, &filter).await);
    assert_eq!(review.count, MAX_UNREVIEWED + 1);
    let outcome = revoke(harness, revocation(&filter, 1)).await;
    assert_eq!(outcome, RevokeMatchingOutcome::ReviewRequired(review));
    assert_eq!(audit_log(harness).await, vec![]);
    let change = RevokeMatching {
        kept: Some(acting().id),
        ..revocation(&filter, 1)
    };
    let RevokeMatchingOutcome::Revoked(revoked) = revoke(harness, change).await else {
        panic!("a page needs no review");
    };
    assert_eq!(revoked.len(), MAX_UNREVIEWED);
}

/// While tokens are created and deleted, several administrators review and revoke: each revocation
/// revokes exactly what its review covers, or nothing, and no token is revoked twice.
pub async fn stays_exact_while_tokens_come_and_go(harness: &dyn AccountHarness) {
    seed(harness).await;
    let filter = &TokenFilter {
        scope: Some(fixtures::token(1, NOW).scope),
        ..TokenFilter::default()
    };
    let create = |number| async move {
        let _ = insert(harness, insertion(number, 1_000)).await;
        Vec::new()
    };
    let delete = |number| async move {
        let _ = revoke(harness, revocation_of_one(number)).await;
        Vec::new()
    };
    let review = |number| async move {
        let mut reviewed = matching_tokens_by_id(harness, filter).await;
        reviewed.retain(|id| *id != acting().id);
        let change = RevokeMatching {
            kept: Some(acting().id),
            expected: Some(Review::of(reviewed.iter().copied()).digest),
            ..revocation(filter, number)
        };
        match revoke(harness, change).await {
            RevokeMatchingOutcome::Revoked(revoked) => {
                let mut ended: Vec<_> = revoked.iter().map(|owned| owned.token.id).collect();
                ended.sort();
                reviewed.sort();
                assert_eq!(ended, reviewed);
                ended
            }
            RevokeMatchingOutcome::ReviewOutdated(_) => Vec::new(),
            other => panic!("{other:?}"),
        }
    };
    let changes = (1..=40u64).map(|number| -> BoxFuture<'_, Vec<TokenId>> {
        match number % 4 {
            0 => Box::pin(review(number)),
            1 => Box::pin(delete(number + 1)),
            _ => Box::pin(create(number)),
        }
    });
    let ended: Vec<TokenId> = join_all(changes).await.into_iter().flatten().collect();
    let once: HashSet<TokenId> = ended.iter().copied().collect();
    assert_eq!(once.len(), ended.len());
    for id in ended {
        let subject = Subject::Token(id);
        let told = audit_log(harness).await;
        let told = told.iter().filter(|event| event.subject == subject);
        let revoked = told.filter(|event| event.action == TokenAction::REVOKED);
        assert_eq!(revoked.count(), 1, "{id}");
    }
}

fn revocation_of_one(number: u64) -> RevokeMatching {
    let one = TokenFilter {
        token: Some(fixtures::token(number, NOW).id),
        ..TokenFilter::default()
    };
    revocation(&one, 1_000 + number)
}
