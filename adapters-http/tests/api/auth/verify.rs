//! `/auth/verify`: forward authentication.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request};
use openindex_adapters_http::server::LayerSettings;
use openindex_domain::testing::{MemoryStore, fixtures};
use openindex_domain::token::{Scope, Secret, TokenKind};
use openindex_domain::user::{Email, Role, User};
use serde_json::json;

use crate::support::{Ports, Server, TestResponse, with_token};

const FACTS: [&str; 6] = [
    "x-auth-user-id",
    "x-auth-user-email",
    "x-auth-token-id",
    "x-auth-token-kind",
    "x-auth-scope",
    "x-auth-expires-at",
];

/// Asserts that the request may not pass: no fact is given, and the response is a problem.
#[track_caller]
fn denied(response: &TestResponse, status: u16) -> String {
    for fact in FACTS {
        assert!(!response.headers.contains_key(fact), "{response:?}");
    }
    response.problem(status)
}

#[tokio::test]
async fn an_accepted_token_is_described_by_headers_alone() {
    let server = Server::new();
    let member = server.member(1);
    let response = server.get("/auth/verify", &member).await;
    assert_eq!(response.status, 200);
    assert!(response.body.is_empty(), "{response:?}");
    assert_eq!(response.header("cache-control"), "no-store");
    let id = response.header("x-auth-token-id");
    assert!(id.starts_with("pat_"), "{id}");
    for (name, value) in [
        ("x-auth-user-id", fixtures::user(1).id.to_string().as_str()),
        ("x-auth-user-email", "user1@example.com"),
        ("x-auth-token-kind", "personal"),
        ("x-auth-scope", "read_write"),
        ("x-auth-expires-at", ""),
    ] {
        assert_eq!(response.header(name), value, "{name}");
        assert!(response.headers.contains_key(name), "{name} is always sent");
    }
    let (_, run) = server.start_run(&member, "agent-1", None).await;
    let response = server.get("/auth/verify", &run).await;
    assert_eq!(response.header("x-auth-token-kind"), "agent_run");
    assert!(response.header("x-auth-token-id").starts_with("run_"));
    assert!(response.header("x-auth-expires-at").ends_with('Z'));
}

#[tokio::test]
async fn the_effective_scope_is_given_and_required() {
    let server = Server::new();
    let demoted = server.token(1, TokenKind::Personal, Scope::Admin, Role::Member);
    let admin = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    let run = server.token(3, TokenKind::AgentRun, Scope::ReadWrite, Role::Admin);
    for (query, token, outcome) in [
        ("", &demoted, Ok("read_write")),
        ("?scope=read_write", &demoted, Ok("read_write")),
        ("?scope=admin", &demoted, Err("insufficient_scope")),
        ("?scope=admin", &admin, Ok("admin")),
        ("?kind=personal", &admin, Ok("admin")),
        ("?kind=personal&scope=admin", &admin, Ok("admin")),
        ("?kind=agent_run", &admin, Err("agent_run_token_required")),
        ("?kind=agent_run", &run, Ok("read_write")),
        ("?kind=personal", &run, Err("human_token_required")),
        ("?scope=admin", &run, Err("insufficient_scope")),
    ] {
        let response = server.get(&format!("/auth/verify{query}"), token).await;
        match outcome {
            Ok(scope) => {
                assert_eq!(response.status, 200, "{query}: {response:?}");
                assert_eq!(response.header("x-auth-scope"), scope, "{query}");
            }
            Err(code) => assert_eq!(denied(&response, 403), code, "{query}"),
        }
    }
}

#[tokio::test]
async fn the_requirement_of_another_service_is_not_recorded_when_it_is_not_met() {
    let server = Server::new();
    let member = server.member(1);
    let query = "/auth/verify?kind=personal&scope=admin";
    let response = server.get(query, &member).await;
    assert_eq!(denied(&response, 403), "insufficient_scope");
    let admin = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    let events = server.get("/audit", &admin).await.ok();
    assert_eq!(events["items"], json!([]));
}

