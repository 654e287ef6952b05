//! Creating tokens within the limits.

use futures_util::future::join_all;

use super::{
    Harness, InvalidActor, NOW, SECRET, acting, audit_log, find, insert, insertion,
    invalidate_actor, list, put, revocation, seed,
};
use crate::access::CredentialId;
use crate::clock::Timestamp;
use crate::store::StoreError;
use crate::testing::fixtures;
use crate::token::{CreateTokenOutcome, CreationRate, RevokeTokenOutcome, Scope, TokenName};

/// Every field is returned unchanged, to the millisecond and the last character.
pub async fn keeps_every_field(harness: &dyn Harness) {
    seed(harness).await;
    let mut plain = insertion(1, 100);
    plain.token.scope = Scope::ReadWrite;
    plain.token.created_at = NOW.saturating_add_millis(1);
    plain.token.expires_at = Some(NOW.saturating_add_millis(7));
    plain.token.name = TokenName::from_stored("Zoë's 界 <b>'\"; DROP \u{202e}%_");
    let mut extreme = insertion(2, 100);
    extreme.token.created_at = NOW.saturating_add_millis(2);
    extreme.token.expires_at = Some(Timestamp::MAX);
    let before_the_rule = format!("{SECRET}{}", "界".repeat(45));
    extreme.token.name = TokenName::from_stored(&before_the_rule);
    for (number, change) in [(1, &plain), (2, &extreme)] {
        assert_eq!(
            insert(harness, change.clone()).await,
            CreateTokenOutcome::Created
        );
        let record = find(harness, number).await.expect("it was inserted");
        assert_eq!(record.token, change.token);
    }
    let expected = vec![extreme.token, plain.token, acting()];
    assert_eq!(list(harness, fixtures::user(1).id).await, expected);
}

/// Expired and revoked tokens, and those of other users, do not count.
pub async fn counts_only_live_tokens_of_the_owner(harness: &dyn Harness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    let mut expired = fixtures::token(11, NOW);
    expired.expires_at = Some(NOW);
    let mut revoked = fixtures::token(12, NOW);
    revoked.revoked_at = Some(NOW);
    let mut foreign = fixtures::token(13, NOW);
    foreign.owner = fixtures::user(2).id;
    let mut ending = fixtures::token(14, NOW);
    ending.expires_at = Some(NOW.saturating_add_millis(1));
    for (number, token) in [
        (11, &expired),
        (12, &revoked),
        (13, &foreign),
        (14, &ending),
    ] {
        put(harness, number, token).await;
    }
    // The live ones are the acting token and the one that is about to expire.
    assert_eq!(
        insert(harness, insertion(1, 2)).await,
        CreateTokenOutcome::QuotaReached
    );
    assert_eq!(
        insert(harness, insertion(1, 3)).await,
        CreateTokenOutcome::Created
    );
    assert_eq!(
        insert(harness, insertion(2, 3)).await,
        CreateTokenOutcome::QuotaReached
    );
    assert!(
        find(harness, 2).await.is_none(),
        "a rejected token is not stored"
    );
}

/// Of 64 concurrent creations with 9 left in the quota, exactly 9 succeed.
pub async fn enforces_the_quota_exactly_under_64_creations(harness: &dyn Harness) {
    seed(harness).await;
    let outcomes = join_all((1..=64).map(|number| insert(harness, insertion(number, 10)))).await;
    let inserted = outcomes
        .iter()
        .filter(|outcome| **outcome == CreateTokenOutcome::Created)
        .count();
    assert_eq!(inserted, 9, "the acting token is the tenth: {outcomes:?}");
    assert_eq!(list(harness, fixtures::user(1).id).await.len(), 10);
    assert_eq!(audit_log(harness).await.len(), 9);
}

/// Tokens created within 24 hours count even if they are revoked or expired; older ones, those of
/// other users and agent runs do not.
pub async fn counts_tokens_of_24_hours_in_every_status(harness: &dyn Harness) {
    seed(harness).await;
    harness.put_user(&fixtures::user(2)).await;
    let day = 24 * 60 * 60;
    let mut revoked = fixtures::token(
        11,
        NOW.saturating_add_seconds(-day).saturating_add_millis(1),
    );
    revoked.revoked_at = Some(NOW);
    let mut expired = fixtures::token(12, NOW);
    expired.expires_at = Some(NOW);
    let old = fixtures::token(10, NOW.saturating_add_seconds(-day));
    let mut foreign = fixtures::token(13, NOW);
    foreign.owner = fixtures::user(2).id;
    let tokens = [(10, &old), (11, &revoked), (12, &expired), (13, &foreign)];
    for (number, token) in tokens {
        put(harness, number, token).await;
    }
    put(harness, 14, &fixtures::run(14, acting().id)).await;
    let with_rate = |number, limit| {
        let mut change = insertion(number, 100);
        change.rate = CreationRate::new(limit);
        insert(harness, change)
    };
    // Three were created within the period, including the acting token.
    match with_rate(20, 3).await {
        CreateTokenOutcome::RateReached(reached) => {
            assert_eq!((reached.limit, reached.retry_after_seconds), (3, 1));
            assert_eq!(reached.until, NOW.saturating_add_millis(1));
        }
        outcome => panic!("unexpected {outcome:?}"),
    }
    assert!(find(harness, 20).await.is_none());
    assert_eq!(audit_log(harness).await, vec![]);
    assert_eq!(with_rate(21, 4).await, CreateTokenOutcome::Created);
}

