//! Conditional requests (RFC 9110 §13), on every route.

use std::collections::BTreeMap;
use std::slice;

use axum::body::Body;
use http::{HeaderName, Method, header};
use openindex_domain::token::{Expiry, Scope};
use serde_json::{Value, json};

use crate::support::{Server, TestResponse, with_token};

const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

/// Existing objects that every change is tried on.
struct World {
    server: Server,
    admin: String,
    values: BTreeMap<&'static str, String>,
}

impl World {
    async fn new() -> Self {
        let server = Server::new();
        let admin = server.admin();
        server.member(2);
        let pat = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
        let (run, _) = server.start_run(&admin, "a", None).await;
        let key = server.make_item(&admin, json!({})).await;
        let email = json!({"email": "grace@example.com"});
        let invite = server.post("/admin/invites", &admin, &email).await.ok();
        let users = server.get("/admin/users", &admin).await.ok();
        let member = &users["items"][1]["id"];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let values = BTreeMap::from([
            ("/me/pats/{id}", pat.token.id.to_string()),
            ("/agent-runs/{id}", run),
            ("/admin/users/{id}", text(member)),
            ("/admin/invites/{id}", text(&invite["id"])),
            ("/admin/pats/{id}", pat.token.id.to_string()),
            ("/browse/{key}", key),
            ("secret", pat.secret.expose().to_owned()),
            ("code", text(&invite["code"])),
        ]);
        Self {
            server,
            admin,
            values,
        }
    }

    /// Returns a valid body of an operation.
    fn body(&self, operation: &str) -> Value {
        match operation {
            "createPat" => json!({"name": "ci", "scope": "read_write"}),
            "startAgentRun" => json!({"agentId": "a", "ttlSeconds": 600}),
            "updateUser" => json!({"role": "admin"}),
            "createInvite" => json!({"email": "alan@example.com"}),
            "revokeAdminPats" => json!({"status": "live", "dryRun": false}),
            "claimInvite" => {
                json!({"code": self.values["code"], "name": "Grace", "tokenName": "first"})
            }
            "introspectTokens" | "reportLeakedTokens" => json!({"tokens": [self.values["secret"]]}),
            "createWorkItem" => json!({"domain": "OPS", "title": "Another"}),
            "updateWorkItem" => json!({"priority": "high"}),
            "updateMe" => json!({"name": "Ada"}),
            _ => Value::Null,
        }
    }

    /// Returns every operation that changes something: its method, path and body.
    fn changes(&self) -> Vec<(Method, String, Value)> {
        let document = openindex_adapters_http::server::openapi();
        let document = serde_json::to_value(document).expect("JSON");
        let mut changes = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let method: Method = method.to_uppercase().parse().expect("a method");
                if method.is_safe() {
                    continue;
                }
                let id = operation["operationId"].as_str().expect("an id");
                let mut whole = path.clone();
                for (pattern, value) in &self.values {
                    if let Some(rest) = path.strip_prefix(pattern) {
                        let prefix = pattern.rsplit_once('/').expect("a path").0;
                        whole = format!("{prefix}/{value}{rest}");
                    }
                }
                assert!(!whole.contains('{'), "{whole} has no value in this test");
                changes.push((method, whole, self.body(id)));
            }
        }
        changes
    }

    async fn send(
        &self,
        (method, path, body): &(Method, String, Value),
        conditions: &[(HeaderName, &str)],
    ) -> TestResponse {
        let mut request = with_token(method.clone(), path, &self.admin);
        for (name, value) in conditions {
            request = request.header(name, *value);
        }
        if body.is_null() {
            return self.server.send(request, Body::empty()).await;
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.server
            .send(request, Body::from(body.to_string()))
            .await
    }

    /// Returns the visible state of the instance; the audit log has every change.
    async fn state(&self) -> Vec<Value> {
        let mut state = Vec::new();
        for path in [
            "/audit?limit=200",
            "/me/pats",
            "/agent-runs?includeEnded=true",
            "/browse",
            "/admin/users",
            "/admin/invites",
        ] {
            state.push(self.server.get(path, &self.admin).await.ok());
        }
        state
    }
}

#[tokio::test]
async fn a_false_condition_changes_nothing_on_any_route() {
    let world = World::new().await;
    let before = world.state().await;
    let changes = world.changes();
    assert!(changes.len() >= 20, "{changes:?}");
    for change in &changes {
        let (method, path, _) = change;
        for condition in [
            (header::IF_MATCH, "\"nonsense\""),
            (header::IF_MATCH, "\"8\", W/\"9\""),
            (header::IF_NONE_MATCH, "*"),
            (header::IF_UNMODIFIED_SINCE, DATE),
        ] {
            let response = world.send(change, slice::from_ref(&condition)).await;
            let code = response.problem(412);
            assert!(
                matches!(&*code, "precondition_failed" | "version_mismatch"),
                "{method} {path} {condition:?} {code}"
            );
        }
        for condition in [
            (header::IF_MATCH, "7"),
            (header::IF_NONE_MATCH, "\"7"),
            (header::IF_UNMODIFIED_SINCE, "yesterday"),
        ] {
            let response = world.send(change, slice::from_ref(&condition)).await;
            let code = response.problem(400);
            assert_eq!(code, "invalid_request", "{method} {path} {condition:?}");
        }
    }
    assert_eq!(world.state().await, before);
}

