//! `/audit`

use std::net::IpAddr;

use axum::body::Body;
use http::Method;
use openindex_adapters_http::server::PeerAddress;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope};
use serde_json::json;

use crate::support::{Server, with_token};

#[tokio::test]
async fn an_event_names_actor_subject_time_request_and_client() {
    let server = Server::new();
    let admin = server.admin();
    let own = server.get("/me", &admin).await.json()["token"]["id"].clone();
    let peer: IpAddr = "192.0.2.7".parse().unwrap();
    let request = with_token(Method::POST, "/me/pats", &admin)
        .header("content-type", "application/json")
        .header("x-request-id", "req-7")
        .header("x-forwarded-for", "203.0.113.1")
        .extension(PeerAddress(peer));
    let body = json!({"name": "ci", "scope": "admin"}).to_string();
    let created = server.send(request, Body::from(body)).await.json();
    let mut trail = server.get("/audit", &admin).await.json();
    let event = &mut trail["items"][0];
    assert!(event["id"].take().as_str().unwrap().starts_with("evt_"));
    assert_eq!(
        *event,
        json!({
            "id": null,
            "at": "2026-11-24T06:00:00.000Z",
            "actor": {
                "kind": "token",
                "userId": fixtures::user(1).id.to_string(),
                "credentialId": own,
            },
            "action": "token.issued",
            "subject": created["id"],
            "related": null,
            "emailChange": null,
            "requestId": "req-7",
            "clientAddress": "192.0.2.7",
        })
    );
}

#[tokio::test]
async fn the_trail_is_filtered_and_paged() {
    let server = Server::new();
    let admin = server.admin();
    let mut ids = vec![];
    for _ in 0..5 {
        server.clock.advance_seconds(1);
        let issued = server.issue(&admin, Scope::ReadWrite, Expiry::Never).await;
        ids.push(issued.token.id.to_string());
    }
    ids.reverse();
    let mut seen = vec![];
    let mut path = "/audit?action=token.issued&limit=2".to_owned();
    loop {
        let page = server.get(&path, &admin).await.json();
        for event in page["items"].as_array().unwrap() {
            seen.push(event["subject"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        path = format!("/audit?action=token.issued&limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ids);
    let path = format!("/audit?subject={}", ids[0]);
    let about = server.get(&path, &admin).await.json();
    assert_eq!(about["items"].as_array().unwrap().len(), 1);
    let path = "/audit?since=2026-11-24T06:00:02Z&until=2026-11-24T06:00:04Z";
    let between = server.get(path, &admin).await.json();
    assert_eq!(between["items"].as_array().unwrap().len(), 2);
    for (query, field) in [
        ("actor=ada", "actor"),
        ("action=nothing", "action"),
        ("subject=evt_x", "subject"),
        ("since=yesterday", "since"),
        ("cursor=1", "cursor"),
        ("format=csv", "format"),
    ] {
        let answer = server.get(&format!("/audit?{query}"), &admin).await;
        assert_eq!(answer.wrong_fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn an_export_is_the_whole_trail_in_either_format() {
    let server = Server::new();
    let admin = server.admin();
    for _ in 0..250 {
        let issued = server.issue(&admin, Scope::ReadWrite, Expiry::Never).await;
        let path = format!("/me/pats/{}", issued.token.id);
        assert_eq!(server.delete(&path, &admin).await.status, 204);
    }
    let export = server.get("/audit/export", &admin).await;
    assert_eq!(export.header("content-type"), "application/json");
    assert!(export.header("content-disposition").contains("audit.json"));
    let events = export.json();
    let events = events.as_array().unwrap();
    assert_eq!(events.len(), 500, "more than two pages");
    let newest = server.get("/audit?limit=200", &admin).await.json();
    assert_eq!(events[..200], newest["items"].as_array().unwrap()[..]);

    let path = "/audit/export?format=csv&action=token.revoked";
    let export = server.get(path, &admin).await;
    let text = String::from_utf8(export.body.to_vec()).unwrap();
    assert_eq!(text.lines().count(), 251);
    assert!(text.starts_with("id,at,actorKind,"));
    let nothing = server
        .get("/audit/export?action=user.suspended", &admin)
        .await;
    assert_eq!(nothing.json(), json!([]));
    let answer = server.get("/audit/export?format=xml", &admin).await;
    assert_eq!(answer.wrong_fields(), ["format"]);
}
