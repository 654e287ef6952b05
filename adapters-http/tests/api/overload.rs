//! More requests than the server handles at once: each waits for a limited time, and probes are
//! never delayed.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, header};
use openindex_adapters_http::server::LayerSettings;
use openindex_domain::testing::{MemoryStore, MockTokenStore, SeededEntropy};
use openindex_domain::token::{Secret, TokenKind};

use crate::support::{Ports, Server, TestResponse, with_token};

fn at_once(max_requests_in_progress: usize) -> LayerSettings {
    LayerSettings {
        max_requests_in_progress,
        overload_timeout: Duration::ZERO,
        ..LayerSettings::default()
    }
}

#[track_caller]
fn assert_overloaded(response: &TestResponse) {
    assert_eq!(response.problem(503), "overloaded");
    assert_eq!(response.header("retry-after"), "1");
    assert!(!response.headers.contains_key("www-authenticate"));
}

/// A server whose lookups signal when they start, and wait until the sender is dropped.
fn held(layers: LayerSettings) -> (Arc<Server>, Receiver<()>, Sender<()>) {
    let (enter, entered) = channel();
    let (release, released) = channel();
    let (enter, released) = (Mutex::new(enter), Mutex::new(released));
    let mut tokens = MockTokenStore::new();
    tokens.expect_find_by_digest().returning(move |_| {
        let _ = enter.lock().expect("a lock").send(());
        let _ = released.lock().expect("a lock").recv();
        Ok(None)
    });
    let memory = Arc::new(MemoryStore::default());
    let ports = Ports {
        tokens: Arc::new(tokens),
        ..Ports::of(&memory)
    };
    let server = Arc::new(Server::within(memory, ports, layers));
    (server, entered, release)
}

#[tokio::test]
async fn a_full_server_turns_everything_away_before_it_looks_at_the_token_except_probes() {
    let mut tokens = MockTokenStore::new();
    tokens.expect_find_by_digest().never();
    let memory = Arc::new(MemoryStore::default());
    let ports = Ports {
        tokens: Arc::new(tokens),
        ..Ports::of(&memory)
    };
    let server = Server::within(memory, ports, at_once(0));
    for path in ["/me", "/browse", "/no/such/path", "/openapi.json", "/"] {
        assert_overloaded(&server.get(path, "not a token").await);
    }
    for path in ["/health", "/ready"] {
        assert_eq!(server.get(path, "").await.status, 200, "{path}");
    }
    let scraped = server.metrics();
    assert!(
        scraped.contains("openindex_http_requests_shed_total 5\n"),
        "{scraped}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_is_free_again_when_its_request_completes() {
    let (server, entered, release) = held(at_once(1));
    let secret = Secret::generate(TokenKind::Personal, &SeededEntropy::new(9)).expect("entropy");
    let secret = secret.expose().to_owned();

    let (busy, token) = (server.clone(), secret.clone());
    let slow = tokio::spawn(async move { busy.get("/me", &token).await });
    tokio::task::block_in_place(|| entered.recv()).expect("it is in progress");
    assert!(
        server
            .metrics()
            .contains("openindex_http_requests_in_progress 1\n")
    );
    assert_overloaded(&server.get("/me", &secret).await);
    assert_eq!(server.get("/health", "").await.status, 200);

    drop(release);
    let response = slow.await.expect("a response");
    assert_eq!(response.problem(401), "token_unknown");
    let response = server.get("/me", &secret).await;
    assert_eq!(response.problem(401), "token_unknown");
    assert!(
        server
            .metrics()
            .contains("openindex_http_requests_in_progress 0\n")
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_its_turn_for_a_second_and_no_longer() {
    let memory = Arc::new(MemoryStore::default());
    let ports = Ports::of(&memory);
    let layers = LayerSettings {
        overload_timeout: LayerSettings::default().overload_timeout,
        ..at_once(0)
    };
    let server = Server::within(memory, ports, layers);
    let begun = tokio::time::Instant::now();
    assert_overloaded(&server.get("/me", "not a token").await);
    assert_eq!(begun.elapsed().as_millis() / 10, 100);
    let scraped = server.metrics();
    assert!(
        scraped.contains("openindex_http_requests_waiting 0\n"),
        "{scraped}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_request_is_served_when_a_slot_is_free() {
    let layers = LayerSettings {
        overload_timeout: Duration::from_secs(30),
        ..at_once(1)
    };
    let (server, entered, release) = held(layers);
    let secret = Secret::generate(TokenKind::Personal, &SeededEntropy::new(9)).expect("entropy");
    let ask = || {
        let (server, token) = (server.clone(), secret.expose().to_owned());
        tokio::spawn(async move { server.get("/me", &token).await })
    };
    let first = ask();
    tokio::task::block_in_place(|| entered.recv()).expect("it is in progress");
    let second = ask();
    while !server
        .metrics()
        .contains("openindex_http_requests_waiting 1\n")
    {
        tokio::task::yield_now().await;
    }
    assert!(entered.try_recv().is_err());
    drop(release);
    for response in [first, second] {
        assert_eq!(
            response.await.expect("a response").problem(401),
            "token_unknown"
        );
    }
}

#[tokio::test]
async fn a_body_that_does_not_arrive_occupies_no_slot() {
    let memory = Arc::new(MemoryStore::default());
    let ports = Ports::of(&memory);
    let server = Arc::new(Server::within(memory, ports, at_once(1)));
    let (asked, ask) = tokio::sync::oneshot::channel();
    let mut asked = Some(asked);
    let endless = futures_util::stream::poll_fn(move |_| {
        if let Some(asked) = asked.take() {
            let _ = asked.send(());
        }
        std::task::Poll::<Option<Result<http_body::Frame<axum::body::Bytes>, std::io::Error>>>::Pending
    });
    let request = Request::post("/me/pats")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::new(http_body_util::StreamBody::new(endless)))
        .expect("a request");
    let slow = server.clone();
    let slow = tokio::spawn(async move { slow.send_request(request).await });
    ask.await.expect("its body is being read");
    assert_eq!(server.get("/me", &server.admin()).await.status, 200);
    slow.abort();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_in_time_is_408_and_nothing_was_done() {
    let server = Server::new();
    let trickle = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let byte = http_body::Frame::data(axum::body::Bytes::from_static(b" "));
        Some((Ok::<_, std::io::Error>(byte), ()))
    });
    let request = with_token(Method::POST, "/me/pats", &server.admin())
        .header(header::CONTENT_TYPE, "application/json");
    let body = Body::new(http_body_util::StreamBody::new(trickle));
    let begun = tokio::time::Instant::now();
    let response = server.send(request, body).await;
    assert_eq!(response.problem(408), "request_timeout");
    assert_eq!(response.header("connection"), "close");
    let detail = response.json()["detail"].to_string();
    assert!(detail.contains("nothing was changed"), "{detail}");
    assert_eq!(begun.elapsed().as_secs(), 30);
}