/// Of 64 concurrent creations at a rate of 9, exactly 9 succeed, even if each token is deleted
/// immediately.
pub async fn enforces_the_rate_exactly_under_64_creations(harness: &dyn Harness) {
    seed(harness).await;
    let create_and_delete = |number| async move {
        let mut change = insertion(number, 100);
        change.rate = CreationRate::new(10);
        let id = change.token.id;
        let outcome = insert(harness, change).await;
        if outcome == CreateTokenOutcome::Created {
            let tokens = harness.tokens();
            let revoked = tokens.revoke_token(revocation(id, number + 100));
            assert_eq!(
                revoked.await.expect("the store works"),
                RevokeTokenOutcome::Revoked
            );
        }
        outcome
    };
    let outcomes = join_all((1..=64).map(create_and_delete)).await;
    let inserted = outcomes
        .iter()
        .filter(|it| **it == CreateTokenOutcome::Created);
    assert_eq!(
        inserted.count(),
        9,
        "the acting token is the tenth: {outcomes:?}"
    );
    let is_shown_to = |it: &&CreateTokenOutcome| matches!(it, CreateTokenOutcome::RateReached(_));
    assert_eq!(outcomes.iter().filter(is_shown_to).count(), 55);
    assert_eq!(list(harness, acting().owner).await, [acting()]);
}

/// A credential that ended between verification and change creates no token and records no event.
pub async fn rejects_an_actor_that_is_no_longer_valid(harness: &dyn Harness) {
    for how in InvalidActor::ALL {
        seed(harness).await;
        let mut change = insertion(1, 100);
        change.actor = invalidate_actor(harness, how).await;
        assert_eq!(
            insert(harness, change).await,
            CreateTokenOutcome::NotAuthorized(how.error()),
            "{how:?}"
        );
        assert!(find(harness, 1).await.is_none(), "{how:?}");
        assert_eq!(audit_log(harness).await, vec![], "{how:?}");
    }
}

/// Creations race the revocation of their own credential: those that succeed are complete, and once
/// the revocation has returned, none succeeds.
pub async fn never_writes_after_its_actor_was_revoked(harness: &dyn Harness) {
    seed(harness).await;
    // Another token of the same owner makes the revocation, because the acting one may be rejected.
    put(harness, 50, &fixtures::token(50, NOW)).await;
    let mut revoke = revocation(acting().id, 51);
    revoke.actor.credential = CredentialId::Token(fixtures::token(50, NOW).id);
    let racing = join_all((1..=16).map(|number| insert(harness, insertion(number, 100))));
    let tokens = harness.tokens();
    let (outcomes, revoked) = futures_util::future::join(racing, tokens.revoke_token(revoke)).await;
    assert_eq!(
        revoked.expect("the store works"),
        RevokeTokenOutcome::Revoked
    );
    let rejected = CreateTokenOutcome::NotAuthorized(InvalidActor::Revoked.error());
    for (number, outcome) in (1..).zip(&outcomes) {
        let there = find(harness, number).await.is_some();
        assert_eq!(
            there,
            *outcome == CreateTokenOutcome::Created,
            "{outcome:?}"
        );
        assert!(there || *outcome == rejected, "{outcome:?}");
    }
    assert_eq!(insert(harness, insertion(17, 100)).await, rejected);
}

/// Ids and digests are unique: a duplicate is an error of the store and changes nothing.
pub async fn rejects_a_duplicate_id_or_digest(harness: &dyn Harness) {
    seed(harness).await;
    assert_eq!(
        insert(harness, insertion(1, 100)).await,
        CreateTokenOutcome::Created
    );
    let mut same_id = insertion(2, 100);
    same_id.token.id = fixtures::token(1, NOW).id;
    let mut same_digest = insertion(3, 100);
    same_digest.digest = fixtures::digest(1);
    for change in [same_id, same_digest] {
        let result = harness.tokens().create_token(change).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
    }
    assert_eq!(list(harness, fixtures::user(1).id).await.len(), 2);
    assert_eq!(audit_log(harness).await.len(), 1);
}
