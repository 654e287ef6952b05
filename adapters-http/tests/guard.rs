//! The guard in a service of its own: extractors, a layer around a whole service, and settings.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use openindex_adapters_http::guard::{AnyToken, Guard, GuardSettings, Human, HumanAdmin};
use openindex_domain::access::{Principal, Requirement};
use openindex_domain::testing::{InMemory, fixtures};
use openindex_domain::token::{Scope, SecretPrefixes, TokenKind};
use openindex_domain::user::Role;
use serde_json::{Value, json};
use tower::{ServiceExt as _, service_fn};

struct World {
    memory: InMemory,
    guard: Guard,
    verified: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Self {
        let memory = InMemory::default();
        let verified = Arc::new(AtomicUsize::new(0));
        let counted = verified.clone();
        let guard = Guard::new(memory.tokens.clone()).with_observer(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        Self {
            memory,
            guard,
            verified,
        }
    }

    /// Returns the secret of a live token of user `number`.
    fn token(&self, number: u64, role: Role) -> String {
        let token = self.memory.live_token(fixtures::user(number).id, role);
        token.secret.expose().to_owned()
    }

    fn verified(&self) -> usize {
        self.verified.swap(0, Ordering::Relaxed)
    }
}

fn request(path: &str, token: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Body::empty()).expect("a request")
}

async fn body(response: Response<Body>) -> Bytes {
    let body = response.into_body().collect().await;
    body.expect("a whole body").to_bytes()
}

