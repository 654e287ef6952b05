//! `/agent-runs`, and what an agent run token may and may not do.

use axum::body::Body;
use http::Method;
use openindex_domain::testing::{SeededEntropy, fixtures};
use openindex_domain::token::{Expiry, Scope, Secret, TokenId, TokenKind};
use openindex_domain::user::Role;
use serde_json::{Value, json};

use crate::support::{Server, TestResponse, with_token};

const UNKNOWN: &str = "/agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";

/// Sends a request with an empty body to every route whose access is one of `needs`.
async fn ask_all(server: &Server, needs: &[&str], token: &str) -> Vec<(String, TestResponse)> {
    let document = server.get("/openapi.json", token).await.json();
    let mut responses = Vec::new();
    for (path, item) in document["paths"].as_object().expect("an object") {
        for (method, operation) in item.as_object().expect("an object") {
            if !needs.contains(&operation["x-openindex-requires"].as_str().expect("a need")) {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            let id = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
            let target = path.replace("{id}", id).replace("{key}", "OPS-1");
            let request = with_token(method.clone(), &target, token);
            let response = server.send(request, Body::empty()).await;
            responses.push((format!("{method} {path}"), response));
        }
    }
    responses
}

fn ids(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn a_run_lives_from_its_start_to_its_end() {
    let server = Server::new();
    let admin = server.admin();
    let own = server.get("/me", &admin).await.json()["token"]["id"].clone();
    let body = json!({"agentId": "ci/nightly", "ttlSeconds": 3600, "scope": "read_write"});
    let started = server.post("/agent-runs", &admin, &body).await;
    assert_eq!(started.status, 201);
    assert_eq!(started.header("cache-control"), "no-store");
    let mut run = started.json();
    let secret = run.as_object_mut().unwrap().remove("token").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("oi_run_"), "{secret}");
    let id = run["id"].as_str().unwrap().to_owned();
    let path = format!("/agent-runs/{id}");
    assert_eq!(started.header("location"), path);
    assert_eq!(
        run,
        json!({
            "id": id,
            "agentId": "ci/nightly",
            "workItemKey": null,
            "scope": "read_write",
            "issuedBy": own,
            "createdAt": "2026-11-24T06:00:00.000Z",
            "expiresAt": "2026-11-24T07:00:00.000Z",
            "endedAt": null,
            "lastUsedAt": null,
            "status": "live",
        })
    );

    let me = server.get("/me", secret).await.json();
    assert_eq!(me["token"]["id"], id);
    assert_eq!(me["token"]["kind"], "agent_run");
    assert_eq!(me["token"]["effectiveScope"], "read_write");
    let expected = json!({"agentId": "ci/nightly", "workItemKey": null});
    assert_eq!(me["token"]["run"], expected);
    assert_eq!(server.get(&path, &admin).await.json(), run);
    let list = server.get("/agent-runs", &admin).await;
    assert_eq!(list.json(), json!({"items": [run], "nextCursor": null}));
    assert!(!String::from_utf8_lossy(&list.body).contains(secret));

    server.clock.advance_seconds(1);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(
        server.get("/me", secret).await.problem(401),
        "token_revoked"
    );
    let ended = server.get(&path, &admin).await.json();
    assert_eq!(ended["status"], "revoked");
    assert_eq!(ended["endedAt"], "2026-11-24T06:00:01.000Z");
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
    let list = server.get("/agent-runs", &admin).await.json();
    assert_eq!(list["items"], json!([]));
    let list = server.get("/agent-runs?includeEnded=true", &admin).await;
    assert_eq!(ids(&list.json()), [id]);
}

#[tokio::test]
async fn an_ended_run_says_whom_to_ask_for_a_new_one() {
    let server = Server::new();
    let admin = server.admin();
    let (ended, revoked) = server.start_run(&admin, "builder", None).await;
    let (_, expired) = server.start_run(&admin, "builder", None).await;
    let path = format!("/agent-runs/{ended}");
    server.clock.advance_seconds(1);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    server.clock.advance_seconds(3600);
    // Well-formed secrets that this instance does not know.
    let unknown = |kind| Secret::generate(kind, &SeededEntropy::new(99)).unwrap();
    let (own, unknown) = (unknown(TokenKind::Personal), unknown(TokenKind::AgentRun));
    for (secret, code, said) in [
        (
            revoked.as_str(),
            "token_revoked",
            "ended at 2026-11-24T06:00:01",
        ),
        (
            expired.as_str(),
            "token_expired",
            "ended at 2026-11-24T07:00:00",
        ),
        (unknown.expose(), "token_unknown", "unknown agent run token"),
    ] {
        for path in ["/browse", "/me", "/agent-runs"] {
            let response = server.get(path, secret).await;
            assert_eq!(response.problem(401), code, "{path}");
            let challenge = response.header("www-authenticate");
            assert!(challenge.contains("invalid_token"), "{challenge}");
            let problem = response.json();
            assert_eq!(problem.get("nextCommand"), None, "{problem}");
            let detail = problem["detail"].to_string();
            assert!(detail.contains(said), "{detail}");
            assert!(detail.contains("the user who started"), "{detail}");
            assert!(!detail.contains("create"), "{detail}");
        }
    }
    // The owner of a personal access token can create another.
    let problem = server.get("/me", own.expose()).await;
    assert_eq!(problem.problem(401), "token_unknown");
    assert_eq!(problem.json()["nextCommand"], "oi auth check");
}

#[tokio::test]
async fn a_run_expires_and_is_then_on_the_list_of_all() {
    let server = Server::new();
    let admin = server.admin();
    let (id, secret) = server.start_run(&admin, "builder", None).await;
    server.clock.advance_seconds(3600);
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_expired"
    );
    let list = server.get("/agent-runs", &admin).await.json();
    assert_eq!(list["items"], json!([]));
    let list = server.get("/agent-runs?includeEnded=true", &admin).await;
    let list = list.json();
    assert_eq!(ids(&list), [id.as_str()]);
    assert_eq!(list["items"][0]["status"], "expired");
    let path = format!("/agent-runs/{id}");
    // It may still be live by another server's clock.
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let server = Server::new();
    let admin = server.admin();
    for (body, fields) in [
        (json!({}), &["agentId", "ttlSeconds"][..]),
        (
            json!({"agentId": "a b", "ttlSeconds": 59}),
            &["agentId", "ttlSeconds"],
        ),
        (
            json!({"agentId": "", "ttlSeconds": 86_401}),
            &["agentId", "ttlSeconds"],
        ),
        (
            json!({"agentId": 7, "ttlSeconds": "soon"}),
            &["agentId", "ttlSeconds"],
        ),
        (json!({"agentId": "a", "ttlSeconds": null}), &["ttlSeconds"]),
        (
            json!({"agentId": "a", "ttlSeconds": 60, "workItemKey": "o-1"}),
            &["workItemKey"],
        ),
        (
            json!({"agentId": "a", "ttlSeconds": 60, "workItemKey": "OPS-1"}),
            &["workItemKey"],
        ),
        (
            json!({"agentId": "a", "ttlSeconds": 60, "scope": "root"}),
            &["scope"],
        ),
        (
            json!({"agentId": "a", "ttlSeconds": 60, "expiresAt": ""}),
            &["expiresAt"],
        ),
    ] {
        let response = server.post("/agent-runs", &admin, &body).await;
        assert_eq!(response.wrong_fields(), fields, "{body}");
    }
    let body = json!({"agentId": "a", "ttlSeconds": 60, "scope": "admin"});
    let response = server.post("/agent-runs", &admin, &body).await;
    assert_eq!(
        response.json()["errors"],
        json!([{
            "field": "scope",
            "message": "must be read_write; agent runs cannot administer the instance",
        }])
    );
    for (query, field) in [
        ("includeEnded=perhaps", "includeEnded"),
        ("limit=0", "limit"),
        ("cursor=pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", "cursor"),
        ("agentId=a", "agentId"),
    ] {
        let response = server.get(&format!("/agent-runs?{query}"), &admin).await;
        assert_eq!(response.wrong_fields(), [field], "{query}");
    }
    let list = server.get("/agent-runs?includeEnded=true", &admin).await;
    assert_eq!(list.json()["items"], json!([]));
}

