//! `/audit`

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use http::Method;
use http_body_util::BodyExt as _;
use openindex_adapters_http::server::PeerAddress;
use openindex_adapters_http::wire::IncompleteExport;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, Scope, TokenKind, TokenStore as _};
use openindex_domain::user::{Role, User};
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
        .header("x-request-id", "0AF76519-16CD-43DD-8448-EB211C80319C")
        .header("x-forwarded-for", "203.0.113.1")
        .extension(PeerAddress(peer));
    let body = json!({"name": "ci", "scope": "admin"}).to_string();
    let created = server.send(request, Body::from(body)).await.json();
    let mut audit_log = server.get("/audit", &admin).await.json();
    let event = &mut audit_log["items"][0];
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
                "userName": "User 1",
                "credentialName": "token 1",
            },
            "action": "token.created",
            "subject": created["id"],
            "related": null,
            "subjectName": "ci",
            "relatedName": null,
            "emailChange": null,
            "requestId": "0af7651916cd43dd8448eb211c80319c",
            "clientAddress": "192.0.2.7",
        })
    );
}

#[tokio::test]
async fn the_audit_log_is_filtered_and_paged() {
    let server = Server::new();
    let admin = server.admin();
    let mut ids = vec![];
    for _ in 0..5 {
        server.clock.advance_seconds(1);
        let issued = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
        ids.push(issued.token.id.to_string());
    }
    ids.reverse();
    let mut seen = vec![];
    let mut path = "/audit?action=token.created&limit=2".to_owned();
    loop {
        let page = server.get(&path, &admin).await.json();
        for event in page["items"].as_array().unwrap() {
            seen.push(event["subject"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        path = format!("/audit?action=token.created&limit=2&cursor={cursor}");
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
        let response = server.get(&format!("/audit?{query}"), &admin).await;
        assert_eq!(response.wrong_fields(), [field], "{query}");
    }
}

#[tokio::test]
async fn an_export_is_the_whole_audit_log_in_either_format() {
    let server = Server::new();
    let admin = server.admin();
    for _ in 0..250 {
        let issued = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
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
    assert!(text.contains(",emailTo,actorUserName,actorCredentialName,subjectName,relatedName\n"));
    assert!(
        text.contains(",User 1,token 1,another,\n"),
        "{}",
        &text[..500]
    );
    let nothing = server
        .get("/audit/export?action=user.suspended", &admin)
        .await;
    assert_eq!(nothing.json(), json!([]));
    let response = server.get("/audit/export?format=xml", &admin).await;
    assert_eq!(response.wrong_fields(), ["format"]);
}

/// A server with more than one page of audit events, and a second administrator's token.
async fn with_pages() -> (Server, String) {
    let server = Server::new();
    let admin = server.admin();
    for _ in 0..150 {
        let issued = server.create(&admin, Scope::ReadWrite, Expiry::Never).await;
        let path = format!("/me/pats/{}", issued.token.id);
        assert_eq!(server.delete(&path, &admin).await.status, 204);
    }
    let other = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    (server, other)
}

/// Reads the first page, runs `change`, and reads on. Returns what arrived, and whether the body
/// ended properly.
async fn read_across(body: Body, meanwhile: impl AsyncFnOnce()) -> (String, bool) {
    let mut body = body;
    let mut bytes = Vec::new();
    let first = body.frame().await.expect("a page").expect("data");
    bytes.extend_from_slice(first.data_ref().expect("data"));
    meanwhile().await;
    let ended = loop {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap_or(Bytes::new())),
            Some(Err(_)) => break false,
            None => break true,
        }
    };
    (String::from_utf8(bytes).expect("text"), ended)
}

#[tokio::test(start_paused = true)]
async fn an_export_does_not_outlive_its_token_and_says_that_it_is_not_complete() {
    for (code, status, format) in [
        ("token_revoked", 401, "json"),
        ("token_revoked", 401, "csv"),
        ("owner_suspended", 401, "json"),
        ("owner_suspended", 401, "csv"),
        ("insufficient_scope", 403, "json"),
        ("insufficient_scope", 403, "csv"),
        ("token_unknown", 401, "csv"),
    ] {
        let (server, token) = with_pages().await;
        let put = |role: Role, suspended: bool| {
            server.store.put_user(User {
                role,
                suspended_at: suspended.then_some(fixtures::NOW),
                ..fixtures::user(2)
            });
        };
        let revoke = async || {
            let me = server.get("/me", &token).await.json();
            let path = format!("/me/pats/{}", me["token"]["id"].as_str().unwrap());
            assert_eq!(server.delete(&path, &token).await.status, 204);
        };
        let path = format!("/audit/export?format={format}");
        let body = server.open(&path, &token).await;
        let (text, ended) = read_across(body, async || match code {
            "owner_suspended" => put(Role::Admin, true),
            "insufficient_scope" => put(Role::Member, false),
            "token_revoked" => revoke().await,
            _ => {
                revoke().await;
                let horizon = fixtures::NOW.saturating_add_seconds(1);
                server
                    .store
                    .purge_ended_before(horizon, 1_000)
                    .await
                    .unwrap();
            }
        })
        .await;
        assert!(!ended, "{code} {format}: the body must break off");
        let mark = IncompleteExport::at_end_of(&text).expect("a mark");
        assert_eq!((mark.code.as_str(), mark.status), (code, status));
        assert_eq!(text.matches("evt_").count(), 200, "{code} {format}: a page");
        if format == "csv" {
            let last = text.lines().last().unwrap();
            assert!(last.starts_with("#incomplete,2026-"), "{last}");
        } else {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
        }
    }
}

#[tokio::test]
async fn a_complete_export_ends_with_the_number_of_its_events() {
    let (server, token) = with_pages().await;
    for format in ["json", "csv"] {
        let path = format!("/audit/export?format={format}");
        let body = server.open(&path, &token).await.collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["x-export-events"], "300");
        let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        assert_eq!(IncompleteExport::at_end_of(&text), None);
        assert_eq!(text.matches("evt_").count(), 300);
    }
}
