//! `/admin/pats`

use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::{Value, json};

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
async fn a_bulk_revocation_has_a_dry_run_and_never_revokes_the_acting_token() {
    let server = Server::new();
    let admin = server.admin();
    let grace = server.token(2, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let other = server.create(&admin, Scope::Admin, Expiry::Never).await;
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
    let response = server
        .post("/admin/pats/revoke", &admin, &json!({"status": "live"}))
        .await;
    assert_eq!(response.wrong_fields(), ["dryRun"]);
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
async fn exactly_what_the_dry_run_named_is_revoked_or_nothing() {
    let server = Server::new();
    let admin = server.admin();
    let path = "/admin/pats/revoke";
    let grace = server.token(2, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let review = json!({"scope": "read_write", "dryRun": true});
    let reviewed = server.post(path, &admin, &review).await.json();
    assert_eq!(reviewed["nextCursor"], json!(null));
    let real =
        |expected: &Value| json!({"scope": "read_write", "dryRun": false, "expected": expected});
    let unseen = server.token(3, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let outdated = server
        .post(path, &admin, &real(&reviewed["expected"]))
        .await;
    assert_eq!(outdated.problem(409), "review_outdated");
    for token in [&grace, &unseen] {
        assert_eq!(server.get("/me", token).await.status, 200);
    }
    // A dry run with an outdated value says so as well.
    let mut again = review.clone();
    again["expected"] = reviewed["expected"].clone();
    let still = server.post(path, &admin, &again).await;
    assert_eq!(still.problem(409), "review_outdated");
    let current = server.post(path, &admin, &review).await.json();
    let matching = &outdated.json()["matching"];
    assert_eq!(matching["count"], 2);
    assert_eq!(matching["expected"], current["expected"]);
    assert_ne!(reviewed["expected"], current["expected"]);
    let done = server.post(path, &admin, &real(&current["expected"])).await;
    assert_eq!(done.json()["items"], current["items"]);
    assert_eq!(done.json()["expected"], json!(null));
    for token in [&grace, &unseen] {
        assert_eq!(server.get("/me", token).await.problem(401), "token_revoked");
    }
    // The value identifies tokens that no longer exist.
    let twice = server.post(path, &admin, &real(&current["expected"])).await;
    assert_eq!(twice.problem(409), "review_outdated");
    assert_eq!(twice.json()["matching"]["count"], 0);
}

#[tokio::test]
async fn more_than_a_page_is_revoked_only_as_it_was_reviewed_and_all_of_it_can_be() {
    let server = Server::new();
    let admin = server.admin();
    let path = "/admin/pats/revoke";
    // The acting token is not among them.
    for user in 2..=202 {
        server.token(user, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    }
    let mut body = json!({"status": "live", "dryRun": false});
    let response = server.post(path, &admin, &body).await;
    assert_eq!(response.problem(409), "review_required");
    assert!(
        response.json()["detail"]
            .as_str()
            .unwrap()
            .starts_with("201 tokens match")
    );
    assert_eq!(response.json()["matching"], json!(null));
    body["dryRun"] = json!(true);
    let first = server.post(path, &admin, &body).await.json();
    let items = first["items"].as_array().unwrap();
    assert_eq!((&first["count"], items.len()), (&json!(201), 201));
    body["cursor"] = items[99]["id"].clone();
    let rest = server.post(path, &admin, &body).await.json();
    assert_eq!(rest["expected"], first["expected"]);
    assert_eq!(rest["items"].as_array().unwrap()[..], items[100..]);
    // A cursor is valid only in a dry run.
    body["dryRun"] = json!(false);
    body["expected"] = first["expected"].clone();
    let response = server.post(path, &admin, &body).await;
    assert_eq!(response.wrong_fields(), ["cursor"]);
    body["cursor"] = json!(null);
    let done = server.post(path, &admin, &body).await.json();
    assert_eq!(done["count"], 201);
}

#[tokio::test]
async fn a_bulk_revocation_needs_a_filter_and_right_ones() {
    let server = Server::new();
    let admin = server.admin();
    for body in [json!({"dryRun": true}), json!({"dryRun": false})] {
        let response = server.post("/admin/pats/revoke", &admin, &body).await;
        assert_eq!(response.problem(400), "invalid_request", "{body}");
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
        (json!({"status": "live", "expected": "x"}), "expected"),
        (json!({"status": "live", "expected": 2}), "expected"),
        (
            json!({"status": "live", "dryRun": true, "cursor": "x"}),
            "cursor",
        ),
    ] {
        let mut body = body;
        if body.get("dryRun").is_none() {
            body["dryRun"] = json!(false);
        }
        let response = server.post("/admin/pats/revoke", &admin, &body).await;
        assert_eq!(response.wrong_fields(), [field], "{body}");
    }
    assert_eq!(server.get("/me", &admin).await.status, 200);
}
