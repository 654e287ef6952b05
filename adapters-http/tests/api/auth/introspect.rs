//! `/auth/introspect`: what a token is, for another service.

use axum::body::Body;
use http::Method;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::{Value, json};

use crate::support::{Server, TestResponse, with_token};

async fn form(server: &Server, by: &str, form: &str) -> TestResponse {
    let request = with_token(Method::POST, "/auth/introspect", by)
        .header("content-type", "application/x-www-form-urlencoded");
    server.send(request, Body::from(form.to_owned())).await
}

async fn one(server: &Server, by: &str, token: &str) -> Value {
    form(server, by, &format!("token={token}")).await.ok()
}

async fn many(server: &Server, by: &str, tokens: &[&str]) -> TestResponse {
    let body = json!({ "tokens": tokens });
    server.post("/auth/introspect", by, &body).await
}

#[tokio::test]
async fn a_service_learns_what_an_accepted_token_is() {
    let server = Server::new();
    let (service, admin) = (
        server.member(1),
        server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin),
    );
    let expiry = Expiry::parse("2026-12-31").expect("an expiry");
    let created = server.create(&admin, Scope::Admin, expiry).await;
    let token = created.secret.expose();
    let found = one(&server, &service, token).await;
    let (iat, exp) = (1_795_500_000, 1_798_761_600);
    assert_eq!(
        found,
        json!({
            "active": true,
            "scope": "read_write admin",
            "sub": fixtures::user(2).id.to_string(),
            "username": "user2@example.com",
            "token_type": "Bearer",
            "iat": iat,
            "exp": exp,
            "jti": created.token.id.to_string(),
            "kind": "personal",
        })
    );
    let (id, run) = server.start_run(&service, "agent-1", None).await;
    // Any live token may ask, that of an agent run as well, and about itself.
    let found = one(&server, &run, &run).await;
    assert_eq!(found["jti"], id);
    assert_eq!(found["kind"], "agent_run");
    assert_eq!(found["scope"], "read_write");
    let demoted = server.token(3, TokenKind::Personal, Scope::Admin, Role::Member);
    let found = one(&server, &service, &demoted).await;
    assert_eq!(found["scope"], "read_write", "the effective scope");
    assert_eq!(found.get("exp"), None, "it never expires");
}

#[tokio::test]
async fn of_a_token_that_is_not_accepted_nothing_is_told() {
    let server = Server::new();
    let service = server.member(1);
    let (revoked, run) = (
        server.member(2),
        server.start_run(&service, "agent-1", None).await.1,
    );
    assert_eq!(server.delete("/me/token", &revoked).await.status, 204);
    assert_eq!(server.delete("/me/token", &run).await.status, 204);
    let expiry = Expiry::parse("2026-12-01").expect("an expiry");
    let expired = server.create(&service, Scope::ReadWrite, expiry).await;
    server.clock.advance_seconds(30 * 24 * 60 * 60);
    let unknown = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let tokens = [
        revoked.as_str(),
        run.as_str(),
        expired.secret.expose(),
        unknown,
        "hunter2",
        "",
    ];
    for token in tokens {
        let response = form(&server, &service, &format!("token={token}")).await;
        assert_eq!(response.ok(), json!({"active": false}));
        assert_eq!(response.header("cache-control"), "no-store");
    }
    let found = many(&server, &service, &tokens).await.ok();
    assert_eq!(
        found["tokens"],
        json!(vec![json!({"active": false}); tokens.len()])
    );
}

#[tokio::test]
async fn who_may_not_ask_is_told_nothing() {
    let server = Server::new();
    let (member, revoked) = (server.member(1), server.member(2));
    assert_eq!(server.delete("/me/token", &revoked).await.status, 204);
    for (by, code) in [("", "token_malformed"), (&revoked, "token_revoked")] {
        let refused = form(&server, by, &format!("token={member}")).await;
        assert_eq!(refused.problem(401), code);
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
        let same = form(&server, by, "token=hunter2").await;
        assert_eq!(refused.body, same.body);
        let several = many(&server, by, &[&member]).await;
        assert_eq!(several.body, refused.body);
    }
}

#[tokio::test]
async fn several_are_answered_in_order() {
    let server = Server::new();
    let service = server.member(1);
    let tokens: Vec<String> = (2..1_000).map(|number| server.member(number)).collect();
    let mut texts: Vec<&str> = tokens.iter().map(String::as_str).collect();
    texts.insert(500, "hunter2");
    texts.push(texts[0]);
    assert_eq!(texts.len(), 1_000);
    let found = many(&server, &service, &texts).await.ok();
    let found = found["tokens"].as_array().expect("a list");
    assert_eq!(found.len(), 1_000);
    assert_eq!(found[500], json!({"active": false}));
    assert_eq!(found[999], found[0]);
    for number in [2, 3, 501, 502, 998] {
        let place = if number > 501 { number - 1 } else { number - 2 };
        let owner = fixtures::user(number as u64).id.to_string();
        assert_eq!(found[place]["sub"], owner, "{number}");
    }
    texts.push("one more");
    let refused = many(&server, &service, &texts).await;
    assert_eq!(refused.wrong_fields(), ["tokens"]);
    assert_eq!(
        many(&server, &service, &[]).await.ok(),
        json!({"tokens": []})
    );
}

#[tokio::test]
async fn a_form_has_one_token_and_a_body_one_of_two_forms() {
    let server = Server::new();
    let member = server.member(1);
    let hinted = format!("token_type_hint=access_token&client_id=x&token={member}");
    assert_eq!(form(&server, &member, &hinted).await.ok()["active"], true);
    for wrong in [
        "",
        "tokn=x",
        "token=a&token=b",
        "token_type_hint=access_token",
    ] {
        let response = form(&server, &member, wrong).await;
        assert_eq!(response.wrong_fields(), ["token"], "{wrong}");
    }
    for wrong in [
        json!({}),
        json!({"token": "x"}),
        json!({"tokens": "x"}),
        json!({"tokens": [1]}),
    ] {
        let response = server.post("/auth/introspect", &member, &wrong).await;
        assert_eq!(response.problem(400), "invalid_field", "{wrong}");
    }
    let request = with_token(Method::POST, "/auth/introspect", &member);
    let request = request.header("content-type", "text/plain");
    let response = server.send(request, Body::from("token=x")).await;
    assert_eq!(response.problem(415), "unsupported_media_type");
    let query = format!("/auth/introspect?token={member}");
    let response = server.post(&query, &member, &json!({})).await;
    assert_eq!(response.problem(400), "invalid_field");
    assert!(!String::from_utf8_lossy(&response.body).contains(&member));
}

#[tokio::test]
async fn it_counts_as_a_use_without_the_address_of_the_service() {
    let server = Server::new();
    let (service, member) = (server.member(1), server.member(2));
    assert_eq!(one(&server, &service, &member).await["active"], true);
    assert_eq!(server.tokens.flush_last_used().await.expect("flushed"), 2);
}

#[tokio::test]
async fn it_can_be_found() {
    let server = Server::new();
    let request = http::Request::get("/.well-known/oauth-authorization-server");
    let found = server.send(request, Body::empty()).await.ok();
    let url = "https://oi.example.com";
    let endpoint = format!("{url}/auth/introspect");
    assert_eq!(
        found,
        json!({"issuer": url, "introspection_endpoint": endpoint})
    );
    let request = http::Request::get("/.well-known/openindex.json");
    let found = server.send(request, Body::empty()).await.ok();
    assert_eq!(found["introspectionUrl"], endpoint);
}
