//! When the store is unavailable: 503 with `Retry-After`, never 401 and never access.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use openindex_domain::StoreError;
use openindex_domain::testing::{
    MemoryStore, MockAgentRunStore, MockStoreHealth, MockTokenStore, MockUserStore,
    MockWorkItemStore, SeededEntropy,
};
use openindex_domain::token::{Secret, TokenKind};
use serde_json::json;

use crate::support::{Ports, Server, TestResponse, with_token};

const CAUSE: &str = "connection to db.internal:5432 refused";

#[track_caller]
fn assert_unavailable(response: &TestResponse) {
    assert_eq!(response.problem(503), "unavailable");
    assert_eq!(response.header("retry-after"), "2");
    assert!(!response.headers.contains_key("www-authenticate"));
    let body = String::from_utf8_lossy(&response.body).into_owned();
    assert!(!body.contains("db.internal"), "{body}");
}

fn with_tokens(memory: &Arc<MemoryStore>, tokens: MockTokenStore) -> Ports {
    Ports {
        tokens: Arc::new(tokens),
        ..Ports::of(memory)
    }
}

fn live_secret() -> String {
    Secret::generate(TokenKind::Personal, &SeededEntropy::new(9))
        .expect("entropy")
        .expose()
        .to_owned()
}

#[tokio::test]
async fn an_outage_neither_accepts_nor_rejects_a_token() {
    let mut tokens = MockTokenStore::new();
    tokens
        .expect_find_by_digest()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    let memory = Arc::new(MemoryStore::default());
    let server = Server::on(memory.clone(), with_tokens(&memory, tokens));
    for path in [
        "/me",
        "/me/token",
        "/auth/verify",
        "/me/pats",
        "/admin/users",
        "/agent-runs",
        "/browse",
        "/browse/OPS-1",
        "/browse/queue",
    ] {
        assert_unavailable(&server.get(path, &live_secret()).await);
    }
    // Routes that need no store still work.
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
        .returning(|_, _, _, _, _| Err(StoreError::unavailable(CAUSE)));
    tokens
        .expect_create_token()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    tokens
        .expect_revoke_token()
        .returning(|_| Err(StoreError::unavailable(CAUSE)));
    let mut users = MockUserStore::new();
    users
        .expect_search_users()
        .returning(|_, _, _, _| Err(StoreError::unavailable(CAUSE)));
    let ports = Ports {
        users: Arc::new(users),
        ..with_tokens(&memory, tokens)
    };
    let server = Server::on(memory, ports);
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
async fn a_corrupt_store_is_500_without_details() {
    let mut tokens = MockTokenStore::new();
    tokens
        .expect_find_by_digest()
        .returning(|_| Err(StoreError::corrupt("unknown scope 'root' in db.internal")));
    let memory = Arc::new(MemoryStore::default());
    let server = Server::on(memory.clone(), with_tokens(&memory, tokens));
    let response = server.get("/me", &live_secret()).await;
    assert_eq!(response.problem(500), "internal_error");
    assert!(!String::from_utf8_lossy(&response.body).contains("db.internal"));
}

/// Stores of work items and agent runs whose every method fails.
fn without_work(memory: &Arc<MemoryStore>, error: fn() -> StoreError) -> Ports {
    let mut runs = MockAgentRunStore::new();
    runs.expect_start_run().returning(move |_| Err(error()));
    runs.expect_end_runs().returning(move |_| Err(error()));
    runs.expect_runs()
        .returning(move |_, _, _, _, _| Err(error()));
    runs.expect_run().returning(move |_, _| Err(error()));
    let mut work = MockWorkItemStore::new();
    work.expect_create_item().returning(move |_| Err(error()));
    work.expect_change_item().returning(move |_| Err(error()));
    work.expect_item().returning(move |_, _| Err(error()));
    work.expect_items()
        .returning(move |_, _, _, _| Err(error()));
    work.expect_queue().returning(move |_, _, _| Err(error()));
    Ports {
        agent_runs: Arc::new(runs),
        work_items: Some(Arc::new(work)),
        ..Ports::of(memory)
    }
}

/// Calls every route of agent runs and work items with a valid body.
async fn ask_for_work(server: &Server, token: &str) -> Vec<TestResponse> {
    let start = json!({"agentId": "builder", "ttlSeconds": 60});
    let create = json!({"domain": "OPS", "title": "Mend the pump"});
    let mut responses = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/agent-runs", None),
        (Method::POST, "/agent-runs", Some(start)),
        (
            Method::GET,
            "/agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            None,
        ),
        (
            Method::DELETE,
            "/agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            None,
        ),
        (Method::GET, "/browse", None),
        (Method::POST, "/browse", Some(create)),
        (Method::GET, "/browse/queue", None),
        (Method::GET, "/browse/OPS-1", None),
        (Method::PATCH, "/browse/OPS-1", Some(json!({"title": "x"}))),
        (Method::DELETE, "/browse/OPS-1", None),
        (Method::POST, "/browse/OPS-1/claim", None),
        (Method::POST, "/browse/OPS-1/release", None),
        (Method::POST, "/browse/OPS-1/complete", None),
    ] {
        let mut request = with_token(method, path, token);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        responses.push(server.send(request, body).await);
    }
    responses
}

#[tokio::test]
async fn no_work_is_done_while_its_store_is_away() {
    let memory = Arc::new(MemoryStore::default());
    let ports = without_work(&memory, || StoreError::unavailable(CAUSE));
    let server = Server::on(memory, ports);
    let admin = server.admin();
    for response in ask_for_work(&server, &admin).await {
        assert_unavailable(&response);
    }
    assert_eq!(server.get("/me", &admin).await.status, 200);
}

#[tokio::test]
async fn work_that_is_stored_as_nonsense_is_500_without_a_word_of_it() {
    let memory = Arc::new(MemoryStore::default());
    let ports = without_work(&memory, || {
        StoreError::corrupt("kind 'epic' in db.internal")
    });
    let server = Server::on(memory, ports);
    let admin = server.admin();
    for response in ask_for_work(&server, &admin).await {
        assert_eq!(response.problem(500), "internal_error");
        assert!(!String::from_utf8_lossy(&response.body).contains("db.internal"));
    }
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
    let ports = Ports {
        health: Arc::new(health),
        ..Ports::of(&memory)
    };
    let server = Server::on(memory, ports);
    assert_unavailable(&server.send(Request::get("/ready"), Body::empty()).await);
    let alive = server.send(Request::get("/health"), Body::empty()).await;
    assert_eq!(alive.status, 200);
}
