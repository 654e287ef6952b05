//! Changes of very many tokens at once.

mod support;

use openindex_domain::access::{Actor, CredentialId, Requirement};
use openindex_domain::admin_tokens::{
    AdminTokenStore, Review, RevokeMatching, RevokeMatchingOutcome, TokenFilter,
};
use openindex_domain::agent_run::{AgentRunStore, RunFilter};
use openindex_domain::audit::Subject;
use openindex_domain::testing::fixtures;
use openindex_domain::token::TokenAction;
use support::seeded;

#[tokio::test]
async fn tens_of_thousands_of_tokens_are_revoked_in_one_change() {
    let postgres = seeded().await;
    postgres
        .execute(
            "INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at) \
             SELECT ('00000002-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'personal', \
                    u.id, 'token', 'admin', decode(lpad(to_hex(n), 64, '0'), 'hex'), \
                    u.created_at \
             FROM users u, generate_series(1, 20000) AS n; \
             INSERT INTO tokens (id, kind, owner_id, name, scope, digest, created_at, expires_at, \
                                 agent_id, issuer_id) \
             SELECT gen_random_uuid(), 'agent_run', owner_id, 'run', 'read_write', \
                    sha256(digest), created_at, created_at + interval '1 day', 'agent', id \
             FROM tokens WHERE name = 'token'",
        )
        .await;
    let now = fixtures::NOW;
    let (acting, action) = (fixtures::token(0, now).id, TokenAction::REVOKED);
    let filter = TokenFilter::default();
    let ids = postgres.store.matching_ids(&filter, now).await;
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
    let outcome = postgres.store.revoke_matching(change).await;
    let RevokeMatchingOutcome::Revoked(revoked) = outcome.expect("the store works") else {
        panic!("the actor is valid");
    };
    assert_eq!(revoked.len(), 20_000);
    let left = postgres
        .store
        .tokens(&TokenFilter::default(), now, None, 10)
        .await;
    assert_eq!(left.expect("the store works").len(), 1, "the acting one");
    let events: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_events")
        .fetch_one(&postgres.raw)
        .await
        .expect("a count");
    assert_eq!(events, 40_000, "the runs end with their issuers");
    let runs = postgres
        .store
        .runs(fixtures::user(1).id, &RunFilter::LIVE, now, None, 1);
    assert_eq!(runs.await.expect("the store works"), []);
}
