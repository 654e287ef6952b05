use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

struct Client {
    app: Router,
    _directory: tempfile::TempDir,
}

impl Client {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (app, _) = open(&directory.path().join("notes.db"))
            .await
            .expect("opened");
        Self {
            app,
            _directory: directory,
        }
    }

    /// Sends a request with a credential: a cookie, or a token.
    async fn send(
        &self,
        method: Method,
        path: &str,
        credential: &str,
        body: Body,
    ) -> (StatusCode, Value) {
        let header = if credential.starts_with("session=") {
            "cookie"
        } else {
            "authorization"
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header, credential);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let response = self.app.clone().oneshot(request.expect("a request")).await;
        let response = response.expect("a response");
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX)
            .await
            .expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Signs up and returns the cookie.
    async fn sign_up(&self, email: &str) -> String {
        let request = Request::post("/sign-up")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("email={email}")));
        let response = self.app.clone().oneshot(request.expect("a request")).await;
        let response = response.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        let cookie = response.headers()["set-cookie"].to_str().expect("text");
        cookie.split(';').next().expect("a cookie").to_owned()
    }

    /// Creates a token and returns it with its id.
    async fn create(&self, cookie: &str, scope: &str) -> (String, String) {
        let body = json!({"name": "ci", "scope": scope}).to_string().into();
        let (status, created) = self.send(Method::POST, "/tokens", cookie, body).await;
        assert_eq!(status, StatusCode::OK, "{created}");
        let text = |name: &str| created[name].as_str().expect("text").to_owned();
        (format!("Bearer {}", text("token")), text("id"))
    }

    async fn notes(&self, token: &str) -> StatusCode {
        self.send(Method::GET, "/api/notes", token, Body::empty())
            .await
            .0
    }
}

#[tokio::test]
async fn a_token_works_until_it_is_rotated_or_revoked() {
    let client = Client::start().await;
    let ada = client.sign_up("ada@example.com").await;
    let (token, id) = client.create(&ada, "read_write").await;
    let added = client
        .send(Method::POST, "/api/notes", &token, "Buy milk".into())
        .await;
    assert_eq!(added.0, StatusCode::CREATED);
    let (_, notes) = client
        .send(Method::GET, "/api/notes", &token, Body::empty())
        .await;
    assert_eq!(notes, json!(["Buy milk"]));

    let path = format!("/tokens/{id}/rotate");
    let (status, rotated) = client.send(Method::POST, &path, &ada, Body::empty()).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    assert_eq!(client.notes(&token).await, StatusCode::UNAUTHORIZED);
    let token = format!("Bearer {}", rotated["token"].as_str().expect("a token"));
    assert_eq!(client.notes(&token).await, StatusCode::OK);

    let (_, listed) = client
        .send(Method::GET, "/tokens", &ada, Body::empty())
        .await;
    let id = rotated["id"].as_str().expect("an id");
    assert_eq!(listed["items"][0]["id"], id);
    let path = format!("/tokens/{id}");
    let (status, _) = client
        .send(Method::DELETE, &path, &ada, Body::empty())
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(client.notes(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_an_administrator_suspends_and_it_applies_to_the_next_request() {
    let client = Client::start().await;
    let ada = client.sign_up("ada@example.com").await;
    let (admin, _) = client.create(&ada, "admin").await;
    let bob = client.sign_up("bob@example.com").await;
    let (token, _) = client.create(&bob, "read_write").await;
    let body = json!({"name": "too much", "scope": "admin"}).to_string();
    let (status, _) = client
        .send(Method::POST, "/tokens", &bob, body.into())
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);

    let cookie = bob.strip_prefix("session=").expect("a cookie");
    assert_eq!(
        client.notes(&format!("Bearer {cookie}")).await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(client.notes(&token).await, StatusCode::OK);
    let users = "SELECT id FROM users WHERE is_admin = 0";
    let file = SqliteConnectOptions::new().filename(client._directory.path().join("notes.db"));
    let pool = SqlitePool::connect_with(file).await.expect("the file");
    let bobs_id = sqlx::query_scalar(users)
        .fetch_one(&pool)
        .await
        .expect("bob");
    let path = format!("/users/{}/suspend", UserId::from_uuid(bobs_id));
    let (status, _) = client
        .send(Method::POST, &path, &token, Body::empty())
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(client.notes(&token).await, StatusCode::OK);
    let (status, _) = client
        .send(Method::POST, &path, &admin, Body::empty())
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(client.notes(&token).await, StatusCode::UNAUTHORIZED);
    let (status, _) = client
        .send(Method::GET, "/tokens", &bob, Body::empty())
        .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
