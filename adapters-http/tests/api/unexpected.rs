//! Every route rejects parts of a request that it does not read, but never before it knows the
//! caller.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;

use crate::support::Server;

/// Every operation of the description, with well-formed ids.
async fn operations(server: &Server, admin: &str) -> Vec<(Method, String, bool)> {
    let document = server.get("/openapi.json", admin).await.json();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("an object") {
        let id = if path.starts_with("/agent-runs") {
            "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
        } else if path.starts_with("/admin/users") {
            "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
        } else if path.starts_with("/admin/invites") {
            "inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
        } else {
            "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"
        };
        let path = path.replace("{id}", id).replace("{key}", "OPS-1");
        for (method, operation) in item.as_object().expect("operations") {
            let method = method.to_uppercase().parse().expect("a method");
            let body = operation.get("requestBody").is_some();
            found.push((method, path.clone(), body));
        }
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

#[tokio::test]
async fn an_unknown_query_parameter_is_an_error_on_every_route() {
    let server = Server::new();
    let admin = server.admin();
    for (method, path, has_body) in operations(&server, &admin).await {
        // The body is valid enough: the query is checked first.
        let body = if has_body { "{}" } else { "" };
        let request = Request::builder()
            .method(&method)
            .uri(format!("{path}?dryrun=true"))
            .header("authorization", format!("Bearer {admin}"))
            .header("content-type", "application/json");
        let response = server.send(request, Body::from(body)).await;
        assert_eq!(response.wrong_fields(), ["dryrun"], "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_is_an_error_on_routes_that_read_none() {
    let server = Server::new();
    let admin = server.admin();
    for (method, path, has_body) in operations(&server, &admin).await {
        // The body of a forwarded request belongs to another service.
        if has_body || path == "/auth/verify" {
            continue;
        }
        for body in [r#"{"dryRun": true}"#, "[]", "x", &"x".repeat(10_000)] {
            let request = Request::builder()
                .method(&method)
                .uri(&path)
                .header("authorization", format!("Bearer {admin}"))
                .header("content-type", "application/json");
            let response = server.send(request, Body::from(body.to_owned())).await;
            assert_eq!(response.status, 400, "{method} {path} {response:?}");
        }
    }
    let user = json!({});
    let path = "/admin/users/usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2/suspend";
    let response = server.post(path, &admin, &user).await;
    assert_eq!(
        response.problem(404),
        "not_found",
        "an empty object is fine"
    );
}

#[tokio::test]
async fn authorization_errors_come_first() {
    let server = Server::new();
    let request = Request::get("/me?x=1");
    let response = server.send(request, Body::from("x")).await;
    assert_eq!(response.problem(401), "authentication_required");
}

#[tokio::test]
async fn a_filter_that_is_left_blank_is_not_dropped() {
    let server = Server::new();
    let admin = server.admin();
    for (path, field) in [
        ("/admin/pats?status=", "status"),
        ("/admin/pats?user=%20", "user"),
        ("/admin/pats?limit=", "limit"),
        ("/admin/pats?cursor=", "cursor"),
        ("/audit?actor=", "actor"),
        ("/audit/export?format=", "format"),
        ("/audit/export?until=", "until"),
        ("/browse?q=", "q"),
        ("/browse?q=+", "q"),
        ("/browse?status=todo,,done", "status"),
        ("/browse?assignee=", "assignee"),
        ("/browse/queue?agentId=", "agentId"),
        ("/agent-runs?includeEnded=", "includeEnded"),
        ("/agent-runs?includeEnded=yes", "includeEnded"),
    ] {
        let response = server.get(path, &admin).await;
        assert_eq!(response.wrong_fields(), [field], "{path}");
    }
}

#[tokio::test]
async fn a_secret_in_the_place_of_a_name_is_not_repeated() {
    let server = Server::new();
    let admin = server.admin();
    let query = server.get(&format!("/me?{admin}=1"), &admin).await;
    let body = server
        .post("/me/pats", &admin, &json!({ (admin.as_str()): "x" }))
        .await;
    for response in [query, body] {
        assert_eq!(response.problem(400), "invalid_field");
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert!(!text.contains("oi_pat_"), "{text}");
        assert!(response.wrong_fields().contains(&"…".to_owned()), "{text}");
    }
}
