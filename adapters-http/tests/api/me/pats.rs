//! `/me/pats`

use axum::body::Body;
use http::Method;
use openindex_adapters_http::server::PeerAddress;
use openindex_domain::audit::{AuditEvent, AuditFilter, AuditStore as _};
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::{Value, json};

use crate::support::{Server, with_token};

async fn audit_events(server: &Server) -> Vec<AuditEvent> {
    let filter = AuditFilter::default();
    let events = server.store.events(&filter, None, 10).await;
    events.expect("events").to_vec()
}

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_token_lives_from_its_creation_to_its_deletion() {
    let server = Server::new();
    let admin = server.admin();
    let body = json!({"name": " ci ", "scope": "read_write", "expiresAt": "2026-12-31"});
    let created = server.post("/me/pats", &admin, &body).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("cache-control"), "no-store");
    let mut pat = created.json();
    let secret = pat["token"].as_str().unwrap().to_owned();
    pat.as_object_mut().unwrap().remove("token");
    let id = pat["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), format!("/me/pats/{id}"));
    assert_eq!(
        pat,
        json!({
            "id": id,
            "name": "ci",
            "scope": "read_write",
            "createdAt": "2026-11-24T06:00:00.000Z",
            "expiresAt": "2027-01-01T00:00:00.000Z",
            "lastUsedAt": null,
            "status": "live",
            "lastFour": secret[51..],
        })
    );

    assert_eq!(server.get("/me", &secret).await.status, 200);
    server.clock.advance_seconds(1);
    server.tokens.flush_last_used().await.unwrap();
    let path = format!("/me/pats/{id}");
    let shown = server.get(&path, &admin).await;
    assert_eq!(shown.json()["lastUsedAt"], "2026-11-24T06:00:00.000Z");
    let list = server.get("/me/pats", &admin).await;
    assert_eq!(list.json()["items"][0], shown.json());
    assert!(!String::from_utf8_lossy(&list.body).contains(&secret));

    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(
        server.get("/me", &secret).await.problem(401),
        "token_revoked"
    );
    assert_eq!(server.get(&path, &admin).await.problem(404), "not_found");
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
    let list = server.get("/me/pats", &admin).await.json();
    assert!(!ids(&list).contains(&id));
}

#[tokio::test]
async fn an_expired_token_stays_on_the_list_until_it_is_deleted() {
    let server = Server::new();
    let admin = server.admin();
    let soon = Expiry::At(fixtures::NOW.saturating_add_millis(1));
    let token = server.create(&admin, Scope::ReadWrite, soon).await.token;
    server.clock.advance_millis(1);
    let path = format!("/me/pats/{}", token.id);
    assert_eq!(server.get(&path, &admin).await.json()["status"], "expired");
    let list = server.get("/me/pats", &admin).await.json();
    assert_eq!(list["items"][0]["status"], "expired");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
}

