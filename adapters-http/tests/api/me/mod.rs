//! `/me`, and the ways in which a credential is rejected.

mod pats;
mod token;

use axum::body::Body;
use http::{Method, Request, header};
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::json;

use crate::support::{Server, with_token};

#[tokio::test]
async fn returns_the_user_the_token_and_the_effective_scope() {
    let server = Server::new();
    let token = server.token(1, TokenKind::Personal, Scope::Admin, Role::Member);
    let response = server.get("/me", &token).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), "no-store");
    let mut me = response.json();
    let id = me["token"]["id"].take();
    assert!(id.as_str().unwrap().starts_with("pat_"), "{id}");
    assert_eq!(
        me,
        json!({
            "user": {
                "id": fixtures::user(1).id.to_string(),
                "email": "user1@example.com",
                "name": "User 1",
                "role": "member",
            },
            "token": {
                "id": null,
                "kind": "personal",
                "name": "token 1",
                "scope": "admin",
                "effectiveScope": "read_write",
                "expiresAt": null,
            },
        })
    );
}

#[tokio::test]
async fn an_agent_run_may_ask_who_it_is() {
    let server = Server::new();
    let run = server.token(1, TokenKind::AgentRun, Scope::ReadWrite, Role::Admin);
    let me = server.get("/me", &run).await.json();
    assert_eq!(me["token"]["kind"], "agent_run");
    assert!(me["token"]["id"].as_str().unwrap().starts_with("run_"));
    let run = json!({"agentId": "agent-1", "workItemKey": null});
    assert_eq!(me["token"]["run"], run);
}

#[tokio::test]
async fn without_credentials_the_challenge_has_no_error_code() {
    let server = Server::new();
    for authorization in [None, Some("Basic YTpi"), Some("")] {
        let mut request = Request::get("/me");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let response = server.send(request, Body::empty()).await;
        assert_eq!(response.problem(401), "authentication_required");
        assert_eq!(
            response.header("www-authenticate"),
            r#"Bearer realm="openindex""#
        );
    }
}

#[tokio::test]
async fn a_token_in_a_query_a_cookie_or_a_body_never_authenticates() {
    let server = Server::new();
    let admin = server.admin();
    let requests = [
        Request::get(format!("/me?access_token={admin}")),
        Request::get("/me").header(header::COOKIE, format!("session={admin}")),
        Request::get("/me").header("x-api-key", &admin),
        Request::get("/me").header("proxy-authorization", format!("Bearer {admin}")),
        Request::get(format!("/me?Authorization=Bearer%20{admin}")),
    ];
    for request in requests {
        let response = server.send(request, Body::empty()).await;
        assert_eq!(response.problem(401), "authentication_required");
    }
    let form =
        Request::post("/me/pats").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = server
        .send(form, Body::from(format!("access_token={admin}")))
        .await;
    assert_eq!(response.problem(401), "authentication_required");
}

#[tokio::test]
async fn two_authorization_headers_are_400() {
    let server = Server::new();
    let admin = server.admin();
    let request = with_token(Method::GET, "/me", &admin)
        .header(header::AUTHORIZATION, format!("Bearer {admin}"));
    let response = server.send(request, Body::empty()).await;
    assert_eq!(response.problem(400), "invalid_request");
}

#[tokio::test]
async fn a_real_secret_that_is_rejected_says_why() {
    let server = Server::new();
    let admin = server.admin();
    let soon = Expiry::At(fixtures::NOW.saturating_add_seconds(60));
    let expiring = server.create(&admin, Scope::ReadWrite, soon).await;
    let revoked = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let path = format!("/me/pats/{}", revoked.token.id);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    let known = revoked.secret.expose().to_owned();
    let response = server.get("/me", &known).await;
    assert_eq!(response.problem(401), "token_revoked");
    assert_eq!(
        response.header("www-authenticate"),
        "Bearer realm=\"openindex\", error=\"invalid_token\", \
         error_description=\"the token was revoked at 2026-11-24T06:00:00.000Z\""
    );
    assert_eq!(response.json()["nextCommand"], "oi auth check");

    server.clock.advance_seconds(59);
    assert_eq!(
        server.get("/me", expiring.secret.expose()).await.status,
        200
    );
    server.clock.advance_seconds(1);
    let response = server.get("/me", expiring.secret.expose()).await;
    assert_eq!(response.problem(401), "token_expired");

    let mut user = fixtures::user(1);
    user.suspended_at = Some(fixtures::NOW);
    server.store.put_user(user);
    let response = server.get("/me", &admin).await;
    assert_eq!(response.problem(401), "owner_suspended");
}

#[tokio::test]
async fn a_mistyped_token_is_malformed_and_a_strange_one_unknown() {
    let server = Server::new();
    let admin = server.admin();
    let strange = Server::new().token(1, TokenKind::AgentRun, Scope::Admin, Role::Admin);
    for (token, code) in [
        (admin[..54].to_owned(), "token_malformed"),
        (format!("{admin}x"), "token_malformed"),
        (admin.to_uppercase(), "token_malformed"),
        (admin.replacen("oi_pat_", "oi_run_", 1), "token_malformed"),
        (format!("{admin} {admin}"), "token_malformed"),
        (String::new(), "token_malformed"),
        (strange, "token_unknown"),
    ] {
        let response = server.get("/me", &token).await;
        assert_eq!(response.problem(401), code);
        let challenge = response.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        if !token.is_empty() {
            let body = String::from_utf8_lossy(&response.body).into_owned();
            assert!(!body.contains(&token), "{body}");
        }
    }
}
