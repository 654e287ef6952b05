//! `/health`, `/ready`, discovery, the description, and unknown paths.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use openindex_adapters_http::server::{Guard, WorkItemsState, work_items_router};
use openindex_domain::testing::{InMemory, MemoryStore, fixtures};
use openindex_domain::token::TokenName;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Ports, Server, TestResponse, with_token};

#[tokio::test]
async fn probes_and_discovery_need_nothing() {
    let server = Server::new();
    for (path, expected) in [
        ("/health", json!({"status": "ok"})),
        ("/ready", json!({"status": "ok"})),
        (
            "/.well-known/openindex.json",
            json!({
                "apiUrl": "https://oi.example.com",
                "introspectionUrl": "https://oi.example.com/auth/introspect",
                "version": "1.2.3",
            }),
        ),
    ] {
        let response = server.send(Request::get(path), Body::empty()).await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.json(), expected, "{path}");
        assert_eq!(response.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn the_description_says_who_may_call_each_route() {
    let server = Server::new();
    let response = server
        .send(Request::get("/openapi.json"), Body::empty())
        .await;
    assert_eq!(response.header("content-type"), "application/json");
    let document = response.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut needs = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let need = operation["x-openindex-requires"].as_str().unwrap();
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
            "delete /admin/users/{id} human_admin",
            "delete /agent-runs/{id} human",
            "delete /browse/{key} any_token",
            "delete /me/pats/{id} human",
            "delete /me/token any_token",
            "get /.well-known/oauth-authorization-server nothing",
            "get /.well-known/openindex.json nothing",
            "get /admin/invites human_admin",
            "get /admin/pats human_admin",
            "get /admin/users human_admin",
            "get /admin/users/{id} human_admin",
            "get /agent-runs human",
            "get /agent-runs/{id} human",
            "get /audit human_admin",
            "get /audit/export human_admin",
            "get /auth/verify any_token",
            "get /browse any_token",
            "get /browse/queue any_token",
            "get /browse/{key} any_token",
            "get /health nothing",
            "get /me any_token",
            "get /me/pats human",
            "get /me/pats/{id} human",
            "get /me/token any_token",
            "get /openapi.json nothing",
            "get /ready nothing",
            "get /stats human_admin",
            "patch /admin/users/{id} human_admin",
            "patch /browse/{key} any_token",
            "patch /me human",
            "post /admin/invites human_admin",
            "post /admin/pats/revoke human_admin",
            "post /admin/users/{id}/sign-in-link human_admin",
            "post /admin/users/{id}/suspend human_admin",
            "post /admin/users/{id}/unsuspend human_admin",
            "post /agent-runs human",
            "post /auth/introspect any_token",
            "post /auth/invites/claim nothing",
            "post /browse any_token",
            "post /browse/{key}/claim any_token",
            "post /browse/{key}/complete any_token",
            "post /browse/{key}/release any_token",
            "post /credentials/revoke nothing",
            "post /me/pats human",
            "post /me/pats/{id}/rotate human",
            "post /me/token/rotate human",
        ]
    );
}

/// Collects all references in a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                found.push(reference.to_owned());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[track_caller]
fn assert_whole(document: &Value) {
    let mut found = Vec::new();
    references(document, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference within it");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let tags = document["tags"].as_array().expect("tags").iter();
    let tags: Vec<&Value> = tags.map(|tag| &tag["name"]).collect();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            assert!(tags.contains(&&operation["tags"][0]), "{operation}");
        }
    }
}

