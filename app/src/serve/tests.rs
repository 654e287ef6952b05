//! Clients that are silent, slow or too many, on real sockets.

use std::net::SocketAddr;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::routing::get;
use hyper::body::{Body as HttpBody, Frame};
use openindex_adapters_http::server::{LayerSettings, PeerAddress};
use openindex_adapters_system::SystemEntropy;
use openindex_domain::token::CreationRate;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::connections::ConnectionLimits;
use crate::listen::ListenAddress;
use crate::metrics::Metrics;

/// Far longer than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_hours(1);

/// Few connections, and no timeout that a test reaches.
const FEW: ConnectionLimits = ConnectionLimits {
    max: 2,
    head_timeout: LONG,
    idle_timeout: LONG,
    response_timeout: LONG,
};
/// More connections than a test opens.
const MANY: ConnectionLimits = ConnectionLimits { max: 1000, ..FEW };

struct Server {
    address: SocketAddr,
    metrics: Metrics,
    /// Permits for requests of `/wait` in progress, and permits that release them.
    waiting: Arc<Semaphore>,
    release: Arc<Semaphore>,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Server {
    fn start(limits: ConnectionLimits) -> Self {
        Self::start_draining(limits, SHORT)
    }

    fn start_draining(limits: ConnectionLimits, drain_for: Duration) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(&any.into()).unwrap();
        let ListenAddress::Tcp(address) = *listener.address() else {
            unreachable!("not a path")
        };
        let metrics = Metrics::new("test");
        let (waiting, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (enter, leave) = (waiting.clone(), release.clone());
        let router = Router::new()
            .route(
                "/",
                get(|request: Request<Body>| async move {
                    let PeerAddress(peer) = request.extensions().get().unwrap();
                    peer.to_string()
                }),
            )
            .route("/endless", get(|| async { Body::new(Endless) }))
            .route(
                "/wait",
                get(|| async move {
                    enter.add_permits(1);
                    leave.acquire().await.unwrap().forget();
                    "waited"
                }),
            );
        let (_, router) = watch::channel(router);
        let slots = Slots::new(limits, metrics.connections.clone());
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let unserved = Unserved::new(Arc::new(SystemEntropy), None);
        let accepting = tokio::spawn(accept(
            listener, None, router, slots, unserved, stopped, drain_for,
        ));
        Self {
            address,
            metrics,
            waiting,
            release,
            stop: Some(stop),
            accepting,
        }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Returns a client whose request is in progress.
    async fn busy(&self) -> Client {
        let mut client = self.connect().await;
        client.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
        within(self.waiting.acquire()).await.unwrap().forget();
        client
    }

    fn count(&self, name: &str) -> u64 {
        let rendered = self.metrics.render();
        rendered
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("{name} is not in {rendered}"))
    }

    fn cut(&self, reason: &str) -> u64 {
        self.count(&format!(
            "openindex_connections_dropped_total{{reason=\"{reason}\"}}"
        ))
    }

    /// Waits until a connection has been closed for this reason.
    async fn until_cut(&self, reason: &str) {
        within(async {
            while self.cut(reason) != 1 || self.count("openindex_connections_open") != 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Sends a request and reads its response, up to a body that ends with `end`.
    async fn ask(&mut self, path: &str, end: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await;
        self.read_response(end).await
    }

    async fn read_response(&mut self, end: &str) -> String {
        let mut response = Vec::new();
        within(async {
            while !response.ends_with(end.as_bytes()) {
                let read = self.0.read_buf(&mut response).await.unwrap();
                let so_far = String::from_utf8_lossy(&response);
                assert!(read > 0, "the connection ended after {so_far:?}");
            }
        })
        .await;
        String::from_utf8(response).unwrap()
    }

    /// Waits until the server closes the connection, and returns what it sent before.
    async fn closed(&mut self) -> String {
        let mut said = Vec::new();
        // A reset also ends the connection.
        let _ = within(self.0.read_to_end(&mut said)).await;
        String::from_utf8(said).unwrap()
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, what)
        .await
        .expect("no timeout")
}

/// A body without an end.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let some = Bytes::from_static(&[b'x'; 16 * 1024]);
        std::task::Poll::Ready(Some(Ok(Frame::data(some))))
    }
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_disconnected() {
    let server = Server::start(ConnectionLimits {
        head_timeout: SHORT,
        ..MANY
    });
    let begun = Instant::now();
    let mut client = server.connect().await;
    assert_eq!(client.closed().await, "");
    assert!(begun.elapsed() >= SHORT);
    server.until_cut("head_timeout").await;
}

/// Asserts that a response is the 408 for a head that did not arrive in time.
#[track_caller]
fn assert_too_slow(said: &str) {
    let (head, body) = said.split_once("\r\n\r\n").expect("a complete response");
    assert!(head.starts_with("HTTP/1.1 408 "), "{head}");
    for header in [
        "content-type: application/problem+json",
        "connection: close",
    ] {
        assert!(head.lines().any(|line| line == header), "{head}");
    }
    assert!(head.contains("\r\nx-request-id: req_"), "{head}");
    assert!(head.contains("\r\ndate: "), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["code"], "request_timeout");
}

#[tokio::test]
async fn a_head_that_trickles_in_is_408_at_the_head_timeout() {
    let server = Server::start(ConnectionLimits {
        head_timeout: SHORT,
        ..MANY
    });
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: x\r\n").await;
    let (mut read, mut write) = client.0.split();
    let trickle = async {
        while write.write_all(b"a: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let mut said = Vec::new();
    let end = async {
        let _ = read.read_to_end(&mut said).await;
    };
    within(async {
        tokio::select! { () = trickle => {}, () = end => {} }
    })
    .await;
    assert_too_slow(&String::from_utf8(said).unwrap());
    assert_eq!(server.cut("head_timeout"), 1);
}

#[tokio::test]
async fn a_head_that_stops_anywhere_is_408_on_a_new_or_a_used_connection() {
    let server = Server::start(ConnectionLimits {
        head_timeout: SHORT,
        ..MANY
    });
    let whole = "GET / HTTP/1.1\r\nhost: x\r\na: b\r\n\r";
    for before in ["", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        for end in [1, 3, 5, 9, 14, 15, 16, 18, 22, 25, 30, whole.len()] {
            let mut client = server.connect().await;
            if !before.is_empty() {
                client.send(before).await;
                client.read_response("127.0.0.1").await;
            }
            client.send(&whole[..end]).await;
            assert_too_slow(&client.closed().await);
        }
    }
}

#[tokio::test]
async fn an_idle_client_that_sent_an_empty_line_gets_no_response() {
    let server = Server::start(ConnectionLimits {
        head_timeout: SHORT,
        idle_timeout: SHORT,
        ..MANY
    });
    let mut client = server.connect().await;
    client.send("\r\n").await;
    assert_eq!(client.closed().await, "");
    let mut client = server.connect().await;
    client.ask("/", "127.0.0.1").await;
    client.send("\r\n\r\n").await;
    assert_eq!(client.closed().await, "");
}

#[tokio::test]
async fn idle_time_does_not_count_toward_the_head_timeout() {
    let server = Server::start(ConnectionLimits {
        idle_timeout: SHORT,
        ..MANY
    });
    let mut client = server.connect().await;
    client.ask("/", "127.0.0.1").await;
    client.send("GET / HTTP/1.1\r\n").await;
    tokio::time::sleep(SHORT * 4).await;
    client.send("host: x\r\n\r\n").await;
    let response = client.read_response("127.0.0.1").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
}

#[tokio::test]
async fn an_idle_connection_outlives_the_head_timeout_but_not_the_idle_timeout() {
    let server = Server::start(ConnectionLimits {
        head_timeout: SHORT * 10,
        ..MANY
    });
    let mut client = server.connect().await;
    assert!(
        client
            .ask("/", "127.0.0.1")
            .await
            .starts_with("HTTP/1.1 200")
    );
    tokio::time::sleep(SHORT * 15).await;
    assert!(
        client
            .ask("/", "127.0.0.1")
            .await
            .starts_with("HTTP/1.1 200")
    );

    let server = Server::start(ConnectionLimits {
        idle_timeout: SHORT,
        ..MANY
    });
    let mut client = server.connect().await;
    client.ask("/", "127.0.0.1").await;
    assert_eq!(client.closed().await, "");
    server.until_cut("idle_timeout").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let server = Server::start(ConnectionLimits {
        response_timeout: SHORT,
        ..MANY
    });
    let mut client = server.connect().await;
    client
        .send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    server.until_cut("response_timeout").await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_steadily_gets_its_response() {
    let server = Server::start(ConnectionLimits {
        response_timeout: SHORT * 10,
        ..MANY
    });
    let mut client = server.connect().await;
    client
        .send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let begun = Instant::now();
    let mut buffer = vec![0; 4 * 1024 * 1024];
    while begun.elapsed() < SHORT * 20 {
        assert!(within(client.0.read(&mut buffer)).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(server.cut("response_timeout"), 0);
}

#[tokio::test]
async fn a_request_in_progress_does_not_count_as_idle() {
    let server = Server::start(ConnectionLimits {
        idle_timeout: SHORT,
        response_timeout: SHORT,
        ..FEW
    });
    let mut busy = server.busy().await;
    tokio::time::sleep(SHORT * 4).await;
    // Nor is it evicted.
    for _ in 0..10 {
        let mut other = server.connect().await;
        assert!(
            other
                .ask("/", "127.0.0.1")
                .await
                .starts_with("HTTP/1.1 200")
        );
    }
    server.release.add_permits(1);
    assert!(
        busy.read_response("waited")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn silent_clients_do_not_block_others() {
    let server = Server::start(FEW);
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(server.connect().await);
    }
    let mut idle = server.connect().await;
    idle.ask("/", "127.0.0.1").await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = server.connect().await;
        let response = client.ask("/", "127.0.0.1").await;
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        clients.push(client);
    }
    for mut silent in silent {
        assert_eq!(silent.closed().await, "");
    }
    assert_eq!(idle.closed().await, "");
    assert_eq!(server.cut("limit_reached"), 0);
    assert!(server.cut("evicted") >= 199);
    assert!(server.count("openindex_connections_open") <= 2);
}

#[tokio::test]
async fn a_server_full_of_requests_responds_503_and_recovers() {
    let server = Server::start(FEW);
    let (mut one, mut two) = (server.busy().await, server.busy().await);
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let response = client.closed().await;
        let (head, body) = response
            .split_once("\r\n\r\n")
            .expect("a complete response");
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        for header in [
            "content-type: application/problem+json",
            "retry-after: 1",
            "connection: close",
            "cache-control: no-store",
            &format!("content-length: {}", body.len()),
        ] {
            assert!(head.lines().any(|line| line == header), "{head}");
        }
        assert!(head.contains("\r\nx-request-id: req_"), "{head}");
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["code"], "overloaded");
        assert_eq!(problem["status"], 503);
    }
    assert_eq!(server.cut("limit_reached"), 3);
    server.release.add_permits(2);
    one.read_response("waited").await;
    two.read_response("waited").await;
    let mut client = server.connect().await;
    assert!(
        client
            .ask("/", "127.0.0.1")
            .await
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_waits_no_longer_than_the_drain_timeout() {
    let mut server = Server::start(MANY);
    let (mut silent, mut idle) = (server.connect().await, server.connect().await);
    idle.ask("/", "127.0.0.1").await;
    let _busy = server.busy().await;
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(silent.closed().await, "");
    assert_eq!(idle.closed().await, "");
    within(server.accepting).await.unwrap();
}

#[tokio::test]
async fn stopping_waits_for_requests_in_progress_but_not_for_incomplete_heads() {
    let mut server = Server::start_draining(MANY, TIMEOUT * 2);
    let mut half = server.connect().await;
    half.send("GET / HTTP/1.1\r\nhost: x\r\nx-half").await;
    let mut again = server.connect().await;
    again.ask("/", "127.0.0.1").await;
    again.send("POST / HTTP/1.1\r\nhost:").await;
    let mut busy = server.busy().await;
    server.stop.take().unwrap().send(()).unwrap();
    assert_eq!(half.closed().await, "");
    assert_eq!(again.closed().await, "");
    server.release.add_permits(1);
    let response = busy.read_response("waited").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    within(server.accepting).await.unwrap();
}

/// SECURITY.md names these numbers.
#[test]
fn the_documented_limits_are_the_defaults() {
    let limits = ConnectionLimits::default();
    let timeouts = [
        limits.head_timeout,
        limits.idle_timeout,
        limits.response_timeout,
    ];
    assert_eq!(timeouts.map(|timeout| timeout.as_secs()), [10, 60, 30]);
    let layers = LayerSettings::default();
    assert_eq!(layers.request_timeout.as_secs(), 30);
    assert_eq!(layers.overload_timeout.as_secs(), 1);
    let rates = [CreationRate::DEFAULT_TOKENS, CreationRate::DEFAULT_RUNS];
    assert_eq!(rates.map(CreationRate::limit), [1_000, 10_000]);
}