#[tokio::test]
async fn a_run_never_outlives_the_token_that_started_it() {
    let server = Server::new();
    let admin = server.admin();
    let soon = Expiry::At(fixtures::NOW.saturating_add_seconds(90));
    let issuer = server.create(&admin, Scope::ReadWrite, soon).await;
    let (id, secret) = server.start_run(issuer.secret.expose(), "a", None).await;
    let run = server.get(&format!("/agent-runs/{id}"), &admin).await;
    assert_eq!(run.json()["expiresAt"], "2026-11-24T06:01:30.000Z");
    let path = format!("/me/pats/{}", issuer.token.id);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_revoked"
    );
}

#[tokio::test]
async fn rotating_a_token_ends_its_runs() {
    let server = Server::new();
    let admin = server.admin();
    let issuer = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let (_, secret) = server.start_run(issuer.secret.expose(), "a", None).await;
    let path = format!("/me/pats/{}/rotate", issuer.token.id);
    server.post(&path, &admin, &json!({})).await.ok();
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_revoked"
    );
}

#[tokio::test]
async fn a_suspension_ends_runs_for_good() {
    let server = Server::new();
    let admin = server.admin();
    let member = server.member(2);
    let (_, secret) = server.start_run(&member, "a", None).await;
    let path = format!("/admin/users/{}", fixtures::user(2).id);
    let none = json!({});
    let (suspend, unsuspend) = (format!("{path}/suspend"), format!("{path}/unsuspend"));
    server.post(&suspend, &admin, &none).await.ok();
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_revoked"
    );
    server.post(&unsuspend, &admin, &none).await.ok();
    assert_eq!(server.get("/me", &member).await.status, 200);
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_revoked"
    );
}