#[tokio::test]
async fn an_instance_without_work_items_does_not_mention_them() {
    let with = Server::new();
    let store = Arc::new(MemoryStore::default());
    let without = Ports {
        work_items: None,
        ..Ports::of(&store)
    };
    let without = Server::on(store, without);
    let work = |path: &String| path.starts_with("/browse");
    for (server, has_work) in [(&with, true), (&without, false)] {
        let admin = server.admin();
        let document = server.get("/openapi.json", &admin).await.json();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.keys().any(work), has_work);
        let schemas = document["components"]["schemas"].as_object().unwrap();
        assert_eq!(schemas.contains_key("WorkItem"), has_work);
        let tags = document["tags"].as_array().unwrap();
        assert_eq!(tags.iter().any(|tag| tag["name"] == "work items"), has_work);
        assert_whole(&document);
        let docs = server.send(Request::get("/docs"), Body::empty()).await;
        let docs = String::from_utf8_lossy(&docs.body).into_owned();
        assert_eq!(docs.contains("/browse/{key}/claim"), has_work);
        let response = server.get("/browse", &admin).await;
        assert_eq!(response.status == 200, has_work);
        assert_eq!(server.get("/agent-runs", &admin).await.status, 200);
    }
    let admin = without.admin();
    for path in ["/browse", "/browse/OPS-1", "/browse/queue"] {
        assert_eq!(without.get(path, &admin).await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn work_items_can_be_mounted_alone() {
    let domain = InMemory::default();
    let ada = fixtures::user(1);
    let name = TokenName::parse("admin").unwrap();
    let admin = domain.users.bootstrap(ada.email, ada.name, name);
    let admin = admin.await.unwrap().issued.secret;
    let router = work_items_router(WorkItemsState {
        work_items: domain.work_items.clone(),
        guard: Guard::new(domain.tokens.clone()),
    });
    for (path, token, status) in [
        ("/browse", admin.expose(), 200),
        ("/browse", "", 401),
        ("/me", admin.expose(), 404),
    ] {
        let request = with_token(Method::GET, path, token).body(Body::empty());
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
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
        "/browse/",
        "/browse/OPS-1/claim/x",
        "/agent-runs/a/b",
        "/%ff",
    ] {
        assert_eq!(server.get(path, &admin).await.problem(404), "not_found");
        let response = server.send(Request::get(path), Body::empty()).await;
        assert_eq!(response.problem(404), "not_found");
    }
    let response = server.get("/me/", &admin).await;
    let detail = response.json()["detail"].to_string();
    assert!(detail.contains("paths have no trailing slash"), "{detail}");
}

#[tokio::test]
async fn an_unsupported_method_is_405_with_allow() {
    let server = Server::new();
    let admin = server.admin();
    for (method, path, allow) in [
        (Method::PUT, "/me", "GET,HEAD,PATCH"),
        (Method::DELETE, "/me/pats", "GET,HEAD,POST"),
        (Method::GET, "/me/pats/x/rotate", "POST"),
        (Method::POST, "/health", "GET,HEAD"),
        (Method::PUT, "/browse/OPS-1", "GET,HEAD,PATCH,DELETE"),
        (Method::GET, "/browse/OPS-1/claim", "POST"),
        (Method::DELETE, "/browse/queue", "GET,HEAD"),
        (Method::PATCH, "/agent-runs", "GET,HEAD,POST"),
    ] {
        let request = with_token(method.clone(), path, &admin);
        let response = server.send(request, Body::empty()).await;
        assert_eq!(
            response.problem(405),
            "method_not_allowed",
            "{method} {path}"
        );
        assert_eq!(response.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn options_names_the_methods_of_a_path_and_of_the_server() {
    let server = Server::new();
    for (path, allow) in [
        ("/me", "GET,HEAD,PATCH"),
        ("/browse/OPS-1", "GET,HEAD,PATCH,DELETE"),
        ("/admin/pats/revoke", "POST"),
        ("/sign-in", "GET,HEAD,POST"),
        ("*", "GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
    ] {
        let request = Request::options(path);
        let response = server.send(request, Body::empty()).await;
        assert_eq!(response.status, 204, "{path} {response:?}");
        assert_eq!(response.header("allow"), allow, "{path}");
        assert!(response.body.is_empty());
    }
    let response = server.send(Request::options("/no/such"), Body::empty());
    assert_eq!(response.await.problem(404), "not_found");
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let document = openindex_adapters_http::server::openapi();
    let mut seen = 0;
    for (path, item) in &document.paths.paths {
        if item.get.is_none() {
            continue;
        }
        seen += 1;
        let path = path.replace("{key}", &key);
        let get = server.get(&path, &admin).await;
        let request = with_token(Method::HEAD, &path, &admin);
        let head = server.send(request, Body::empty()).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        let without_id = |response: &TestResponse| {
            let mut headers = response.headers.clone();
            headers.remove("x-request-id");
            headers
        };
        assert_eq!(without_id(&head), without_id(&get), "{path}");
    }
    assert!(seen > 10);
}

#[tokio::test]
async fn under_a_prefix_locations_and_the_description_stay_under_it() {
    let server = Server::at("https://example.com/me");
    let admin = server.admin();
    let response = server.get("/openapi.json", "").await;
    let servers = &response.json()["servers"];
    assert_eq!(*servers, json!([{"url": "https://example.com/me"}]));
    let response = server.get("/.well-known/openindex.json", "").await;
    assert_eq!(response.json()["apiUrl"], "https://example.com/me");
    let pat = json!({"name": "ci", "scope": "read_write"});
    let run = json!({"agentId": "a", "ttlSeconds": 600});
    let item = json!({"domain": "OPS", "title": "Fix the pump"});
    for (path, body) in [("/me/pats", pat), ("/agent-runs", run), ("/browse", item)] {
        let created = server.post(path, &admin, &body).await;
        assert_eq!(created.status, 201, "{created:?}");
        // The proxy strips the prefix.
        let path = created.header("location").strip_prefix("/me");
        let found = server.get(path.expect("the prefix"), &admin).await;
        assert_eq!(found.status, 200, "{created:?}");
    }
    let response = server.get("/settings/tokens", "").await;
    let to = response.header("location");
    assert!(to.starts_with("/me/sign-in?next=%2Fsettings"), "{to}");
}

#[tokio::test]
async fn every_response_has_a_request_id() {
    let server = Server::new();
    let response = server.send(Request::get("/health"), Body::empty()).await;
    assert!(response.header("x-request-id").starts_with("req_"));
    let request =
        Request::get("/health").header("x-request-id", "0af7651916cd43dd8448eb211c80319c");
    let response = server.send(request, Body::empty()).await;
    assert_eq!(
        response.header("x-request-id"),
        "0af7651916cd43dd8448eb211c80319c"
    );
    let request = Request::get("/health").header("x-request-id", "two words");
    let response = server.send(request, Body::empty()).await;
    assert!(response.header("x-request-id").starts_with("req_"));
}
