//! The store is away: 503 with `Retry-After`, never 401 and never a pass.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use openindex_domain::StoreError;
use openindex_domain::testing::{
    MemoryStore, MockStoreHealth, MockTokenStore, MockUserStore, SeededEntropy,
};
use openindex_domain::token::{Secret, TokenKind};

use crate::support::{Answer, Server};

const CAUSE: &str = "connection to db.internal:5432 refused";

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.problem(503), "unavailable");
    assert_eq!(answer.header("retry-after"), "2");
    assert!(!answer.headers.contains_key("www-authenticate"));
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains("db.internal"), "{body}");
}

fn live_secret() -> String {
    Secret::generate(TokenKind::Personal, &SeededEntropy::new(9))
        .expect("entropy")
        .expose()
        .to_owned()
}

#[tokio::test]
async fn nobody_is_let_in_and_nobody_is_told_that_their_token_is_bad() {
    let mut tokens = MockTokenStore::new();
    tokens
        .expect_find_by_digest()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    let memory = Arc::new(MemoryStore::default());
    let server = Server::on(memory.clone(), Arc::new(tokens), memory.clone(), memory);
    for path in ["/me", "/me/pats", "/admin/users"] {
        assert_unavailable(&server.get(path, &live_secret()).await);
    }
    // What needs no store keeps answering.
    assert_eq!(
        server.get("/me", "oi_pat_x").await.problem(401),
        "token_malformed"
    );
    let health = server.send(Request::get("/health"), Body::empty()).await;
    assert_eq!(health.status, 200);
}

#[tokio::test]
async fn a_store_that_fails_after_the_verification_is_503_as_well() {
    let memory = Arc::new(MemoryStore::default());
    let mut tokens = MockTokenStore::new();
    let inner = memory.clone();
    tokens.expect_find_by_digest().returning(move |digest| {
        // The memory store never waits, so its future is ready at once.
        futures_util::FutureExt::now_or_never(openindex_domain::token::TokenStore::find_by_digest(
            &*inner, digest,
        ))
        .expect("ready at once")
    });
    tokens
        .expect_list()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    tokens
        .expect_insert_within_quota()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    tokens
        .expect_revoke_once()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    let mut users = MockUserStore::new();
    users
        .expect_page()
        .returning(|_, _| Err(StoreError::unavailable(CAUSE)));
    let server = Server::on(memory.clone(), Arc::new(tokens), Arc::new(users), memory);
    let admin = server.admin();
    assert_eq!(server.get("/me", &admin).await.status, 200);
    assert_unavailable(&server.get("/me/pats", &admin).await);
    assert_unavailable(&server.get("/admin/users", &admin).await);
    let body = serde_json::json!({"name": "ci", "scope": "read_write"});
    assert_unavailable(&server.post("/me/pats", &admin, &body).await);
    let path = "/me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    assert_unavailable(&server.delete(path, &admin).await);
}

#[tokio::test]
async fn a_store_that_holds_nonsense_is_500_without_a_word_of_it() {
    let mut tokens = MockTokenStore::new();
    tokens
        .expect_find_by_digest()
        .returning(|_| Err(StoreError::corrupt("unknown scope 'root' in db.internal")));
    let memory = Arc::new(MemoryStore::default());
    let server = Server::on(memory.clone(), Arc::new(tokens), memory.clone(), memory);
    let answer = server.get("/me", &live_secret()).await;
    assert_eq!(answer.problem(500), "internal_error");
    assert!(!String::from_utf8_lossy(&answer.body).contains("db.internal"));
}

#[tokio::test]
async fn an_instance_without_its_store_is_alive_but_not_ready() {
    let mut health = MockStoreHealth::new();
    health.expect_ready().returning(|| {
        Err(StoreError::corrupt(
            "relation \"tokens\" does not exist in db.internal",
        ))
    });
    let memory = Arc::new(MemoryStore::default());
    let server = Server::on(memory.clone(), memory.clone(), memory, Arc::new(health));
    assert_unavailable(&server.send(Request::get("/ready"), Body::empty()).await);
    let alive = server.send(Request::get("/health"), Body::empty()).await;
    assert_eq!(alive.status, 200);
}
