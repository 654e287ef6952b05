//! `GET /stats`

use openindex_domain::token::{Scope, TokenKind};
use openindex_domain::user::Role;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn everything_is_counted() {
    let server = Server::new();
    let admin = server.admin();
    server.token(2, TokenKind::Personal, Scope::ReadWrite, Role::Member);
    let body = json!({"email": "grace@example.com"});
    server.post("/admin/invites", &admin, &body).await;
    assert_eq!(
        server.get("/stats", &admin).await.json(),
        json!({
            "usersActive": 2,
            "usersSuspended": 0,
            "adminsActive": 1,
            "tokensLive": 2,
            "tokensLiveAdmin": 1,
            "tokensExpiring": 0,
            "tokensExpired": 0,
            "tokensRevoked": 0,
            "invitesOpen": 1,
        })
    );
}
