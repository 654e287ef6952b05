//! The server as an operator starts it, and its metrics, over sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use openindex_app::{Config, ListenAddress, Listener, build};
use openindex_domain::token::{RejectionReason, TokenName};
use openindex_domain::user::{Email, PersonName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    api: SocketAddr,
    metrics: SocketAddr,
    token: String,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Running {
    async fn start(max_requests_in_progress: usize) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}/oi.db", directory.path().display());
        let config = Config {
            metrics_listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            max_requests_in_progress,
            ..Config::on(url.parse().expect("a URL"))
        };
        let app = build(config).await.expect("a server");
        let created = app
            .use_cases
            .users
            .bootstrap(
                Email::parse("ada@example.com").expect("an address"),
                PersonName::parse("Ada").expect("a name"),
                TokenName::parse("bootstrap").expect("a name"),
            )
            .await
            .expect("an administrator");
        let token = created.issued.secret.expose().to_owned();
        let listener = app.listen().expect("a port");
        let metrics_listener = app
            .listen_for_metrics()
            .expect("a port")
            .expect("an address is configured");
        let address = |listener: &Listener| match listener.address() {
            ListenAddress::Tcp(address) => *address,
            ListenAddress::Unix(_) => unreachable!("not a path"),
        };
        let (api, metrics) = (address(&listener), address(&metrics_listener));
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(app.serve(listener, Some(metrics_listener), stopped));
        Self {
            api,
            metrics,
            token,
            stop,
            serving,
            _directory: directory,
        }
    }

    async fn api(&self, path: &str, token: &str) -> String {
        let authorization = format!("authorization: Bearer {token}\r\n");
        ask(self.api, "GET", path, &authorization).await
    }

    async fn scrape(&self) -> String {
        ask(self.metrics, "GET", "/metrics", "").await
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        tokio::time::timeout(Duration::from_secs(30), self.serving)
            .await
            .expect("it stops")
            .expect("without a panic");
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut response = String::new();
    stream
        .read_to_string(&mut response)
        .await
        .expect("a response");
    response
}

#[track_caller]
fn assert_shows(scraped: &str, line: &str) {
    assert!(
        scraped.lines().any(|shown| shown == line),
        "{line} is not in {scraped}"
    );
}

#[tokio::test]
async fn a_scrape_shows_what_was_done_and_no_secret() {
    let server = Running::start(1024).await;
    // Both run at once: a scrape blocks no request.
    tokio::join!(
        async {
            for _ in 0..20 {
                let response = server.api("/me", &server.token).await;
                assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
            }
        },
        async {
            for _ in 0..20 {
                server.scrape().await;
            }
        },
    );
    server
        .api(&format!("/{0}?token={0}", server.token), "oi_pat_canary")
        .await;
    server.api("/me", "oi_pat_canary").await;
    let scraped = server.scrape().await;
    assert!(scraped.starts_with("HTTP/1.1 200 "), "{scraped}");
    assert_shows(
        &scraped,
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    for line in [
        r#"openindex_http_requests_total{route="/me",method="GET",status="200"} 20"#,
        r#"openindex_http_requests_total{route="unmatched",method="GET",status="404"} 1"#,
        r#"openindex_verifications_total{outcome="accepted",kind="personal"} 20"#,
        r#"openindex_verifications_total{outcome="malformed",kind="personal"} 1"#,
        "openindex_connections_accepted_total 22",
        "# EOF",
    ] {
        assert_shows(&scraped, line);
    }
    for secret in [&server.token, &server.token[..12], "canary"] {
        assert!(!scraped.contains(secret), "{scraped}");
    }
    server.stop().await;
}

/// Returns the parts of a text that are in backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The labels of each metric family, by the name of its samples.
type Families = BTreeMap<String, BTreeSet<String>>;

fn documented() -> Families {
    let page = include_str!("../../docs/metrics.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `openindex_"));
    let mut families = Families::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        let labels = quoted(cells[2]);
        for name in quoted(cells[1]) {
            let labels = labels.iter().cloned().collect();
            assert!(
                families.insert(name.clone(), labels).is_none(),
                "{name} twice"
            );
        }
    }
    families
}

fn exposed(scraped: &str) -> Families {
    let mut families = Families::new();
    for line in scraped
        .lines()
        .filter(|line| line.starts_with("openindex_"))
    {
        let (sample, labels) = line.split_once('{').map_or_else(
            || (line.split(' ').next().unwrap_or_default(), ""),
            |(sample, rest)| (sample, rest.split('}').next().unwrap_or_default()),
        );
        let of_histogram = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| sample.strip_suffix(end));
        let name = of_histogram.or_else(|| sample.strip_suffix("_info").map(|_| sample));
        let labels = labels
            .split("\",")
            .filter_map(|label| label.split('=').next())
            .filter(|label| !label.is_empty() && *label != "le");
        let known = families
            .entry(name.unwrap_or(sample).to_owned())
            .or_default();
        known.extend(labels.map(str::to_owned));
    }
    families
}

#[tokio::test]
async fn the_documentation_lists_exactly_the_exposed_metrics_and_labels() {
    let server = Running::start(1024).await;
    server.api("/me", &server.token).await;
    // Counted when the server starts, but not before it listens.
    let counted = async {
        loop {
            let scraped = server.scrape().await;
            if scraped.contains("openindex_tokens{") {
                return scraped;
            }
            tokio::task::yield_now().await;
        }
    };
    let scraped = tokio::time::timeout(Duration::from_secs(30), counted).await;
    let scraped = scraped.expect("the tokens are counted");
    assert_shows(&scraped, r#"openindex_tokens{status="live"} 1"#);
    let mut documented = documented();
    let with_tls = documented.remove("openindex_tls_certificate_expiry_timestamp_seconds");
    assert!(with_tls.is_some());
    assert_eq!(documented, exposed(&scraped), "{scraped}");
    server.stop().await;
}

#[test]
fn the_documentation_lists_every_reason_of_a_rejection() {
    let page = include_str!("../../docs/metrics.md");
    let row = page
        .lines()
        .find(|line| line.starts_with("| `outcome` of a verification |"))
        .expect("a row");
    let values = quoted(row);
    for reason in RejectionReason::ALL {
        assert!(values.contains(&reason.to_string()), "{reason}");
    }
}

#[tokio::test]
async fn the_metrics_listener_serves_nothing_else_and_the_api_no_metrics() {
    let server = Running::start(1024).await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/metrics/"),
        ("GET", "/health"),
        ("GET", "/me"),
        ("GET", "/openapi.json"),
        ("POST", "/metrics"),
        ("HEAD", "/metrics"),
        ("GET", "/sign-in"),
    ] {
        let authorization = format!("authorization: Bearer {}\r\n", server.token);
        let response = ask(server.metrics, method, path, &authorization).await;
        assert!(
            response.starts_with("HTTP/1.1 404 ") && response.ends_with("\r\n\r\n"),
            "{method} {path}: {response}"
        );
    }
    let response = server.api("/metrics", &server.token).await;
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    server.stop().await;
}

#[tokio::test]
async fn health_checks_and_metrics_respond_while_the_server_is_full() {
    let server = Running::start(0).await;
    let response = server.api("/me", &server.token).await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert_shows(&response, "retry-after: 1");
    for path in ["/health", "/ready"] {
        let response = server.api(path, "").await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{path}: {response}");
    }
    assert_shows(
        &server.scrape().await,
        "openindex_http_requests_shed_total 1",
    );
    server.stop().await;
}
