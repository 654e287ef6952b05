//! `/me/token`: the token of the request.

use axum::body::Body;
use http::Method;
use openindex_domain::token::{Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::json;

use crate::support::{Server, with_token};

#[tokio::test]
async fn returns_the_token_as_it_is_in_me() {
    let server = Server::new();
    let admin = server.admin();
    let run = server.token(2, TokenKind::AgentRun, Scope::ReadWrite, Role::Admin);
    for token in [admin, run] {
        let me = server.get("/me", &token).await.ok();
        assert_eq!(server.get("/me/token", &token).await.ok(), me["token"]);
    }
}

#[tokio::test]
async fn a_token_deletes_itself_and_its_runs() {
    let server = Server::new();
    let member = server.member(1);
    let (_, run) = server.start_run(&member, "agent-1", None).await;
    assert_eq!(server.delete("/me/token", &member).await.status, 204);
    for token in [&member, &run] {
        let again = server.delete("/me/token", token).await;
        assert_eq!(again.problem(401), "token_revoked");
    }
}

#[tokio::test]
async fn a_run_ends_itself_and_nothing_else() {
    let server = Server::new();
    let member = server.member(1);
    let (id, run) = server.start_run(&member, "agent-1", None).await;
    let (_, other) = server.start_run(&member, "agent-1", None).await;
    assert_eq!(server.delete("/me/token", &run).await.status, 204);
    assert_eq!(server.get("/me", &run).await.problem(401), "token_revoked");
    for token in [&other, &member] {
        assert_eq!(server.get("/me", token).await.status, 200);
    }
    let ended = server.get(&format!("/agent-runs/{id}"), &member).await.ok();
    assert_eq!(ended["status"], "revoked");
    // The trail names the run as who ended it.
    let admin = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    let events = server
        .get("/audit?action=agent_run.ended", &admin)
        .await
        .ok();
    assert_eq!(events["items"][0]["subject"], id, "{events}");
    assert_eq!(events["items"][0]["actor"]["credentialId"], id, "{events}");
}

#[tokio::test]
async fn a_token_rotates_itself() {
    let server = Server::new();
    let member = server.member(1);
    let rotated = server.post("/me/token/rotate", &member, &json!({})).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let body = rotated.json();
    let id = body["id"].as_str().expect("an id");
    assert_eq!(rotated.header("location"), format!("/me/pats/{id}"));
    let token = body["token"].as_str().expect("a secret");
    assert_eq!(server.get("/me/token", token).await.ok()["id"], id);
    assert_eq!(
        server.get("/me", &member).await.problem(401),
        "token_revoked"
    );
    let kept = json!({"overlapSeconds": 60, "expiresIn": 3600});
    let rotated = server.post("/me/token/rotate", token, &kept).await;
    assert_eq!(rotated.status, 201, "{rotated:?}");
    assert_eq!(server.get("/me", token).await.status, 200);
    let again = server.post("/me/token/rotate", token, &json!({})).await;
    assert_eq!(again.problem(409), "token_already_rotated");
}

#[tokio::test]
async fn what_cannot_be_rotated_is_not() {
    let server = Server::new();
    let run = server.token(1, TokenKind::AgentRun, Scope::ReadWrite, Role::Admin);
    let demoted = server.token(2, TokenKind::Personal, Scope::Admin, Role::Member);
    for (token, code) in [
        (&run, "human_token_required"),
        (&demoted, "insufficient_scope"),
    ] {
        let response = server.post("/me/token/rotate", token, &json!({})).await;
        assert_eq!(response.problem(403), code);
        assert_eq!(server.get("/me", token).await.status, 200);
    }
    let request = with_token(Method::POST, "/me/token/rotate", &demoted);
    let response = server.send(request, Body::from("{\"overlap\": 1}")).await;
    assert_ne!(response.status, 201);
}
