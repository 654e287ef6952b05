//! `/admin/pats`

use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn everybodys_tokens_are_listed_filtered_and_revoked() {
    let server = Server::new();
    let admin = server.admin();
    let grace = server.token(2, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let run = server.token(3, TokenKind::AgentRun, Scope::ReadWrite, Role::Member);
    let all = server.get("/admin/pats", &admin).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2, "no agent run");
    let owner = fixtures::user(2).id;
    let path =
        format!("/admin/pats?user={owner}&scope=read_write&status=live&unusedSince=2030-01-01");
    let found = server.get(&path, &admin).await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["owner"]["email"], "user2@example.com");
    let id = found["items"][0]["id"].as_str().unwrap();
    let path = format!("/admin/pats/{id}");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(
        server.get("/me", &grace).await.problem(401),
        "token_revoked"
    );
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
    assert_eq!(server.get("/me", &run).await.status, 200);
}

#[tokio::test]
async fn a_bulk_revocation_shows_first_what_it_would_end_and_keeps_the_acting_token() {
    let server = Server::new();
    let admin = server.admin();
    let grace = server.token(2, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let other = server.issue(&admin, Scope::Admin, Expiry::Never).await;
    let body = json!({"status": "live", "dryRun": true});
    let preview = server
        .post("/admin/pats/revoke", &admin, &body)
        .await
        .json();
    assert_eq!(preview["dryRun"], true);
    assert_eq!(preview["count"], 2);
    assert_eq!(preview["keptOwn"], true);
    assert_eq!(server.get("/me", &grace).await.status, 200);
    // Nothing is revoked by omission.
    let answer = server
        .post("/admin/pats/revoke", &admin, &json!({"status": "live"}))
        .await;
    assert_eq!(answer.wrong_fields(), ["dryRun"]);
    assert_eq!(server.get("/me", &grace).await.status, 200);
    let body = json!({"status": "live", "dryRun": false});
    let done = server
        .post("/admin/pats/revoke", &admin, &body)
        .await
        .json();
    assert_eq!(done["items"], preview["items"]);
    assert_eq!(
        server.get("/me", &grace).await.problem(401),
        "token_revoked"
    );
    let other = other.secret.expose();
    assert_eq!(server.get("/me", other).await.problem(401), "token_revoked");
    assert_eq!(server.get("/me", &admin).await.status, 200);
    let again = server
        .post("/admin/pats/revoke", &admin, &body)
        .await
        .json();
    assert_eq!(again["count"], 0);
}

#[tokio::test]
async fn a_bulk_revocation_needs_a_filter_and_right_ones() {
    let server = Server::new();
    let admin = server.admin();
    for body in [json!({"dryRun": true}), json!({"dryRun": false})] {
        let answer = server.post("/admin/pats/revoke", &admin, &body).await;
        assert_eq!(answer.problem(400), "invalid_request", "{body}");
    }
    for (body, field) in [
        (json!({"user": "grace"}), "user"),
        (json!({"scope": "root"}), "scope"),
        (json!({"status": "dead"}), "status"),
        (json!({"unusedSince": "yesterday"}), "unusedSince"),
        (json!({"expiringBefore": 7}), "expiringBefore"),
        (json!({"dryRun": "perhaps"}), "dryRun"),
        (json!({"dryRun": "false"}), "dryRun"),
        (json!({"dryRun": 0}), "dryRun"),
        (json!({"status": "live", "dryRun": null}), "dryRun"),
        (json!({"owner": "usr_x"}), "owner"),
    ] {
        let mut body = body;
        if body.get("dryRun").is_none() {
            body["dryRun"] = json!(false);
        }
        let answer = server.post("/admin/pats/revoke", &admin, &body).await;
        assert_eq!(answer.wrong_fields(), [field], "{body}");
    }
    assert_eq!(server.get("/me", &admin).await.status, 200);
}
