//! `/admin/invites`

use openindex_domain::audit::RequestContext;
use openindex_domain::testing::fixtures;
use openindex_domain::token::{Expiry, NewToken, Scope, TokenName};
use openindex_domain::user::{Owner, Role};
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn an_invite_is_made_listed_and_withdrawn() {
    let server = Server::new();
    let admin = server.admin();
    let body = json!({"email": "Grace@example.com", "role": "admin"});
    let created = server.post("/admin/invites", &admin, &body).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("cache-control"), "no-store");
    let created = created.json();
    let id = created["id"].as_str().unwrap();
    let code = created["code"].as_str().unwrap();
    assert_eq!(
        created["url"],
        format!("https://oi.example.com/join/{code}")
    );
    assert_eq!(created["status"], "open");
    assert_eq!(created["role"], "admin");
    let list = server.get("/admin/invites", &admin).await;
    assert_eq!(list.json()["items"][0]["id"], id);
    assert!(!String::from_utf8_lossy(&list.body).contains(code));

    let path = format!("/admin/invites/{id}");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
    let list = server.get("/admin/invites", &admin).await.json();
    assert_eq!(list["items"][0]["status"], "withdrawn");
}

#[tokio::test]
async fn invalid_fields_and_addresses_in_use_are_errors() {
    let server = Server::new();
    let admin = server.admin();
    for (body, field) in [
        (json!({}), "email"),
        (json!({"email": "grace"}), "email"),
        (
            json!({"email": "grace@example.com", "role": "owner"}),
            "role",
        ),
        (json!({"email": "grace@example.com", "name": "G"}), "name"),
    ] {
        let response = server.post("/admin/invites", &admin, &body).await;
        assert_eq!(response.wrong_fields(), [field], "{body}");
    }
    let taken = json!({"email": "USER1@example.com"});
    let response = server.post("/admin/invites", &admin, &taken).await;
    assert_eq!(response.problem(409), "email_taken");
    for path in [
        "/admin/invites/x",
        "/admin/invites/inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
    ] {
        assert_eq!(server.delete(path, &admin).await.problem(404), "not_found");
    }
}

#[tokio::test]
async fn an_owner_without_an_account_creates_nothing_that_names_its_author() {
    let server = Server::new();
    let key = server.make_item(&server.admin(), json!({})).await;
    let owner = Owner::new(fixtures::user(7).id, Role::Admin);
    let (id, context) = (owner.id, RequestContext::default());
    let put = server.tokens.put_owner(owner, &context).await;
    put.expect("an owner");
    let by = server.tokens.on_behalf_of(id).await.expect("a principal");
    let name = TokenName::parse("administration").expect("a name");
    let new = NewToken::new(name, Scope::Admin, Expiry::Never);
    let token = server.tokens.create(&by, new, &context).await;
    let token = token.expect("a token").secret;

    let link = format!("/admin/users/{}/sign-in-link", fixtures::user(1).id);
    for (path, body) in [
        ("/admin/invites", json!({"email": "grace@example.com"})),
        (&link, json!(null)),
        ("/browse", json!({"domain": "OPS", "title": "Oil the pump"})),
        (&format!("/browse/{key}/claim"), json!({})),
    ] {
        let denied = server.post(path, token.expose(), &body).await;
        assert_eq!(denied.problem(403), "account_required", "{path}");
    }
    let started = server.start_run(token.expose(), "builder", None).await;
    let claimed = format!("/browse/{key}/claim");
    let denied = server.post(&claimed, &started.1, &json!({})).await;
    assert_eq!(denied.problem(403), "account_required");
}
