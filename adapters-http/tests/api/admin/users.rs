//! `GET /admin/users`

use openindex_domain::testing::fixtures;
use openindex_domain::token::{Scope, TokenKind};
use openindex_domain::user::{PersonName, Role};
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn an_administrator_pages_through_everybody() {
    let server = Server::new();
    let admin = server.admin();
    let mut suspended = fixtures::user(2);
    suspended.suspended_at = Some(fixtures::NOW);
    suspended.role = Role::Member;
    server.store.put_user(suspended.clone());
    server.store.put_user(fixtures::user(3));
    let first = server.get("/admin/users?limit=2", &admin).await.json();
    assert_eq!(
        first["items"][1],
        json!({
            "id": suspended.id.to_string(),
            "email": "user2@example.com",
            "name": "User 2",
            "role": "member",
            "createdAt": "2026-11-24T06:00:00.000Z",
            "mixedScripts": [],
            "suspendedAt": "2026-11-24T06:00:00.000Z",
        })
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    let path = format!("/admin/users?cursor={cursor}&limit=2");
    let second = server.get(&path, &admin).await.json();
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert_eq!(second["nextCursor"], json!(null));
}

#[tokio::test]
async fn users_are_searched_and_sorted_page_by_page() {
    let server = Server::new();
    let admin = server.admin();
    for (number, name) in [(2, "Zoe"), (3, "ada"), (4, "Bob")] {
        let mut user = fixtures::user(number);
        user.name = PersonName::parse(name).unwrap();
        server.store.put_user(user);
    }
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/admin/users?sort=name&limit=2{cursor}");
        let page = server.get(&path, &admin).await.json();
        let items = page["items"].as_array().unwrap().iter();
        names.extend(items.map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextCursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["ada", "Bob", "User 1", "Zoe"]);
    for (search, expected) in [("ZO", "Zoe"), ("User4%40", "Bob")] {
        let path = format!("/admin/users?search={search}");
        let page = server.get(&path, &admin).await.json();
        assert_eq!(page["items"][0]["name"], expected, "{search}");
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{search}");
    }
}

#[tokio::test]
async fn a_name_of_mixed_scripts_is_marked() {
    let server = Server::new();
    let admin = server.admin();
    let mut user = fixtures::user(2);
    // The second letter is Cyrillic.
    user.name = PersonName::parse("M\u{430}ry").unwrap();
    server.store.put_user(user);
    let listed = server.get("/admin/users", &admin).await.json();
    let scripts = &listed["items"][1]["mixedScripts"];
    assert_eq!(*scripts, json!(["Cyrillic", "Latin"]));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let server = Server::new();
    let admin = server.admin();
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", "cursor"),
        ("page=2", "page"),
        ("sort=age", "sort"),
        ("search=%20", "search"),
        (
            "sort=name&cursor=usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            "cursor",
        ),
    ] {
        let response = server.get(&format!("/admin/users?{query}"), &admin).await;
        assert_eq!(response.wrong_fields(), [field], "{query}");
    }
    let response = server.get("/admin/users?limit=1&limit=2", &admin).await;
    assert_eq!(response.wrong_fields(), ["limit"]);
}

#[tokio::test]
async fn a_denied_administration_request_names_the_scope_and_is_audited() {
    let server = Server::new();
    for (scope, role) in [
        (Scope::ReadWrite, Role::Admin),
        (Scope::Admin, Role::Member),
    ] {
        let token = server.token(1, TokenKind::Personal, scope, role);
        let response = server.get("/admin/users", &token).await;
        assert_eq!(response.problem(403), "insufficient_scope");
        assert_eq!(
            response.header("www-authenticate"),
            r#"Bearer realm="openindex", error="insufficient_scope", scope="admin""#
        );
    }
    let run = server.token(1, TokenKind::AgentRun, Scope::Admin, Role::Admin);
    let response = server.get("/admin/users", &run).await;
    assert_eq!(response.problem(403), "human_token_required");
    let admin = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    let path = format!("/audit?action=admin.denied&actor={}", fixtures::user(1).id);
    let audit_log = server.get(&path, &admin).await.json();
    assert_eq!(audit_log["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn suspension_and_roles_count_at_once_and_the_last_admin_stays() {
    let server = Server::new();
    let admin = server.admin();
    let grace = server.token(2, TokenKind::Personal, Scope::Admin, Role::Member);
    let path = format!("/admin/users/{}", fixtures::user(2).id);
    assert_eq!(server.get(&path, &admin).await.json()["role"], "member");
    let role = |role| serde_json::json!({ "role": role });
    let promoted = server.patch(&path, &admin, &role("admin")).await;
    assert_eq!(promoted.json()["role"], "admin");
    assert_eq!(server.get("/admin/users", &grace).await.status, 200);

    let none = serde_json::json!({});
    let suspended = server.post(&format!("{path}/suspend"), &admin, &none).await;
    assert!(suspended.json()["suspendedAt"].is_string());
    assert_eq!(
        server.get("/me", &grace).await.problem(401),
        "owner_suspended"
    );
    let own = format!("/admin/users/{}", fixtures::user(1).id);
    let response = server.post(&format!("{own}/suspend"), &admin, &none).await;
    assert_eq!(response.problem(409), "last_admin");
    let response = server.patch(&own, &admin, &role("member")).await;
    assert_eq!(response.problem(409), "last_admin");
    let active = server
        .post(&format!("{path}/unsuspend"), &admin, &none)
        .await;
    assert_eq!(active.json()["suspendedAt"], json!(null));
    assert_eq!(server.get("/me", &grace).await.status, 200);

    let response = server.patch(&path, &admin, &role("owner")).await;
    assert_eq!(response.wrong_fields(), ["role"]);
    for path in [
        "/admin/users/x",
        "/admin/users/usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
    ] {
        assert_eq!(server.get(path, &admin).await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn one_request_changes_a_role_or_an_address_and_nobody_deletes_their_own_account() {
    let server = Server::new();
    let admin = server.admin();
    let grace = server.token(2, TokenKind::Personal, Scope::Admin, Role::Admin);
    let path = format!("/admin/users/{}", fixtures::user(2).id);
    let both = serde_json::json!({"role": "member", "email": "grace@example.org"});
    let response = server.patch(&path, &admin, &both).await;
    assert_eq!(response.wrong_fields(), ["role", "email"]);
    let none = serde_json::json!({});
    assert_eq!(server.patch(&path, &admin, &none).await.status, 400);
    let own = server.delete(&path, &grace).await;
    assert_eq!(own.problem(409), "own_account");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(
        server.get("/me", &grace).await.problem(401),
        "token_revoked"
    );
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_sign_in_link_is_shown_once() {
    let server = Server::new();
    let admin = server.admin();
    let path = format!("/admin/users/{}/sign-in-link", fixtures::user(1).id);
    let response = server.post(&path, &admin, &serde_json::json!({})).await;
    assert_eq!(response.status, 201);
    let link = response.json();
    let url = link["url"].as_str().unwrap();
    assert!(
        url.starts_with("https://oi.example.com/sign-in/link/"),
        "{url}"
    );
    assert_eq!(link["expiresAt"], "2026-11-24T07:00:00.000Z");
    let unknown = "/admin/users/usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2/sign-in-link";
    let response = server.post(unknown, &admin, &serde_json::json!({})).await;
    assert_eq!(response.problem(404), "not_found");
}