#[tokio::test]
async fn a_run_is_bound_to_open_work_and_ends_with_it() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let (_, secret) = server.start_run(&admin, "builder", Some(&key)).await;
    let me = server.get("/me", &secret).await.json();
    let expected = json!({"agentId": "builder", "workItemKey": key});
    assert_eq!(me["token"]["run"], expected);
    let complete = format!("/browse/{key}/complete");
    server.post(&complete, &admin, &json!({})).await.ok();
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_revoked"
    );
    let body = json!({"agentId": "builder", "workItemKey": key, "ttlSeconds": 60});
    let response = server.post("/agent-runs", &admin, &body).await;
    assert_eq!(response.problem(409), "work_item_resolved");
    assert_eq!(response.json()["nextCommand"], "oi queue list");
}

#[tokio::test]
async fn the_limit_of_live_runs_is_409() {
    let server = Server::new();
    let admin = server.admin();
    let issuer = fixtures::token(1, fixtures::NOW).id;
    for number in 10..1010 {
        let run = fixtures::run(number, issuer);
        server.store.put_token(run, fixtures::digest(number));
    }
    let body = json!({"agentId": "one-too-many", "ttlSeconds": 60});
    let response = server.post("/agent-runs", &admin, &body).await;
    assert_eq!(response.problem(409), "run_limit_reached");
    let detail = response.json()["detail"].to_string();
    assert!(detail.contains("1000 active agent runs"), "{detail}");
    let path = format!("/agent-runs/{}", fixtures::run(10, issuer).id);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(server.post("/agent-runs", &admin, &body).await.status, 201);
}

