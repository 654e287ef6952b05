//! A server without a socket: in-memory store, fixed clock, seeded entropy.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use http::request::Builder;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use openindex_adapters_http::router;
use openindex_adapters_http::server::{ApiSettings, ApiState, HttpMetrics, LayerSettings};
use openindex_domain::StoreHealth;
use openindex_domain::agent_run::{AgentId, AgentRun, AgentRunStore};
use openindex_domain::audit::RequestContext;
use openindex_domain::testing::{FakeHasher, FixedClock, MemoryStore, SeededEntropy, fixtures};
use openindex_domain::token::{
    Expiry, NewToken, Scope, Secret, TokenId, TokenKind, TokenName, TokenStore, TokenWithSecret,
    Tokens,
};
use openindex_domain::use_cases::{self, Quotas, UseCases};
use openindex_domain::user::{Role, User, UserStore};
use openindex_domain::work_item::WorkItemStore;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::description::assert_described;

pub(crate) struct Server {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) tokens: Tokens,
    metrics: Registry,
    entropy: Arc<SeededEntropy>,
    router: Router,
}

/// The ports of a server.
pub(crate) struct Ports {
    pub(crate) tokens: Arc<dyn TokenStore>,
    pub(crate) agent_runs: Arc<dyn AgentRunStore>,
    pub(crate) work_items: Option<Arc<dyn WorkItemStore>>,
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) health: Arc<dyn StoreHealth>,
}

impl Ports {
    pub(crate) fn of(store: &Arc<MemoryStore>) -> Self {
        Self {
            tokens: store.clone(),
            agent_runs: store.clone(),
            work_items: Some(store.clone()),
            users: store.clone(),
            health: store.clone(),
        }
    }
}

