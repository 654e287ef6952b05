//! Changes of very many tokens at once.

mod support;

use openindex_adapters_sqlite::SqliteOptions;
use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::admin_tokens::{
    AdminTokenStore, Review, RevokeMatching, RevokeMatchingOutcome, TokenFilter,
};
use openindex_domain::audit::Subject;
use openindex_domain::testing::fixtures;
use openindex_domain::token::TokenAction;
use support::seeded;

#[tokio::test]
async fn tens_of_thousands_of_tokens_are_revoked_in_one_change() {
    let sqlite = seeded(SqliteOptions::default()).await;
    sqlite
        .execute(
            "WITH RECURSIVE numbers (n) AS \
                 (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) \
             INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at) \
             SELECT unhex(printf('00000002000070008000%012x', n)), 'personal', u.id, 'token', \
                    'admin', unhex(printf('%064x', n)), u.created_at \
             FROM users u, numbers",
        )
        .await;
    // 5,000 runs are issued with one of them.
    sqlite
        .execute(
            "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at, \
             agent_id, issuer_id) \
             SELECT unhex('00000003' || substr(hex(t.id), 9)), 'agent_run', t.owner_id, 'a', \
                    'read_write', unhex('ff' || substr(hex(t.digest), 3)), t.created_at, \
                    t.created_at + 1000, 'a', unhex('00000002000070008000000000000001') \
             FROM tokens t ORDER BY t.id LIMIT 5000",
        )
        .await;
    let now = fixtures::NOW;
    let (acting, action) = (fixtures::token(0, now).id, TokenAction::REVOKED);
    let filter = TokenFilter::default();
    let ids = sqlite.store.matching_ids(&filter, now).await;
    let mut ids = ids.expect("the store works");
    ids.retain(|id| *id != acting);
    let change = RevokeMatching {
        actor: Actor {
            credential: CredentialId::Token(acting),
            requirement: Requirement::HUMAN_ADMIN,
            now,
            form: None,
        },
        filter,
        kept: Some(acting),
        expected: Some(Review::of(ids).digest),
        audit: fixtures::audit(1, now, action, Subject::Token(acting)),
    };
    let outcome = sqlite.store.revoke_matching(change).await;
    let RevokeMatchingOutcome::Revoked(revoked) = outcome.expect("the store works") else {
        panic!("the actor is valid");
    };
    assert_eq!(revoked.len(), 20_000);
    let left = sqlite
        .store
        .tokens(&TokenFilter::default(), now, None, 10)
        .await;
    assert_eq!(left.expect("the store works").len(), 1, "the acting one");
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_events")
        .fetch_one(&sqlite.raw)
        .await
        .expect("a count");
    assert_eq!(events, 25_000);
    let runs: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM tokens WHERE kind = 'agent_run' AND revoked_at IS NOT NULL",
    )
    .fetch_one(&sqlite.raw)
    .await
    .expect("a count");
    assert_eq!(runs, 5_000);
}
