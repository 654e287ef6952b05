//! Metrics of requests.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use openindex_domain::StoreError;
use openindex_domain::testing::{MemoryStore, MockTokenStore, SeededEntropy};
use openindex_domain::token::{Secret, TokenKind};

use crate::support::{Ports, Server, with_token};

fn secret(kind: TokenKind) -> String {
    let secret = Secret::generate(kind, &SeededEntropy::new(9)).expect("entropy");
    secret.expose().to_owned()
}

#[track_caller]
fn assert_shows(server: &Server, line: &str) {
    let rendered = server.metrics();
    assert!(
        rendered.lines().any(|shown| shown == line),
        "{line} is not in {rendered}"
    );
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let server = Server::new();
    let admin = server.admin();
    for _ in 0..3 {
        assert_eq!(server.get("/me", &admin).await.status, 200);
    }
    let id = "pat_01890a5d-ac96-774b-bcce-b302099a8057";
    server.get(&format!("/me/pats/{id}"), &admin).await;
    server
        .send(with_token(Method::PUT, "/me", &admin), Body::empty())
        .await;
    for line in [
        r#"openindex_http_requests_total{route="/me",method="GET",status="200"} 3"#,
        r#"openindex_http_requests_total{route="/me/pats/{id}",method="GET",status="404"} 1"#,
        r#"openindex_http_requests_total{route="/me",method="PUT",status="405"} 1"#,
        r#"openindex_http_request_duration_seconds_count{route="/me"} 4"#,
        "openindex_http_requests_in_progress 0",
        "# TYPE openindex_http_requests counter",
        "# TYPE openindex_http_request_duration_seconds histogram",
        "# EOF",
    ] {
        assert_shows(&server, line);
    }
    assert!(!server.metrics().contains(id));
}

#[tokio::test]
async fn what_clients_make_up_makes_no_series() {
    let server = Server::new();
    let token = secret(TokenKind::Personal);
    let ask = |number: usize| {
        let method = Method::from_bytes(format!("M{number}").as_bytes()).expect("a method");
        let unknown = with_token(method.clone(), &format!("/no/{number}/{token}"), &token);
        let known = Request::builder().method(method).uri("/me");
        let id = with_token(Method::GET, &format!("/me/pats/{number}"), &token);
        [unknown, known, id]
    };
    for request in ask(0) {
        server.send(request, Body::empty()).await;
    }
    let series = server.metrics().lines().count();
    for number in 1..300 {
        for request in ask(number) {
            server.send(request, Body::empty()).await;
        }
    }
    let rendered = server.metrics();
    assert_eq!(rendered.lines().count(), series, "{rendered}");
    assert_shows(
        &server,
        r#"openindex_http_requests_total{route="unmatched",method="other",status="404"} 300"#,
    );
    // Secrets never become labels.
    assert!(!rendered.contains(&token) && !rendered.contains("oi_pat_"));
}

#[tokio::test]
async fn verifications_are_counted_by_outcome_and_by_the_kind_that_was_claimed() {
    let server = Server::new();
    let admin = server.admin();
    let (_, run) = server.start_run(&admin, "builder", None).await;
    server.get("/me", &run).await;
    for token in [
        "",
        "x",
        "oi_pat_x",
        &secret(TokenKind::Personal),
        &secret(TokenKind::AgentRun),
    ] {
        server.get("/me", token).await;
    }
    for (outcome, kind, count) in [
        ("accepted", "personal", 1),
        ("accepted", "agent_run", 1),
        ("malformed", "none", 2),
        ("malformed", "personal", 1),
        ("unknown", "personal", 1),
        ("unknown", "agent_run", 1),
        ("revoked", "personal", 0),
    ] {
        let line = format!(
            r#"openindex_verifications_total{{outcome="{outcome}",kind="{kind}"}} {count}"#
        );
        assert_shows(&server, &line);
    }
}

#[tokio::test]
async fn an_outage_and_a_corrupt_store_are_counted_apart() {
    let mut responses = [
        StoreError::unavailable("away"),
        StoreError::corrupt("nonsense"),
    ]
    .into_iter();
    let mut tokens = MockTokenStore::new();
    tokens
        .expect_find_by_digest()
        .returning(move |_| Err(responses.next().expect("two lookups")));
    let memory = Arc::new(MemoryStore::default());
    let ports = Ports {
        tokens: Arc::new(tokens),
        ..Ports::of(&memory)
    };
    let server = Server::on(memory, ports);
    for _ in 0..2 {
        server.get("/me", &secret(TokenKind::Personal)).await;
    }
    for outcome in ["unavailable", "corrupt"] {
        let line =
            format!(r#"openindex_verifications_total{{outcome="{outcome}",kind="personal"}} 1"#);
        assert_shows(&server, &line);
    }
}

#[tokio::test]
async fn the_api_does_not_serve_them() {
    let server = Server::new();
    let response = server.get("/metrics", &server.admin()).await;
    assert_eq!(response.problem(404), "not_found");
}