#[tokio::test]
async fn whatever_is_not_accepted_gets_the_401_of_the_api() {
    let server = Server::new();
    let member = server.member(1);
    let unknown = Secret::parse("oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h");
    let unknown = unknown.expect("a secret").expose().to_owned();
    for token in ["hunter2", "", &unknown, &format!("{member}x")] {
        let asked = server.get("/auth/verify", token).await;
        let api = server.get("/me", token).await;
        assert_eq!(denied(&asked, 401), api.problem(401));
        assert_eq!(
            asked.header("www-authenticate"),
            api.header("www-authenticate")
        );
    }
    let cookie = Request::get("/auth/verify").header("cookie", format!("session={member}"));
    let response = server.send(cookie, Body::empty()).await;
    assert_eq!(denied(&response, 401), "authentication_required");
    let browser = Request::get("/auth/verify").header("accept", "text/html");
    let response = server.send(browser, Body::empty()).await;
    assert_eq!(denied(&response, 401), "authentication_required");
    // Revoked: refused by the next request.
    assert_eq!(server.delete("/me/token", &member).await.status, 204);
    let response = server.get("/auth/verify", &member).await;
    assert_eq!(denied(&response, 401), "token_revoked");
}

#[tokio::test]
async fn a_mistyped_requirement_never_passes() {
    let server = Server::new();
    let admin = server.admin();
    for query in [
        "scpoe=admin",
        "scope=",
        "scope=ADMIN",
        "scope=admin&scope=read_write",
        "kind=human",
        "kind=personal&kind=agent_run",
        "token=x",
    ] {
        let response = server.get(&format!("/auth/verify?{query}"), &admin).await;
        assert_eq!(denied(&response, 400), "invalid_field", "{query}");
    }
    for path in ["/auth/verify/", "/auth/verify/x", "/auth//verify"] {
        let response = server.get(path, &admin).await;
        assert_eq!(denied(&response, 404), "not_found", "{path}");
    }
}

#[tokio::test]
async fn the_client_of_a_proxy_that_appends_its_path_cannot_change_the_requirement() {
    let server = Server::new();
    let member = server.member(1);
    let admin = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    for original in [
        "/notes",
        "/notes?scope=read_write",
        "/notes?a&scope=read_write&kind=agent_run",
        "/?uri=&scope=read_write",
        "",
    ] {
        let query = format!("/auth/verify?scope=admin&uri={original}");
        let response = server.get(&query, &member).await;
        assert_eq!(denied(&response, 403), "insufficient_scope", "{original}");
        assert_eq!(server.get(&query, &admin).await.status, 200, "{original}");
    }
    let unlimited = server.get("/auth/verify?uri=/x?scope=admin", &member).await;
    assert_eq!(unlimited.status, 200);
}

#[tokio::test]
async fn every_method_is_verified_and_nothing_else_of_the_request_counts() {
    let server = Server::new();
    let (member, body) = (server.member(1), "x".repeat(100_000));
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
    ] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        for (name, value) in [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-encoding", "gzip"),
            ("expect", "100-continue"),
            ("if-match", "\"v1\""),
            ("if-none-match", "*"),
            ("if-modified-since", "Fri, 27 Nov 2026 00:00:00 GMT"),
            ("range", "bytes=0-0"),
            ("accept", "text/html"),
            ("cookie", "session=x"),
        ] {
            for body in ["", "{", &body] {
                let request = with_token(method.clone(), "/auth/verify", &member);
                let request = request.header(name, value);
                let response = server.send(request, Body::from(body.to_owned())).await;
                assert_eq!(response.status, 200, "{method} {name}: {response:?}");
                assert_eq!(response.header("x-auth-scope"), "read_write");
                let request = Request::builder().method(method.clone());
                let request = request.uri("/auth/verify").header(name, value);
                let response = server.send(request, Body::from(body.to_owned())).await;
                assert_eq!(response.status, 401, "{method} {name}: {response:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_preflight_is_no_pass() {
    let store = Arc::new(MemoryStore::default());
    let layers = LayerSettings {
        cors_origins: vec![HeaderValue::from_static("https://app.example.com")],
        ..LayerSettings::default()
    };
    let server = Server::within(store.clone(), Ports::of(&store), layers);
    let preflight = Request::options("/auth/verify")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST");
    let response = server.send(preflight, Body::empty()).await;
    assert_eq!(denied(&response, 401), "authentication_required");
}

#[tokio::test]
async fn no_address_breaks_a_header() {
    let server = Server::new();
    for (number, email, sent) in [
        (1, "ada+ops%b@example.com", "ada+ops%25b@example.com"),
        (2, "zoë@bücher.example", "zo%C3%AB@b%C3%BCcher.example"),
        (3, "a`b{c}@example.com", "a`b{c}@example.com"),
    ] {
        let token = server.member(number);
        server.store.put_user(User {
            email: Email::parse(email).expect("an address"),
            ..fixtures::user(number)
        });
        let response = server.get("/auth/verify", &token).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.header("x-auth-user-email"), sent);
    }
}
