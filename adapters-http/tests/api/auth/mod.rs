//! `/auth`

mod introspect;
mod verify;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::support::{Server, TestResponse};

async fn claim(server: &Server, body: &Value) -> TestResponse {
    let request = Request::post("/auth/invites/claim").header("content-type", "application/json");
    server.send(request, Body::from(body.to_string())).await
}

async fn invite(server: &Server, admin: &str) -> String {
    let body = json!({"email": "grace@example.com"});
    let created = server.post("/admin/invites", admin, &body).await.json();
    created["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn an_invite_is_claimed_once_with_a_token() {
    let server = Server::new();
    let admin = server.admin();
    let code = invite(&server, &admin).await;
    let body = json!({"code": code, "name": "Grace Hopper", "tokenName": "first"});
    let claimed = claim(&server, &body).await;
    assert_eq!(claimed.status, 201);
    let claimed = claimed.json();
    assert_eq!(claimed["user"]["email"], "grace@example.com");
    assert_eq!(claimed["pat"]["scope"], "read_write");
    let token = claimed["token"].as_str().unwrap();
    assert_eq!(
        server.get("/me", token).await.json()["user"]["role"],
        "member"
    );
    let again = claim(&server, &body).await;
    assert_eq!(again.problem(409), "invite_not_open");
}

#[tokio::test]
async fn a_claim_says_what_is_wrong_with_it() {
    let server = Server::new();
    let admin = server.admin();
    let code = invite(&server, &admin).await;
    let unknown = "A".repeat(43);
    for (body, status, code) in [
        (
            json!({"code": unknown, "name": "G", "tokenName": "x"}),
            404,
            "not_found",
        ),
        (
            json!({"code": "short", "name": "G", "tokenName": "x"}),
            404,
            "not_found",
        ),
        (json!({"code": code, "name": "G"}), 400, "invalid_field"),
        (
            json!({"code": code, "tokenName": "x"}),
            400,
            "invalid_field",
        ),
        (
            json!({"code": code, "name": "G", "password": "too short"}),
            400,
            "invalid_field",
        ),
        (
            json!({"code": code, "name": "Grace Hopper", "password": "gracehopper2026"}),
            400,
            "invalid_field",
        ),
        (
            json!({"code": code, "name": "G", "password": "x".repeat(257)}),
            400,
            "invalid_field",
        ),
        (
            json!({"code": code, "name": "G", "tokenName": "x", "email": "eve@example.com"}),
            400,
            "invalid_field",
        ),
    ] {
        let response = claim(&server, &body).await;
        assert_eq!(response.problem(status), code, "{body}");
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(!text.contains(&unknown) && !text.contains("gracehopper2026"));
    }
    let body = json!({"code": code, "name": "G", "password": "a longer one, of several words"});
    let claimed = claim(&server, &body).await.json();
    assert_eq!(claimed["token"], Value::Null);
    server.clock.advance_seconds(8 * 24 * 60 * 60);
    let late = invite(&server, &admin).await;
    server.clock.advance_seconds(8 * 24 * 60 * 60);
    let body = json!({"code": late, "name": "G", "tokenName": "x"});
    // The address already has an account, but the expired invite is reported first.
    assert_ne!(claim(&server, &body).await.status, 201);
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let server = Server::new();
    let body = json!({"code": "A".repeat(43), "name": "G", "tokenName": "x"});
    for _ in 0..60 {
        assert_eq!(claim(&server, &body).await.problem(404), "not_found");
    }
    let response = claim(&server, &body).await;
    assert_eq!(response.problem(429), "rate_limited");
    assert_eq!(response.header("retry-after"), "900");
    server.clock.advance_seconds(900);
    assert_eq!(claim(&server, &body).await.problem(404), "not_found");
}
