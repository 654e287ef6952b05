//! A service in Rust that verifies the tokens of its callers at the built server.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use openindex_adapters_http::guard::{AnyToken, Guard, HumanAdmin};
use openindex_adapters_http::remote::{RemoteError, RemoteSettings, RemoteVerifier};
use openindex_domain::access::{Denial, Principal, Requirement};
use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Rejection, Scope, Secret, SecretPrefixes, TokenKind, VerifyError};
use openindex_tests::{Client, Database, Kind, RecipeService, Server};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

struct World {
    server: Server,
    admin: String,
    member: String,
    verifier: RemoteVerifier,
    runtime: Runtime,
    /// The id of the token with which the service authenticates.
    service: String,
    _database: Database,
}

fn settings(url: &str, token: &str) -> RemoteSettings {
    let token = Secret::parse(token).expect("a secret");
    let mut settings = RemoteSettings::new(url.parse().expect("a URL"), token);
    settings.deadline = Duration::from_secs(2);
    settings
}

fn create(http: &Client, by: &str) -> (String, String) {
    let body = json!({"name": "service", "scope": "read_write"});
    let created = http.post("/me/pats", by, &body).json();
    let text = |field: &str| created[field].as_str().expect("text").to_owned();
    (text("id"), text("token"))
}

impl World {
    fn new(kind: Kind) -> Self {
        let database = Database::new(kind);
        let server = Server::start(&database);
        let admin = Server::bootstrap(&database).token;
        let (_, member) = server.join_with_token(&admin, "grace@example.com");
        let (service, token) = create(&server.http, &member);
        let verifier = RemoteVerifier::new(settings(&server.url, &token)).expect("settings");
        Self {
            server,
            admin,
            member,
            verifier,
            runtime: Runtime::new().expect("a runtime"),
            service,
            _database: database,
        }
    }

    fn verify(&self, token: &str) -> Result<Principal, VerifyError> {
        self.runtime.block_on(self.verifier.verify(token))
    }

    fn me(&self, token: &str) -> Value {
        self.server.http.get("/me", token).json()
    }
}

fn rejection(result: &Result<impl Sized, VerifyError>) -> Option<Rejection> {
    match result {
        Err(VerifyError::Rejected(rejection)) => Some(*rejection),
        _ => None,
    }
}

fn is_outage(result: &Result<impl Sized, VerifyError>) -> bool {
    matches!(result, Err(VerifyError::Store(_)))
}

#[test]
fn a_principal_is_what_the_server_says_and_a_revoked_token_is_refused_at_once() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let world = World::new(kind);
        let me = world.me(&world.admin);
        let principal = world.verify(&world.admin).expect("accepted");
        let token = principal.token_id().expect("a token").to_string();
        assert_eq!(me["token"]["id"], token);
        assert_eq!(me["user"]["id"], principal.user_id().to_string());
        assert_eq!(principal.effective_scope(), Scope::Admin);
        assert_eq!(principal.authorize(Requirement::HUMAN_ADMIN), Ok(()));

        let principal = world.verify(&world.member).expect("accepted");
        let required = Scope::Admin;
        assert_eq!(
            principal.authorize(Requirement::HUMAN_ADMIN),
            Err(Denial::InsufficientScope { required })
        );
        let body = json!({"agentId": "builder", "ttlSeconds": 600});
        let run = world.server.http.post("/agent-runs", &world.member, &body);
        let run = run.json()["token"].as_str().expect("a secret").to_owned();
        let principal = world.verify(&run).expect("accepted");
        assert_eq!(
            principal.authorize(Requirement::HUMAN),
            Err(Denial::HumanTokenRequired)
        );
        assert!(principal.expires_at().is_some());

        for _ in 0..20 {
            let (id, token) = create(&world.server.http, &world.member);
            world.verify(&token).expect("accepted");
            let path = format!("/me/pats/{id}");
            assert_eq!(world.server.http.delete(&path, &world.member).status, 204);
            let refused = rejection(&world.verify(&token));
            assert_eq!(refused, Some(Rejection::NotAccepted));
        }
    }
}

#[test]
fn each_of_many_at_once_gets_its_own_principal() {
    let world = World::new(Kind::Sqlite);
    let mut tokens = vec![];
    for _ in 0..40 {
        tokens.push(create(&world.server.http, &world.member));
    }
    let mut tasks = JoinSet::new();
    let entered = world.runtime.enter();
    for round in 0..1_000 {
        let (id, token) = tokens[round % tokens.len()].clone();
        let verifier = world.verifier.clone();
        tasks.spawn(async move {
            let principal = verifier.verify(&token).await.expect("accepted");
            assert_eq!(principal.token_id().expect("a token").to_string(), id);
        });
    }
    drop(entered);
    assert_eq!(world.runtime.block_on(tasks.join_all()).len(), 1_000);
}

#[test]
fn large_introspections_leave_room_for_everyone_else() {
    let world = World::new(Kind::Sqlite);
    let generated = |seed| {
        let entropy = SeededEntropy::new(seed);
        let secret = || Secret::generate(TokenKind::Personal, &entropy).expect("entropy");
        let texts: Vec<String> = (0..1_000).map(|_| secret().expose().to_owned()).collect();
        json!({ "tokens": texts })
    };
    let (http, admin, member) = (&world.server.http, &world.admin, &world.member);
    let bodies: Vec<Value> = (1..=48).map(generated).collect();
    std::thread::scope(|scope| {
        let send = |body| scope.spawn(move || http.post("/auth/introspect", member, body));
        let large: Vec<_> = bodies.iter().map(send).collect();
        while large.iter().any(|request| !request.is_finished()) {
            assert_eq!(http.get("/me", admin).status, 200);
        }
        for request in large {
            let response = request.join().expect("a response");
            assert_eq!(response.status, 200, "{}", response.text);
        }
    });
}

