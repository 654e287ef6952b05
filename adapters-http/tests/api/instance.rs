//! `/health`, `/ready`, discovery, the description, and paths where there is nothing.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::support::{Server, with_token};

#[tokio::test]
async fn probes_and_discovery_need_nothing() {
    let server = Server::new();
    for (path, expected) in [
        ("/health", json!({"status": "ok"})),
        ("/ready", json!({"status": "ok"})),
        (
            "/.well-known/openindex.json",
            json!({"apiUrl": "https://oi.example.com", "version": "1.2.3"}),
        ),
    ] {
        let answer = server.send(Request::get(path), Body::empty()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.json(), expected, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn the_description_says_of_every_route_what_it_needs() {
    let server = Server::new();
    let answer = server
        .send(Request::get("/openapi.json"), Body::empty())
        .await;
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut needs = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let need = operation["x-openindex-needs"].as_str().unwrap();
            let guarded = operation["security"].as_array().unwrap().len() == 1;
            assert_eq!(guarded, need != "nothing", "{method} {path}");
            needs.push(format!("{method} {path} {need}"));
        }
    }
    needs.sort();
    assert_eq!(
        needs,
        [
            "delete /admin/invites/{id} human_admin",
            "delete /admin/pats/{id} human_admin",
            "delete /me/pats/{id} human",
            "get /.well-known/openindex.json nothing",
            "get /admin/invites human_admin",
            "get /admin/pats human_admin",
            "get /admin/users human_admin",
            "get /admin/users/{id} human_admin",
            "get /audit human_admin",
            "get /audit/export human_admin",
            "get /health nothing",
            "get /me any_token",
            "get /me/pats human",
            "get /me/pats/{id} human",
            "get /openapi.json nothing",
            "get /ready nothing",
            "get /stats human_admin",
            "patch /admin/users/{id} human_admin",
            "post /admin/invites human_admin",
            "post /admin/pats/revoke human_admin",
            "post /admin/users/{id}/sign-in-link human_admin",
            "post /admin/users/{id}/suspend human_admin",
            "post /admin/users/{id}/unsuspend human_admin",
            "post /auth/invites/claim nothing",
            "post /credentials/revoke nothing",
            "post /me/pats human",
            "post /me/pats/{id}/rotate human",
        ]
    );
}

#[tokio::test]
async fn a_path_where_there_is_nothing_is_404_with_or_without_a_token() {
    let server = Server::new();
    let admin = server.admin();
    for path in [
        "/nothing",
        "/me/",
        "/me/pats/a/b",
        "/ME",
        "/health/x",
        "/%ff",
    ] {
        assert_eq!(server.get(path, &admin).await.problem(404), "not_found");
        let answer = server.send(Request::get(path), Body::empty()).await;
        assert_eq!(answer.problem(404), "not_found");
    }
    let answer = server.get("/me/", &admin).await;
    let detail = answer.json()["detail"].to_string();
    assert!(detail.contains("no slash at their end"), "{detail}");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_answer_is_405_with_allow() {
    let server = Server::new();
    let admin = server.admin();
    for (method, path, allow) in [
        (Method::PUT, "/me", "GET,HEAD"),
        (Method::DELETE, "/me/pats", "GET,HEAD,POST"),
        (Method::GET, "/me/pats/x/rotate", "POST"),
        (Method::OPTIONS, "/admin/users", "GET,HEAD"),
        (Method::POST, "/health", "GET,HEAD"),
    ] {
        let request = with_token(method.clone(), path, &admin);
        let answer = server.send(request, Body::empty()).await;
        assert_eq!(answer.problem(405), "method_not_allowed", "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let server = Server::new();
    let answer = server.send(Request::get("/health"), Body::empty()).await;
    assert!(answer.header("x-request-id").starts_with("req_"));
    let request = Request::get("/health").header("x-request-id", "from-the-proxy");
    let answer = server.send(request, Body::empty()).await;
    assert_eq!(answer.header("x-request-id"), "from-the-proxy");
    let request = Request::get("/health").header("x-request-id", "two words");
    let answer = server.send(request, Body::empty()).await;
    assert!(answer.header("x-request-id").starts_with("req_"));
}