async fn code(response: Response<Body>) -> (u16, String) {
    let status = response.status().as_u16();
    let problem: Value = serde_json::from_slice(&body(response).await).expect("a problem");
    (status, problem["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn a_nested_router_is_guarded_and_nothing_verifies_twice() {
    let world = World::new();
    let (member, admin) = (world.token(1, Role::Member), world.token(2, Role::Admin));
    let issuer = world.memory.live_token(fixtures::user(2).id, Role::Admin);
    let run = world.memory.live_run(&issuer.token).secret;
    let notes = Router::new()
        .route(
            "/",
            get(async |AnyToken(caller): AnyToken| caller.user_id().to_string()),
        )
        .route("/all", get(async |HumanAdmin(_): HumanAdmin| "all"))
        .route_layer(world.guard.layer(Requirement::HUMAN));
    let app = Router::new()
        .nest("/notes", notes)
        .route("/", get(async || "public"))
        .with_state(world.guard.clone());
    let send = async |path: &str, token: Option<&str>| {
        app.clone()
            .oneshot(request(path, token))
            .await
            .expect("a response")
    };

    let response = send("/notes", Some(&member)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(body(response).await, fixtures::user(1).id.to_string());
    assert_eq!(world.verified(), 1, "by the layer alone");
    assert_eq!(body(send("/notes/all", Some(&admin)).await).await, "all");
    assert_eq!(world.verified(), 1);
    // The handler may require more than the layer, but never less.
    let denied = code(send("/notes/all", Some(&member)).await).await;
    assert_eq!(denied, (403, "insufficient_scope".to_owned()));
    let denied = code(send("/notes", Some(run.expose())).await).await;
    assert_eq!(denied, (403, "human_token_required".to_owned()));
    let denied = code(send("/notes", None).await).await;
    assert_eq!(denied, (401, "authentication_required".to_owned()));
    let denied = code(send("/notes", Some("hunter2")).await).await;
    assert_eq!(denied, (401, "token_malformed".to_owned()));
    assert_eq!(
        send("/notes/none", None).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(body(send("/", None).await).await, "public");
}

#[tokio::test]
async fn any_service_can_be_guarded_and_finds_its_caller() {
    let world = World::new();
    let member = world.token(1, Role::Member);
    // Not axum: a service with a body and an error of its own.
    let files = service_fn(async |request: Request<Body>| {
        let caller = request.extensions().get::<Principal>();
        let text = caller.map(|caller| caller.user_id().to_string());
        Ok::<_, std::io::Error>(Response::new(text.unwrap_or_default()))
    });
    let guarded = tower::Layer::layer(&world.guard.layer(Requirement::ANY_TOKEN), files);
    let response = guarded
        .clone()
        .oneshot(request("/a.txt", Some(&member)))
        .await;
    let text = body(response.expect("a response")).await;
    assert_eq!(text, fixtures::user(1).id.to_string());
    let response = guarded.oneshot(request("/a.txt", None)).await;
    let denied = code(response.expect("a response")).await;
    assert_eq!(denied, (401, "authentication_required".to_owned()));
}

#[tokio::test]
async fn a_service_speaks_in_its_own_name() {
    let world = World::new();
    let member = world.token(1, Role::Member);
    let settings = GuardSettings::of_service("notes", "https://notes.example/problems/");
    let app = Router::new()
        .route("/all", get(async |_: HumanAdmin| "all"))
        .with_state(world.guard.with_settings(settings));
    let send = async |token: Option<&str>| {
        let response = app.clone().oneshot(request("/all", token)).await;
        let response = response.expect("a response");
        let challenge = response.headers()[header::WWW_AUTHENTICATE].clone();
        let problem: Value = serde_json::from_slice(&body(response).await).expect("a problem");
        (challenge, problem)
    };
    let (challenge, problem) = send(None).await;
    assert_eq!(challenge, r#"Bearer realm="notes""#);
    let code = "authentication_required";
    assert_eq!(
        problem["type"],
        format!("https://notes.example/problems/{code}")
    );
    assert_eq!(problem["code"], code);
    assert_eq!(problem["nextCommand"], json!(null));
    let (challenge, _) = send(Some(&member)).await;
    let scope = Scope::Admin;
    assert_eq!(
        challenge,
        format!(r#"Bearer realm="notes", error="insufficient_scope", scope="{scope}""#).as_str()
    );
}

#[tokio::test]
async fn a_service_can_have_prefixes_of_its_own() {
    let mut memory = InMemory::default();
    let ada = fixtures::user(1).id;
    let other = memory.live_token(ada, Role::Admin);
    let prefixes = SecretPrefixes::new("nts_", "ntsrun_").expect("prefixes");
    memory.use_cases.tokens = memory.use_cases.tokens.with_prefixes(prefixes);
    let token = memory.live_token(ada, Role::Admin);
    let run = memory.live_run(&token.token);
    let claims = Arc::new(Mutex::new(Vec::new()));
    let seen = claims.clone();
    let guard = Guard::new(memory.tokens.clone())
        .with_observer(move |kind, _| seen.lock().expect("no panic").push(kind));
    let app = Router::new()
        .route("/", get(async |_: Human| "notes"))
        .with_state(guard);
    let send = async |token: Option<&str>| {
        let response = app.clone().oneshot(request("/", token)).await;
        body(response.expect("a response")).await
    };
    let detail = async |token: Option<&str>| {
        let problem: Value = serde_json::from_slice(&send(token).await).expect("a problem");
        problem["detail"].as_str().expect("a detail").to_owned()
    };
    assert_eq!(send(Some(token.secret.expose())).await, "notes");
    for (token, expected) in [
        (
            None,
            "no bearer token; send the header Authorization: Bearer nts_…",
        ),
        (
            Some(run.secret.expose()),
            "agent run tokens cannot do this; use a personal access token (nts_…)",
        ),
        (
            Some(other.secret.expose()),
            "the token is malformed: a token begins with nts_ or ntsrun_; copy the whole token and retry",
        ),
    ] {
        assert_eq!(detail(token).await, expected);
    }
    memory.clock.advance_seconds(60 * 60);
    let ended = detail(Some(run.secret.expose())).await;
    assert!(ended.starts_with("the agent run ended at"), "{ended}");
    let kinds = [TokenKind::Personal, TokenKind::AgentRun].map(Some);
    assert_eq!(
        *claims.lock().expect("no panic"),
        [kinds[0], kinds[1], None, kinds[1]]
    );
}

#[tokio::test]
async fn an_owner_that_the_service_forgot_to_put_is_no_mistake_of_its_client() {
    let service = InMemory::default();
    let unknown = service.tokens.on_behalf_of(fixtures::user(7).id).await;
    let guard = Guard::new(service.tokens.clone());
    let problem = guard.problem(unknown.expect_err("unknown"));
    assert_eq!(
        code(problem.into_response()).await,
        (500, "internal_error".to_owned())
    );
}