#[test]
fn what_cannot_be_asked_is_an_outage_and_never_a_pass() {
    let world = World::new(Kind::Sqlite);
    let malformed = world.verify("hunter2");
    assert!(matches!(
        rejection(&malformed),
        Some(Rejection::Malformed(_))
    ));
    // The service's own token is revoked: nothing is known about any other.
    let path = format!("/me/pats/{}", world.service);
    let deleted = world.server.http.delete(&path, &world.member);
    assert_eq!(deleted.status, 204);
    assert!(is_outage(&world.verify(&world.admin)));

    let (_, token) = create(&world.server.http, &world.member);
    let verifier = RemoteVerifier::new(settings(&world.server.url, &token)).expect("settings");
    let verify = || world.runtime.block_on(verifier.verify(&world.admin));
    verify().expect("accepted");
    let elsewhere = settings(&format!("{}/elsewhere", world.server.url), &token);
    let elsewhere = RemoteVerifier::new(elsewhere).expect("settings");
    let missing = world.runtime.block_on(elsewhere.verify(&world.admin));
    let Err(VerifyError::Store(error)) = missing else {
        panic!("{missing:?}");
    };
    let causes = error.causes();
    assert!(causes.contains("404"), "{causes}");
    assert!(causes.contains("/elsewhere/auth/introspect"), "{causes}");
    world.server.signal("STOP");
    let begun = Instant::now();
    assert!(is_outage(&verify()));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "twice the deadline"
    );
    world.server.signal("CONT");
    verify().expect("accepted again");
    world.server.signal("KILL");
    assert!(is_outage(&verify()));
}

#[test]
fn the_extractors_are_the_same_as_in_the_server() {
    let world = World::new(Kind::Sqlite);
    let app = Router::new()
        .route("/notes", get(async |AnyToken(_): AnyToken| "notes"))
        .route("/all", get(async |HumanAdmin(_): HumanAdmin| "all notes"))
        .with_state(Guard::new(world.verifier.clone()));
    let listening = tokio::net::TcpListener::bind("127.0.0.1:0");
    let listener = world.runtime.block_on(listening).expect("a port");
    let address = listener.local_addr().expect("an address");
    world
        .runtime
        .spawn(async move { axum::serve(listener, app).await });
    let service = Client::new(&format!("http://{address}"));
    assert_eq!(service.get("/notes", &world.member).text, "notes");
    assert_eq!(service.get("/all", &world.admin).text, "all notes");
    let denied = service.get("/all", &world.member).outcome();
    assert_eq!(denied, (403, "insufficient_scope".to_owned()));
    let denied = service.send("GET", "/notes", &[], None).outcome();
    assert_eq!(denied, (401, "authentication_required".to_owned()));
    world.server.signal("KILL");
    let outage = service.get("/notes", &world.admin);
    assert_eq!(outage.outcome(), (503, "unavailable".to_owned()));
    let detail = "the token server is unavailable; retry shortly";
    assert_eq!(outage.json()["detail"], detail);
    assert_eq!(outage.header("retry-after"), "2");
}

#[test]
fn tokens_are_not_sent_unencrypted_to_another_machine() {
    let secret = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let plain = RemoteVerifier::new(settings("http://openindex.example.com", secret));
    assert!(matches!(plain.err(), Some(RemoteError::PlainHttp(_))));
    for (url, allows) in [
        ("https://openindex.example.com", false),
        ("http://127.0.0.1:8080", false),
        ("http://openindex.internal/oi", true),
    ] {
        let mut settings = settings(url, secret);
        settings.allows_plain_http = allows;
        assert!(RemoteVerifier::new(settings).is_ok(), "{url}");
    }
}

#[test]
fn only_tokens_with_the_prefixes_of_the_server_are_sent() {
    let of_openindex = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";
    let prefixes = SecretPrefixes::new("nts_", "ntsrun_").expect("prefixes");
    // Nothing listens there.
    let mut settings = settings("http://127.0.0.1:9", of_openindex);
    settings.prefixes = prefixes;
    let verifier = RemoteVerifier::new(settings).expect("settings");
    let runtime = Runtime::new().expect("a runtime");
    let entropy = SeededEntropy::new(1);
    let own = prefixes.generate(TokenKind::Personal, &entropy);
    let own = own.expect("entropy");
    let malformed = runtime.block_on(verifier.verify(of_openindex));
    assert!(matches!(
        malformed,
        Err(VerifyError::Rejected(Rejection::Malformed(_)))
    ));
    let sent = runtime.block_on(verifier.verify(own.expose()));
    assert!(matches!(sent, Err(VerifyError::Store(_))));
}

#[test]
fn the_example_asks_the_server_about_each_request() {
    let world = World::new(Kind::Sqlite);
    let (_, own) = create(&world.server.http, &world.member);
    let service = RecipeService::of_example("verify-only", &world.server.url, &own);
    let status = |path, token: &str| service.http.get(path, token).status;
    for round in 0..10 {
        let (id, token) = create(&world.server.http, &world.member);
        assert_eq!(status("/reports", &token), 200, "{round}");
        let path = format!("/me/pats/{id}");
        let deleted = world.server.http.delete(&path, &world.member);
        assert_eq!(deleted.status, 204);
        assert_eq!(status("/reports", &token), 401, "{round}");
    }
    assert_eq!(status("/settings", &world.member), 403);
    assert_eq!(status("/settings", &world.admin), 200);
    world.server.kill();
    assert_eq!(status("/reports", &world.member), 503);
}
