//! `POST /credentials/revoke`

use axum::body::Body;
use http::Request;
use openindex_domain::token::{Expiry, Scope};
use serde_json::{Value, json};

use crate::support::{Server, TestResponse};

async fn report(server: &Server, body: &Value) -> TestResponse {
    let request = Request::post("/credentials/revoke").header("content-type", "application/json");
    server.send(request, Body::from(body.to_string())).await
}

#[tokio::test]
async fn live_secrets_end_and_the_reporter_learns_nothing() {
    let server = Server::new();
    let admin = server.admin();
    let leaked = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let secret = leaked.secret.expose();
    let hit = report(&server, &json!({"tokens": [secret, "nonsense", ""]})).await;
    let miss = report(&server, &json!({"tokens": ["nonsense"]})).await;
    let none = report(&server, &json!({"tokens": []})).await;
    for response in [&hit, &miss, &none] {
        assert_eq!(response.status, 202);
        assert!(response.body.is_empty());
    }
    assert_eq!(
        server.get("/me", secret).await.problem(401),
        "token_revoked"
    );
    let audit_log = server
        .get("/audit?action=token.reported_leaked", &admin)
        .await
        .json();
    assert_eq!(audit_log["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        audit_log["items"][0]["subject"],
        leaked.token.id.to_string()
    );
    assert_eq!(audit_log["items"][0]["actor"]["kind"], "anonymous");
}

#[tokio::test]
async fn a_report_has_at_most_1000_secrets_and_is_rate_limited() {
    let server = Server::new();
    let many = vec!["oi_pat_x"; 1_001];
    let response = report(&server, &json!({ "tokens": many })).await;
    assert_eq!(response.wrong_fields(), ["tokens"]);
    let message = &response.json()["errors"][0]["message"];
    assert_eq!(message, "must have at most 1000 entries");
    let many = vec!["oi_pat_x"; 1_000];
    assert_eq!(
        report(&server, &json!({ "tokens": many })).await.status,
        202
    );
    for (body, field) in [
        (json!({}), "tokens"),
        (json!({"tokens": "oi_pat_x"}), "tokens"),
        (json!({"tokens": [7]}), "tokens"),
        (json!({"tokens": ["x"], "token": "x"}), "token"),
    ] {
        assert_eq!(
            report(&server, &body).await.wrong_fields(),
            [field],
            "{body}"
        );
    }
    let one = json!({"tokens": ["oi_pat_x"]});
    for _ in 1..60 {
        assert_eq!(report(&server, &one).await.status, 202);
    }
    let response = report(&server, &one).await;
    assert_eq!(response.problem(429), "rate_limited");
}

#[tokio::test]
async fn a_report_in_the_form_of_secret_scanning_partners_is_always_taken() {
    let server = Server::new();
    let admin = server.admin();
    let mut leaked = Vec::new();
    for _ in 0..4 {
        let issued = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
        leaked.push(issued.secret.expose().to_owned());
    }
    let url = format!("https://github.com/o/r/blob/{}", "x".repeat(20_000));
    for body in [
        json!([
            {"token": leaked[0], "type": "openindex_pat", "url": url, "source": "content"},
            {"token": leaked[1], "type": "unheard_of", "url": null, "source": 7, "more": {}},
            {"token": leaked[2]},
        ]),
        json!([]),
        json!([{"token": "nonsense", "type": "x"}, {"type": "x"}, {"token": 7}, "text", null, []]),
        json!([leaked[3]]),
    ] {
        let request = Request::post("/credentials/revoke")
            .header("content-type", "application/json")
            .header("github-public-key-identifier", "k")
            .header("github-public-key-signature", "s");
        let response = server.send(request, Body::from(body.to_string())).await;
        assert_eq!(response.status, 202, "{body}");
        assert!(response.body.is_empty());
    }
    for secret in &leaked {
        assert_eq!(
            server.get("/me", secret).await.problem(401),
            "token_revoked"
        );
    }
    let audit_log = server
        .get("/audit?action=token.reported_leaked", &admin)
        .await;
    assert_eq!(audit_log.json()["items"].as_array().unwrap().len(), 4);
    assert!(!String::from_utf8_lossy(&audit_log.body).contains("github.com"));
}

#[tokio::test]
async fn an_array_has_a_token_and_the_same_limit_as_the_object() {
    let server = Server::new();
    let many = vec![json!({"token": "x"}); 1_001];
    let response = report(&server, &many.into()).await;
    assert_eq!(response.wrong_fields(), ["tokens"]);
    let large = json!([{"token": "x", "url": "x".repeat(65 * 1024)}]);
    assert_eq!(report(&server, &large).await.problem(413), "body_too_large");
    let without = json!([{"secret": "x"}, null, 7]);
    assert_eq!(report(&server, &without).await.wrong_fields(), ["tokens"]);
    let request = Request::post("/credentials/revoke").header("content-type", "application/json");
    let response = server.send(request, Body::from("[{\"token\":")).await;
    assert_eq!(response.problem(400), "invalid_request");
}

/// Some editors write one.
#[tokio::test]
async fn a_report_may_begin_with_a_byte_order_mark() {
    let server = Server::new();
    for body in [
        "\u{feff}[\"x\"]",
        "\u{feff} [{\"token\": \"x\"}]",
        "\u{feff}{\"tokens\": []}",
    ] {
        let request =
            Request::post("/credentials/revoke").header("content-type", "application/json");
        let response = server.send(request, Body::from(body)).await;
        assert_eq!(response.status, 202, "{body:?}");
    }
}
