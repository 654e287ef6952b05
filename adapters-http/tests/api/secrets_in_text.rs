//! A token pasted into a text field is not stored.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Server, with_token};

/// Requests that would store the secret, each with the field that contains it.
fn requests(secret: &str, code: &str) -> Vec<(Method, &'static str, Value, &'static str)> {
    let text = format!("see {secret}.");
    let address = format!("{secret}@example.com");
    vec![
        (
            Method::POST,
            "/me/pats",
            json!({"name": text, "scope": "read_write"}),
            "name",
        ),
        (
            Method::POST,
            "/browse",
            json!({"domain": "OPS", "title": text}),
            "title",
        ),
        (
            Method::POST,
            "/browse",
            json!({"domain": "OPS", "title": "x", "description": text}),
            "description",
        ),
        (
            Method::PATCH,
            "/browse/OPS-1",
            json!({"title": text}),
            "title",
        ),
        (
            Method::PATCH,
            "/browse/OPS-1",
            json!({"description": text}),
            "description",
        ),
        (
            Method::POST,
            "/agent-runs",
            json!({"agentId": secret, "ttlSeconds": 60}),
            "agentId",
        ),
        (
            Method::POST,
            "/browse/OPS-1/claim",
            json!({"agentId": secret}),
            "agentId",
        ),
        (
            Method::POST,
            "/admin/invites",
            json!({"email": address}),
            "email",
        ),
        (
            Method::POST,
            "/auth/invites/claim",
            json!({"code": code, "name": text, "tokenName": "x"}),
            "name",
        ),
        (
            Method::POST,
            "/auth/invites/claim",
            json!({"code": code, "name": "Grace", "tokenName": text}),
            "tokenName",
        ),
    ]
}

#[tokio::test]
async fn no_field_accepts_a_token_in_its_text_and_no_error_repeats_it() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    let invite = server
        .post(
            "/admin/invites",
            &admin,
            &json!({"email": "grace@example.com"}),
        )
        .await;
    let url = invite.json()["url"].as_str().expect("a link").to_owned();
    let code = url.rsplit('/').next().expect("a code");
    for (secret, place) in [
        (admin.as_str(), "in use"),
        (&server.member(2), "of another user"),
        (
            "oi_run_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h",
            "mistyped",
        ),
    ] {
        for (method, path, body, field) in requests(secret, code) {
            let request =
                with_token(method.clone(), path, &admin).header("content-type", "application/json");
            let response = server.send(request, body.to_string().into()).await;
            if place == "mistyped" {
                // Without a valid checksum it is not a token, and only the rules of the field
                // apply.
                let errors = &response.json()["errors"];
                assert!(
                    !errors.to_string().contains("revoke"),
                    "{path} {field} {errors}"
                );
                continue;
            }
            assert_eq!(response.wrong_fields(), [field], "{place} {method} {path}");
            let body: Value = response.json();
            let message = body["errors"][0]["message"].as_str().expect("a message");
            assert!(
                message.contains("must not contain a token; revoke"),
                "{message}"
            );
            assert!(!body.to_string().contains(&secret[7..]), "{body}");
        }
    }
}