/// A response whose body has been read.
#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let ports = Ports::of(&store);
        Self::on(store, ports)
    }

    /// Creates a server with test doubles as ports; tests put their data into the memory store.
    pub(crate) fn on(store: Arc<MemoryStore>, ports: Ports) -> Self {
        Self::within(store, ports, LayerSettings::default())
    }

    /// Creates a server with this public URL.
    pub(crate) fn at(public_url: &str) -> Self {
        let store = Arc::new(MemoryStore::default());
        let ports = Ports::of(&store);
        Self::with(store, ports, LayerSettings::default(), public_url)
    }

    /// Creates a server with other limits.
    pub(crate) fn within(store: Arc<MemoryStore>, ports: Ports, layers: LayerSettings) -> Self {
        Self::with(store, ports, layers, "https://oi.example.com")
    }

    fn with(
        store: Arc<MemoryStore>,
        ports: Ports,
        layers: LayerSettings,
        public_url: &str,
    ) -> Self {
        let metrics = Arc::<HttpMetrics>::default();
        let mut registry = Registry::with_prefix("openindex");
        metrics.register(&mut registry);
        let Ports {
            tokens,
            agent_runs,
            work_items,
            users,
            health,
        } = ports;
        let clock = Arc::new(FixedClock::default());
        let entropy = Arc::new(SeededEntropy::new(1));
        let hasher = Arc::new(FakeHasher);
        let rest = use_cases::Ports::of(&store, hasher, clock.clone(), entropy.clone());
        let ports = use_cases::Ports {
            tokens,
            agent_runs,
            work_items,
            users,
            ..rest
        };
        let use_cases = UseCases::new(ports, Quotas::default());
        let tokens = use_cases.tokens.clone();
        let router = router(ApiState {
            use_cases,
            health,
            entropy: entropy.clone(),
            metrics,
            settings: Arc::new(ApiSettings {
                public_url: public_url.to_owned(),
                version: "1.2.3",
                layers,
            }),
        });
        Self {
            store,
            clock,
            tokens,
            metrics: registry,
            entropy,
            router,
        }
    }

    /// Returns the metrics as text.
    pub(crate) fn metrics(&self) -> String {
        let mut rendered = String::new();
        text::encode(&mut rendered, &self.metrics).expect("metrics");
        rendered
    }

    /// Returns a live token of a kind and scope, whose owner has a role, bypassing every rule. User
    /// `number` owns it.
    pub(crate) fn token(&self, number: u64, kind: TokenKind, scope: Scope, role: Role) -> String {
        let user = User {
            role,
            ..fixtures::user(number)
        };
        let secret = Secret::generate(kind, &*self.entropy).expect("entropy");
        // Older than anything the test creates, so that the order is unambiguous.
        let mut token = fixtures::token(number, fixtures::NOW.saturating_add_seconds(-3600));
        token.id = TokenId::generate(kind, token.created_at, &*self.entropy).expect("entropy");
        token.scope = scope;
        token.owner = user.id;
        token.run = (kind == TokenKind::AgentRun).then(|| AgentRun {
            agent: AgentId::parse(&format!("agent-{number}")).expect("an id"),
            work_item: None,
            issuer: fixtures::token(number, fixtures::NOW).id,
        });
        self.store.put_user(user);
        self.store.put_token(token, secret.digest());
        secret.expose().to_owned()
    }

    /// Returns an `admin` token of user 1.
    pub(crate) fn admin(&self) -> String {
        self.token(1, TokenKind::Personal, Scope::Admin, Role::Admin)
    }

    /// Creates another token through the use case.
    pub(crate) async fn create(&self, by: &str, scope: Scope, expires: Expiry) -> TokenWithSecret {
        let principal = self.tokens.verify(by).await.expect("a live token");
        let wanted = NewToken::new(TokenName::parse("another").expect("a name"), scope, expires);
        self.tokens
            .create(&principal, wanted, &RequestContext::default())
            .await
            .expect("it is issued")
    }

    /// Returns a token of user `number`, a member.
    pub(crate) fn member(&self, number: u64) -> String {
        self.token(number, TokenKind::Personal, Scope::ReadWrite, Role::Member)
    }

    /// Starts a run of this agent through the API, optionally bound to a work item. Returns its id
    /// and secret.
    pub(crate) async fn start_run(
        &self,
        by: &str,
        agent: &str,
        work_item: Option<&str>,
    ) -> (String, String) {
        let body = json!({"agentId": agent, "workItemKey": work_item, "ttlSeconds": 3600});
        let started = self.post("/agent-runs", by, &body).await;
        assert_eq!(started.status, 201, "{started:?}");
        let started = started.json();
        let text = |field: &str| started[field].as_str().expect("text").to_owned();
        (text("id"), text("token"))
    }

    /// Creates a work item in the domain `OPS` through the API with these fields. Returns its key.
    pub(crate) async fn make_item(&self, by: &str, fields: Value) -> String {
        let mut body = json!({"domain": "OPS", "title": "Mend the pump"});
        for (field, value) in fields.as_object().expect("fields") {
            body[field] = value.clone();
        }
        if body["parent"].is_string() {
            body["domain"] = Value::Null;
        }
        let made = self.post("/browse", by, &body).await;
        assert_eq!(made.status, 201, "{made:?}");
        made.json()["key"].as_str().expect("a key").to_owned()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> TestResponse {
        self.send(with_token(Method::GET, path, token), Body::empty())
            .await
    }

    /// Returns a response whose body the test reads in parts.
    pub(crate) async fn open(&self, path: &str, token: &str) -> Body {
        let request = with_token(Method::GET, path, token).header(header::HOST, "oi.example.com");
        let request = request.body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await;
        response.expect("a response").into_body()
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> TestResponse {
        self.send(with_token(Method::DELETE, path, token), Body::empty())
            .await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> TestResponse {
        let request =
            with_token(Method::POST, path, token).header(header::CONTENT_TYPE, "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: &Value) -> TestResponse {
        let request =
            with_token(Method::PATCH, path, token).header(header::CONTENT_TYPE, "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    pub(crate) async fn send(&self, request: Builder, body: Body) -> TestResponse {
        let request = request.body(body).expect("a request");
        self.send_request(request).await
    }

    /// Sends a request with a `Host`, as clients do.
    pub(crate) async fn send_request(&self, mut request: Request<Body>) -> TestResponse {
        let host = HeaderValue::from_static("oi.example.com");
        request.headers_mut().entry(header::HOST).or_insert(host);
        self.send_as_is(request).await
    }

    /// Sends a request unchanged.
    pub(crate) async fn send_as_is(&self, request: Request<Body>) -> TestResponse {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("a response");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let response = TestResponse {
            status: parts.status,
            headers: parts.headers,
            body,
        };
        assert_described(&method, &path, &response);
        response
    }
}

pub(crate) fn with_token(method: Method, path: &str, token: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
}

impl TestResponse {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    /// Asserts that this is a well-formed problem, and returns its code.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let body = self.json();
        assert_eq!(body["status"], status);
        let code = body["code"].as_str().expect("a code").to_owned();
        assert_eq!(body["type"], format!("urn:openindex:problem:{code}"));
        for text in ["title", "detail"] {
            assert!(!body[text].as_str().expect("text").is_empty(), "{body}");
        }
        code
    }

    /// Asserts success, and returns the body.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// Returns the fields that a 400 lists, in order.
    #[track_caller]
    pub(crate) fn wrong_fields(&self) -> Vec<String> {
        assert_eq!(self.problem(400), "invalid_field");
        let errors = self.json()["errors"].clone();
        let errors = errors.as_array().expect("errors");
        errors
            .iter()
            .map(|error| error["field"].as_str().expect("a field").to_owned())
            .collect()
    }
}