#[tokio::test]
async fn a_list_is_filtered_and_paged() {
    let server = Server::new();
    let admin = server.admin();
    let soon = Expiry::At(fixtures::NOW.saturating_add_millis(1));
    for number in 0..6 {
        let expiry = if number % 2 == 0 { soon } else { Expiry::Never };
        server.create(&admin, Scope::ReadWrite, expiry).await;
    }
    server.clock.advance_millis(1);
    let list = async |query: &str| server.get(&format!("/me/pats{query}"), &admin).await.json();
    let all = list("").await;
    assert_eq!((ids(&all).len(), &all["nextCursor"]), (7, &json!(null)));
    let statuses = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|item| item["status"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(statuses(&list("?status=live").await), ["live"; 4]);
    assert_eq!(statuses(&list("?status=expired").await), ["expired"; 3]);
    assert_eq!(ids(&list("?name=another").await).len(), 6);
    assert_eq!(ids(&list("?name=another&status=live").await).len(), 3);
    assert_eq!(ids(&list("?name=Another").await).len(), 0);
    let mut paged = Vec::new();
    let mut query = "?limit=3".to_owned();
    loop {
        let page = list(&query).await;
        paged.extend(ids(&page));
        match page["nextCursor"].as_str() {
            Some(cursor) => query = format!("?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(paged, ids(&all));
    for (query, field) in [
        ("?status=broken", "status"),
        ("?status=", "status"),
        ("?name=%20", "name"),
        ("?limit=0", "limit"),
        ("?limit=1001", "limit"),
        ("?limit=3.0", "limit"),
        ("?cursor=x", "cursor"),
        ("?after=x", "after"),
    ] {
        let response = server.get(&format!("/me/pats{query}"), &admin).await;
        assert_eq!(response.wrong_fields(), [field], "{query}");
    }
    assert_eq!(ids(&list("?limit=1000").await), ids(&all));
}

#[tokio::test]
async fn a_page_has_1000_tokens_at_most_and_unless_asked_otherwise() {
    let server = Server::new();
    let admin = server.admin();
    for number in 1..1_001 {
        let token = fixtures::token(number, fixtures::NOW);
        server.store.put_token(token, fixtures::digest(number));
    }
    let first = server.get("/me/pats", &admin).await.json();
    assert_eq!(ids(&first).len(), 1_000);
    let cursor = first["nextCursor"].as_str().unwrap();
    let path = format!("/me/pats?cursor={cursor}");
    let second = server.get(&path, &admin).await.json();
    assert_eq!(ids(&second).len(), 1);
    assert_eq!(second["nextCursor"], json!(null));
}

#[tokio::test]
async fn too_many_creations_within_24_hours_are_429_with_the_time_to_wait() {
    let server = Server::new();
    let admin = server.admin();
    // As many as the limit allows, all revoked, so that the quota is not reached.
    for number in 1_000..2_000 {
        let mut token = fixtures::token(number, fixtures::NOW);
        token.revoked_at = Some(fixtures::NOW);
        server.store.put_token(token, fixtures::digest(number));
    }
    server.clock.advance_seconds(60);
    let body = json!({"name": "ci", "scope": "admin"});
    let own = server.get("/me", &admin).await.json()["token"]["id"].clone();
    let rotate = format!("/me/pats/{}/rotate", own.as_str().unwrap());
    for (path, body) in [("/me/pats", &body), (rotate.as_str(), &json!({}))] {
        let response = server.post(path, &admin, body).await;
        assert_eq!(response.problem(429), "creation_rate_reached");
        assert_eq!(response.header("retry-after"), "86340");
        let detail = response.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("1000 new tokens") && detail.contains("2026-11-25T06:00:00"),
            "{detail}"
        );
    }
    server.clock.advance_seconds(86_340);
    assert_eq!(server.post("/me/pats", &admin, &body).await.status, 201);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let server = Server::new();
    let admin = server.admin();
    for (body, fields) in [
        (json!({}), &["name", "scope"][..]),
        (json!({"name": "", "scope": "root"}), &["name", "scope"]),
        (json!({"name": 7, "scope": ["admin"]}), &["name", "scope"]),
        (json!({"name": null, "scope": null}), &["name", "scope"]),
        (
            json!({"name": "x".repeat(101), "scope": "admin"}),
            &["name"],
        ),
        (json!({"name": "a\u{1b}[2J", "scope": "admin"}), &["name"]),
        (json!({"name": "ci", "scope": "Admin"}), &["scope"]),
        (
            json!({"name": "ci", "scope": "admin", "expiresAt": "2020-01-01"}),
            &["expiresAt"],
        ),
        (
            json!({"name": "ci", "scope": "admin", "expiresAt": "2026-11-24T06:00:00Z"}),
            &["expiresAt"],
        ),
        (
            json!({"name": "ci", "scope": "admin", "expiresAt": "10000-01-01T00:00:00Z"}),
            &["expiresAt"],
        ),
        (
            json!({"name": "ci", "scope": "admin", "expiresAt": 1_900_000_000}),
            &["expiresAt"],
        ),
        (
            json!({"name": "ci", "scope": "admin", "expires_at": "2026-12-31"}),
            &["expires_at"],
        ),
        (
            json!({"name": "ci", "scope": "admin", "token": "oi_pat_x"}),
            &["token"],
        ),
    ] {
        let response = server.post("/me/pats", &admin, &body).await;
        assert_eq!(response.wrong_fields(), fields, "{body}");
    }
    assert_eq!(audit_events(&server).await, vec![]);
}

#[tokio::test]
async fn blank_or_absent_expiry_never_expires_and_names_may_repeat() {
    let server = Server::new();
    let admin = server.admin();
    for expiry in [json!(null), json!(""), json!("  ")] {
        let body = json!({"name": "ci", "scope": "admin", "expiresAt": expiry});
        let created = server.post("/me/pats", &admin, &body).await.json();
        assert_eq!(created["expiresAt"], json!(null));
    }
}

#[tokio::test]
async fn a_lifetime_is_counted_by_the_servers_clock() {
    let server = Server::new();
    let admin = server.admin();
    let body = json!({"name": "ci", "scope": "admin", "expiresIn": 3600});
    let created = server.post("/me/pats", &admin, &body).await.json();
    assert_eq!(created["expiresAt"], "2026-11-24T07:00:00.000Z");
    let path = format!("/me/pats/{}/rotate", created["id"].as_str().unwrap());
    let rotated = server.post(&path, &admin, &json!({"expiresIn": 1})).await;
    assert_eq!(rotated.json()["expiresAt"], "2026-11-24T06:00:01.000Z");
    // A whole number from 1 up to the end of the calendar.
    for lifetime in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(253_402_300_799_i64),
    ] {
        let body = json!({"name": "ci", "scope": "admin", "expiresIn": lifetime});
        let response = server.post("/me/pats", &admin, &body).await;
        assert_eq!(response.wrong_fields(), ["expiresIn"], "{body}");
    }
    for (path, mut body) in [
        ("/me/pats", json!({"name": "ci", "scope": "admin"})),
        (&path, json!({})),
    ] {
        body["expiresAt"] = json!("2026-12-31");
        body["expiresIn"] = json!(60);
        let response = server.post(path, &admin, &body).await;
        assert_eq!(
            response.wrong_fields(),
            ["expiresAt", "expiresIn"],
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_expiry_in_the_past_is_an_error_with_the_servers_time() {
    let server = Server::new();
    let admin = server.admin();
    let body = json!({"name": "ci", "scope": "admin", "expiresAt": "2026-11-24T05:59:59Z"});
    let response = server.post("/me/pats", &admin, &body).await;
    assert_eq!(
        response.json()["errors"][0]["message"],
        "must be in the future (server time: 2026-11-24T06:00:00.000Z)"
    );
}

#[tokio::test]
async fn a_day_that_is_today_west_of_greenwich_and_has_ended_in_utc_is_told_as_that() {
    let server = Server::new();
    let admin = server.admin();
    let token = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let rotate = format!("/me/pats/{}/rotate", token.token.id);
    for (path, mut body) in [
        ("/me/pats", json!({"name": "ci", "scope": "admin"})),
        (rotate.as_str(), json!({})),
    ] {
        body["expiresAt"] = json!("2026-11-23");
        let response = server.post(path, &admin, &body).await;
        assert_eq!(response.wrong_fields(), ["expiresAt"]);
        assert_eq!(
            response.json()["errors"][0]["message"],
            "must be in the future: 2026-11-23 has already ended in UTC; choose 2026-11-24 or later \
             (server time: 2026-11-24T06:00:00.000Z)"
        );
        // Today in UTC, whatever the date is elsewhere.
        body["expiresAt"] = json!("2026-11-24");
        let created = server.post(path, &admin, &body).await.json();
        assert_eq!(created["expiresAt"], "2026-11-25T00:00:00.000Z");
    }
}

#[tokio::test]
async fn no_token_makes_a_mightier_one() {
    let server = Server::new();
    let weak = server.token(1, TokenKind::Personal, Scope::ReadWrite, Role::Admin);
    let body = json!({"name": "up", "scope": "admin"});
    let response = server.post("/me/pats", &weak, &body).await;
    assert_eq!(response.problem(403), "insufficient_scope");
    let demoted = server.token(2, TokenKind::Personal, Scope::Admin, Role::Member);
    let response = server.post("/me/pats", &demoted, &body).await;
    assert_eq!(response.problem(403), "insufficient_scope");
    let body = json!({"name": "same", "scope": "read_write"});
    assert_eq!(server.post("/me/pats", &weak, &body).await.status, 201);
}

#[tokio::test]
async fn a_weak_token_does_not_rotate_a_mightier_one() {
    let server = Server::new();
    let admin = server.admin();
    let weak = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let mighty = server.create(&admin, Scope::Admin, Expiry::Never).await;
    let path = format!("/me/pats/{}/rotate", mighty.token.id);
    let response = server.post(&path, weak.secret.expose(), &json!({})).await;
    assert_eq!(response.problem(403), "insufficient_scope");
    assert_eq!(server.get("/me", mighty.secret.expose()).await.status, 200);
}

#[tokio::test]
async fn an_agent_run_token_is_denied_on_every_route() {
    let server = Server::new();
    let admin = server.admin();
    let pat = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let run = server.token(1, TokenKind::AgentRun, Scope::Admin, Role::Admin);
    let one = format!("/me/pats/{}", pat.token.id);
    let rotate = format!("{one}/rotate");
    for (method, path) in [
        (Method::GET, "/me/pats"),
        (Method::POST, "/me/pats"),
        (Method::GET, &one),
        (Method::DELETE, &one),
        (Method::POST, &rotate),
    ] {
        let request = with_token(method.clone(), path, &run);
        let response = server.send(request, Body::empty()).await;
        assert_eq!(
            response.problem(403),
            "human_token_required",
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn what_belongs_to_someone_else_is_not_there() {
    let server = Server::new();
    let admin = server.admin();
    let other = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    let pat = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let foreign = format!("/me/pats/{}", pat.token.id);
    for path in [
        foreign.as_str(),
        "/me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "/me/pats/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "/me/pats/x",
        "/me/pats/%ff",
        "/me/pats/..%2f..%2fadmin",
    ] {
        let alike = server.get(path, &other).await;
        assert_eq!(alike.problem(404), "not_found", "{path}");
        assert_eq!(
            alike.json(),
            server.get(&foreign, &other).await.json(),
            "{path}"
        );
        assert_eq!(server.delete(path, &other).await.problem(404), "not_found");
        let rotate = format!("{path}/rotate");
        let response = server.post(&rotate, &other, &json!({})).await;
        assert_eq!(response.problem(404), "not_found", "{path}");
    }
    assert_eq!(server.get("/me", pat.secret.expose()).await.status, 200);
}

#[tokio::test]
async fn the_limit_of_live_tokens_is_409() {
    let server = Server::new();
    let admin = server.admin();
    for _ in 1..100 {
        server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    }
    let body = json!({"name": "one too many", "scope": "read_write"});
    let response = server.post("/me/pats", &admin, &body).await;
    assert_eq!(response.problem(409), "token_limit_reached");
}

#[tokio::test]
async fn rotation_ends_the_old_secret_as_the_new_one_begins() {
    let server = Server::new();
    let admin = server.admin();
    let expiry = Expiry::parse("2026-12-31").unwrap();
    let old = server.create(&admin, Scope::ReadWrite, expiry).await;
    let path = format!("/me/pats/{}/rotate", old.token.id);
    let request = with_token(Method::POST, &path, &admin);
    let rotated = server.send(request, Body::empty()).await;
    assert_eq!(rotated.status, 201, "no body at all is fine: {rotated:?}");
    let new = rotated.json();
    assert_eq!(new["name"], "another");
    assert_eq!(new["scope"], "read_write");
    assert_eq!(
        new["expiresAt"], "2027-01-01T00:00:00.000Z",
        "the expiry of the old token stays"
    );
    assert_ne!(new["id"], old.token.id.to_string());
    let secret = new["token"].as_str().unwrap();
    assert_eq!(server.get("/me", secret).await.status, 200);
    let response = server.get("/me", old.secret.expose()).await;
    assert_eq!(response.problem(401), "token_revoked");
    let twice = server.post(&path, &admin, &json!({})).await;
    assert_eq!(twice.problem(409), "token_already_rotated");
    assert_eq!(twice.json()["successorId"], new["id"]);
}

#[tokio::test]
async fn concurrent_rotations_name_the_successor() {
    let server = Server::new();
    let admin = server.admin();
    for body in [json!({}), json!({"overlapSeconds": 60})] {
        let old = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
        let path = format!("/me/pats/{}/rotate", old.token.id);
        let rotations = (0..8).map(|_| server.post(&path, &admin, &body));
        let responses = futures_util::future::join_all(rotations).await;
        let (won, lost): (Vec<_>, Vec<_>) = responses
            .iter()
            .partition(|response| response.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 7), "{responses:?}");
        for response in lost {
            assert_eq!(response.problem(409), "token_already_rotated");
            assert_eq!(response.json()["successorId"], won[0].json()["id"]);
        }
    }
}

#[tokio::test]
async fn only_its_owner_learns_that_a_token_was_rotated_and_only_until_it_is_deleted() {
    let server = Server::new();
    let (admin, other) = (server.admin(), server.member(2));
    let old = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let path = format!("/me/pats/{}", old.token.id);
    let rotate = format!("{path}/rotate");
    assert_eq!(server.post(&rotate, &admin, &json!({})).await.status, 201);
    // No one else learns that the token existed, and it is no longer listed.
    let response = server.post(&rotate, &other, &json!({})).await;
    assert_eq!(response.problem(404), "not_found");
    assert_eq!(server.get(&path, &admin).await.problem(404), "not_found");
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
    let deleted = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let path = format!("/me/pats/{}", deleted.token.id);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    let response = server
        .post(&format!("{path}/rotate"), &admin, &json!({}))
        .await;
    assert_eq!(response.problem(404), "not_found");
    // A token deleted during its overlap still has a successor.
    let old = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let path = format!("/me/pats/{}", old.token.id);
    let rotate = format!("{path}/rotate");
    let new = server
        .post(&rotate, &admin, &json!({"overlapSeconds": 60}))
        .await
        .json();
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    let response = server.post(&rotate, &admin, &json!({})).await;
    assert_eq!(response.problem(409), "token_already_rotated");
    assert_eq!(response.json()["successorId"], new["id"]);
}

#[tokio::test]
async fn both_tokens_work_during_a_rotations_overlap() {
    let server = Server::new();
    let admin = server.admin();
    let old = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
    let path = format!("/me/pats/{}/rotate", old.token.id);
    let body = json!({"overlapSeconds": 60, "expiresAt": ""});
    let new = server.post(&path, &admin, &body).await.json();
    assert_eq!(new["expiresAt"], json!(null));
    let again = server.post(&path, &admin, &json!({})).await;
    assert_eq!(again.problem(409), "token_already_rotated");
    let old_shown = server
        .get(&format!("/me/pats/{}", old.token.id), &admin)
        .await
        .json();
    assert_eq!(old_shown["replacedBy"], new["id"]);
    assert!(new.get("replacedBy").is_none());
    server.clock.advance_seconds(59);
    assert_eq!(server.get("/me", old.secret.expose()).await.status, 200);
    server.clock.advance_seconds(1);
    let response = server.get("/me", old.secret.expose()).await;
    assert_eq!(response.problem(401), "token_expired");
    let secret = new["token"].as_str().unwrap();
    assert_eq!(server.get("/me", secret).await.status, 200);
}

#[tokio::test]
async fn a_rotation_that_cannot_be_says_why() {
    let server = Server::new();
    let admin = server.admin();
    let soon = Expiry::At(fixtures::NOW.saturating_add_millis(1));
    let token = server.create(&admin, Scope::ReadWrite, soon).await.token;
    let path = format!("/me/pats/{}/rotate", token.id);
    for (body, field) in [
        (json!({"overlapSeconds": 86_401}), "overlapSeconds"),
        (json!({"overlapSeconds": -1}), "overlapSeconds"),
        (json!({"overlapSeconds": 1.5}), "overlapSeconds"),
        (json!({"overlapSeconds": "an hour"}), "overlapSeconds"),
        (json!({"expiresAt": "2020-01-01"}), "expiresAt"),
        (json!({"scope": "admin"}), "scope"),
    ] {
        let response = server.post(&path, &admin, &body).await;
        assert_eq!(response.wrong_fields(), [field], "{body}");
    }
    server.clock.advance_millis(1);
    let response = server.post(&path, &admin, &json!({})).await;
    assert_eq!(response.problem(409), "token_not_live");
}

#[tokio::test]
async fn a_token_can_delete_and_rotate_itself() {
    let server = Server::new();
    let admin = server.admin();
    let own = server.get("/me", &admin).await.json()["token"]["id"].clone();
    let path = format!("/me/pats/{}", own.as_str().unwrap());
    let rotated = server
        .post(&format!("{path}/rotate"), &admin, &json!({}))
        .await;
    let next = rotated.json();
    let (id, secret) = (
        next["id"].as_str().unwrap(),
        next["token"].as_str().unwrap(),
    );
    assert_eq!(
        server.get("/me", &admin).await.problem(401),
        "token_revoked"
    );
    let response = server.delete(&format!("/me/pats/{id}"), secret).await;
    assert_eq!(response.status, 204);
    assert_eq!(
        server.get("/me", secret).await.problem(401),
        "token_revoked"
    );
}

#[tokio::test]
async fn the_audit_log_records_who_did_what_in_which_request() {
    let server = Server::new();
    let admin = server.admin();
    let body = json!({"name": "ci", "scope": "read_write"}).to_string();
    let request = with_token(Method::POST, "/me/pats", &admin)
        .header("content-type", "application/json")
        .header("x-request-id", "0af7651916cd43dd8448eb211c80319c");
    let created = server.send(request, Body::from(body)).await.json();
    let events = audit_events(&server).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].action.as_str(), "token.created");
    assert_eq!(
        events[0].subject.to_string(),
        created["id"].as_str().unwrap()
    );
    assert_eq!(
        events[0].context.request_id.as_ref().unwrap().as_str(),
        "0af7651916cd43dd8448eb211c80319c"
    );
}

#[tokio::test]
async fn owners_and_administrators_see_what_identifies_a_token() {
    let server = Server::new();
    let admin = server.admin();
    let member = server.token(2, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let from = |address: &str, token: &str, method, path: &str| {
        let peer = PeerAddress(address.parse().expect("an address"));
        with_token(method, path, token).extension(peer)
    };
    let body = json!({"name": "ci", "scope": "read_write"}).to_string();
    let request = from("192.0.2.1", &member, Method::POST, "/me/pats")
        .header("content-type", "application/json");
    let created = server.send(request, Body::from(body)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let created = created.json();
    let secret = created["token"].as_str().expect("a secret").to_owned();
    let id = created["id"].as_str().expect("an id");
    server.clock.advance_seconds(1);
    let used = from("198.51.100.7", &secret, Method::GET, "/me");
    assert_eq!(server.send(used, Body::empty()).await.status, 200);
    server.tokens.flush_last_used().await.expect("recorded");
    let shown = server.get(&format!("/me/pats/{id}"), &member).await.json();
    let listed = server.get("/me/pats?search=CI", &member).await.json();
    let administered = server.get("/admin/pats", &admin).await.json();
    for pat in [&shown, &listed["items"][0], &administered["items"][0]] {
        assert_eq!(pat["id"], id);
        assert_eq!(pat["lastFour"], secret[51..], "{pat}");
        assert_eq!(pat["createdFrom"], "192.0.2.1");
        assert_eq!(pat["lastUsedFrom"], "198.51.100.7");
        assert_eq!(pat.get("revokedAt"), None);
        assert_eq!(pat.get("revokedBy"), None);
    }
    server.delete(&format!("/me/pats/{id}"), &member).await;
    let revoked = server.get("/me/pats?status=revoked", &member).await.json();
    assert_eq!(ids(&revoked), [id]);
    let pat = &revoked["items"][0];
    assert_eq!(pat["revokedBy"], "owner");
    assert_eq!(pat["revokedAt"], "2026-11-24T06:00:01.000Z");
    assert_eq!(
        server.get(&format!("/me/pats/{id}"), &member).await.status,
        404
    );
}

#[tokio::test]
async fn a_list_is_searched_and_sorted_page_by_page() {
    let server = Server::new();
    let admin = server.admin();
    for (name, expires) in [
        ("beta", "2026-12-31"),
        ("Alpha", "2027-12-31"),
        ("gamma", ""),
    ] {
        let body = json!({"name": name, "scope": "read_write", "expiresAt": expires});
        assert_eq!(server.post("/me/pats", &admin, &body).await.status, 201);
        server.clock.advance_seconds(1);
    }
    for (query, expected) in [
        ("sort=name", ["Alpha", "beta", "gamma", "token 1"]),
        ("sort=expiry", ["beta", "Alpha", "gamma", "token 1"]),
        ("sort=newest", ["gamma", "Alpha", "beta", "token 1"]),
        ("sort=last_used", ["token 1", "gamma", "Alpha", "beta"]),
    ] {
        server.tokens.flush_last_used().await.expect("recorded");
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/me/pats?limit=1&{query}{cursor}");
            let page = server.get(&path, &admin).await.json();
            names.push(
                page["items"][0]["name"]
                    .as_str()
                    .expect("a name")
                    .to_owned(),
            );
            let Some(next) = page["nextCursor"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
            let other = if query == "sort=name" {
                "newest"
            } else {
                "name"
            };
            let path = format!("/me/pats?sort={other}{cursor}");
            let response = server.get(&path, &admin).await;
            assert_eq!(response.status, 400, "{path}");
            let message = "must be the nextCursor of a page with the same sort";
            assert_eq!(response.json()["errors"][0]["message"], message);
        }
        assert_eq!(names, expected, "{query}");
    }
    for (query, field) in [
        ("sort=owner", "sort"),
        ("search=", "search"),
        ("search=%00", "search"),
        ("status=broken", "status"),
    ] {
        let response = server.get(&format!("/me/pats?{query}"), &admin).await;
        assert_eq!(response.status, 400, "{query}");
        assert_eq!(response.json()["errors"][0]["field"], field);
    }
}