#[tokio::test]
async fn runs_and_tokens_of_other_users_are_not_found() {
    let server = Server::new();
    let admin = server.admin();
    let other = server.member(2);
    let (id, secret) = server.start_run(&admin, "a", None).await;
    let pat = server.create(&other, Scope::ReadWrite, Expiry::Never).await;
    let alike = server.get(UNKNOWN, &other).await.json();
    for path in [
        &format!("/agent-runs/{id}"),
        &format!("/agent-runs/{}", pat.token.id),
        UNKNOWN,
        "/agent-runs/x",
        "/agent-runs/%ff",
        "/agent-runs/..%2fme",
    ] {
        let response = server.get(path, &other).await;
        assert_eq!(response.problem(404), "not_found", "{path}");
        assert_eq!(response.json(), alike, "{path}");
        let response = server.delete(path, &other).await;
        assert_eq!(response.problem(404), "not_found", "{path}");
    }
    let list = server.get("/agent-runs?includeEnded=true", &other).await;
    assert_eq!(list.json()["items"], json!([]));
    assert_eq!(server.get("/me", &secret).await.status, 200);
    assert_eq!(server.get("/me", pat.secret.expose()).await.status, 200);
    let own = format!("/me/pats/{id}");
    assert_eq!(server.delete(&own, &admin).await.problem(404), "not_found");
}

#[tokio::test]
async fn pages_hold_every_run_once_and_the_newest_first() {
    let server = Server::new();
    let admin = server.admin();
    let issuer = fixtures::token(1, fixtures::NOW).id;
    let mut expected = Vec::new();
    for number in 10..17 {
        let run = fixtures::run(number, issuer);
        expected.insert(0, run.id.to_string());
        server.store.put_token(run, fixtures::digest(number));
    }
    let mut found = Vec::new();
    let mut path = "/agent-runs?limit=3".to_owned();
    loop {
        let page = server.get(&path, &admin).await.json();
        found.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        path = format!("/agent-runs?limit=3&cursor={cursor}");
    }
    assert_eq!(found, expected);
    assert!(found.iter().all(|id| id.parse::<TokenId>().is_ok()));
}

#[tokio::test]
async fn a_run_token_is_denied_where_a_personal_access_token_is_required() {
    let server = Server::new();
    let admin = server.admin();
    let (_, run) = server.start_run(&admin, "a", None).await;
    // Rejected even though no use case creates such a token.
    let mighty = server.token(1, TokenKind::AgentRun, Scope::Admin, Role::Admin);
    for run in [run, mighty] {
        let responses = ask_all(&server, &["human", "human_admin"], &run).await;
        assert!(responses.len() > 20, "{}", responses.len());
        for (route, response) in responses {
            assert_eq!(response.problem(403), "human_token_required", "{route}");
        }
    }
    let list = server.get("/agent-runs", &admin).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_ended_runs_token_is_rejected_everywhere() {
    let server = Server::new();
    let admin = server.admin();
    let (id, run) = server.start_run(&admin, "a", None).await;
    assert_eq!(server.get("/browse", &run).await.status, 200);
    let path = format!("/agent-runs/{id}");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    let guarded = ["any_token", "human", "human_admin"];
    let responses = ask_all(&server, &guarded, &run).await;
    assert!(responses.len() > 30, "{}", responses.len());
    for (route, response) in responses {
        assert_eq!(response.problem(401), "token_revoked", "{route}");
        let challenge = response.header("www-authenticate");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
}

#[tokio::test]
async fn the_audit_log_has_the_start_and_the_cause_of_the_end_of_runs() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let (id, _) = server.start_run(&admin, "builder", Some(&key)).await;
    let complete = format!("/browse/{key}/complete");
    server.post(&complete, &admin, &json!({})).await.ok();
    let audit_log = server.get(&format!("/audit?subject={id}"), &admin).await;
    let audit_log = audit_log.json();
    let mut events: Vec<(&str, &str)> = audit_log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            let text = |field: &str| event[field].as_str().unwrap();
            (text("action"), text("related"))
        })
        .collect();
    events.sort_unstable();
    let key = key.as_str();
    assert_eq!(
        events,
        [("agent_run.ended", key), ("agent_run.started", key)]
    );
    // Events about the item, and events related to it.
    let audit_log = server.get(&format!("/audit?subject={key}"), &admin).await;
    assert_eq!(audit_log.json()["items"].as_array().unwrap().len(), 4);
}