#[tokio::test]
async fn a_true_condition_lets_every_change_through() {
    for (name, value) in [
        (header::IF_MATCH, "*"),
        (header::IF_NONE_MATCH, "\"nonsense\""),
        (header::IF_UNMODIFIED_SINCE, "Thu, 31 Dec 9998 23:59:59 GMT"),
        (header::IF_MODIFIED_SINCE, DATE),
    ] {
        let count = World::new().await.changes().len();
        for index in 0..count {
            let world = World::new().await;
            let change = &world.changes()[index];
            let response = world.send(change, &[(name.clone(), value)]).await;
            let (method, path, _) = change;
            // These have no clock, and reject every date.
            let is_open = ["/auth/invites/claim", "/credentials/revoke"].contains(&&**path);
            if is_open && name == header::IF_UNMODIFIED_SINCE {
                assert_eq!(response.problem(412), "precondition_failed");
                continue;
            }
            assert!(response.status.is_success(), "{method} {path} {response:?}");
        }
    }
}

#[tokio::test]
async fn without_permission_a_condition_is_not_looked_at() {
    let world = World::new().await;
    for (method, path, _) in world.changes() {
        let guarded = !["/auth/invites/claim", "/credentials/revoke"].contains(&&*path);
        let request = http::Request::builder()
            .method(method)
            .uri(&path)
            .header(header::IF_MATCH, "\"nonsense\"");
        let response = world.server.send(request, Body::empty()).await;
        response.problem(if guarded { 401 } else { 412 });
    }
}

#[tokio::test]
async fn a_condition_on_what_does_not_exist_leaves_404_or_says_412() {
    let world = World::new().await;
    let gone = world.values["/me/pats/{id}"].clone();
    let path = format!("/me/pats/{gone}");
    world.server.delete(&path, &world.admin).await;
    let delete = (Method::DELETE, path, Value::Null);
    let response = world.send(&delete, &[(header::IF_MATCH, "*")]).await;
    assert_eq!(response.problem(404), "not_found");
    let item = (Method::DELETE, "/browse/OPS-99".to_owned(), Value::Null);
    for condition in [(header::IF_MATCH, "\"1\""), (header::IF_NONE_MATCH, "*")] {
        let response = world.send(&item, &[condition]).await;
        assert_eq!(response.problem(404), "not_found");
    }
}

#[tokio::test]
async fn if_none_match_on_a_change_excludes_a_version() {
    let world = World::new().await;
    let path = format!("/browse/{}", world.values["/browse/{key}"]);
    let retitle = |title: &str| (Method::PATCH, path.clone(), json!({ "title": title }));
    for tags in ["\"1\"", "W/\"1\"", "\"7\", \"1\""] {
        let response = world
            .send(&retitle("No"), &[(header::IF_NONE_MATCH, tags)])
            .await;
        assert_eq!(response.problem(412), "version_mismatch", "{tags}");
    }
    let both = [
        (header::IF_MATCH, "\"1\""),
        (header::IF_NONE_MATCH, "\"2\""),
    ];
    let response = world.send(&retitle("Yes"), &both).await;
    assert_eq!(response.header("etag"), "\"2\"", "{response:?}");
}

#[tokio::test]
async fn a_read_with_a_known_tag_is_304_without_a_body() {
    let world = World::new().await;
    let path = format!("/browse/{}", world.values["/browse/{key}"]);
    let me = "/me".to_owned();
    for (method, path, condition, status) in [
        (Method::GET, &path, (header::IF_NONE_MATCH, "\"1\""), 304),
        (
            Method::GET,
            &path,
            (header::IF_NONE_MATCH, "\"7\", W/\"1\""),
            304,
        ),
        (Method::HEAD, &path, (header::IF_NONE_MATCH, "*"), 304),
        (Method::GET, &path, (header::IF_NONE_MATCH, "\"2\""), 200),
        (Method::GET, &path, (header::IF_NONE_MATCH, "1"), 200),
        (Method::GET, &path, (header::IF_MATCH, "\"1\""), 200),
        (Method::GET, &path, (header::IF_MATCH, "W/\"1\""), 200),
        (
            Method::GET,
            &path,
            (header::IF_NONE_MATCH, "\"1-gzip\""),
            304,
        ),
        (Method::GET, &path, (header::IF_MATCH, "\"2\""), 412),
        (Method::GET, &path, (header::IF_MODIFIED_SINCE, DATE), 200),
        (Method::GET, &me, (header::IF_NONE_MATCH, "\"1\""), 200),
        (Method::GET, &me, (header::IF_NONE_MATCH, "*"), 304),
        (Method::GET, &me, (header::IF_MATCH, "*"), 200),
        (Method::GET, &me, (header::IF_MATCH, "\"1\""), 412),
    ] {
        let request = (method, path.clone(), Value::Null);
        let response = world.send(&request, slice::from_ref(&condition)).await;
        assert_eq!(response.status, status, "{path} {condition:?}");
        if status == 304 {
            assert!(response.body.is_empty());
            assert_eq!(response.header("content-type"), "");
            if *path != me {
                assert_eq!(response.header("etag"), "\"1\"");
            }
        }
    }
    // Other errors take precedence.
    let request = (Method::GET, "/browse/OPS-99".to_owned(), Value::Null);
    let response = world.send(&request, &[(header::IF_NONE_MATCH, "*")]).await;
    assert_eq!(response.problem(404), "not_found");
}
