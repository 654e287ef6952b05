//! The alerts and the dashboard of `integrations`, in a real Prometheus that scrapes servers with
//! induced faults.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use openindex_tests::{Client, Database, Kind, Prometheus, Server, free_port};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Every alert and the server on which it fires, if it names one.
const ALERTS: [(&str, &str); 15] = [
    ("OpenIndexCertificateExpiring", "expiring"),
    ("OpenIndexDamagedRow", "ailing"),
    ("OpenIndexDatabaseConnectionsUsedUp", "ailing"),
    ("OpenIndexDatabaseSlow", "ailing"),
    ("OpenIndexDatabaseUnavailable", "ailing"),
    ("OpenIndexDown", "attacked"),
    ("OpenIndexErrors", "ailing"),
    ("OpenIndexNearConnectionLimit", "ailing"),
    ("OpenIndexNearRequestLimit", "ailing"),
    ("OpenIndexOverloaded", "ailing"),
    ("OpenIndexRejectedTokens", "attacked"),
    ("OpenIndexSignInFailures", "attacked"),
    ("OpenIndexTokensExpiring", ""),
    ("OpenIndexUsesNotWritten", "ailing"),
    ("OpenIndexVerificationSlow", "ailing"),
];

fn integration(path: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../integrations").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(integration(path)).expect(path)
}

/// Returns the lines of the rules that begin with this key, without it.
fn values<'a>(rules: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    rules.lines().filter_map(move |line| {
        let line = line.trim().trim_start_matches("- ");
        line.strip_prefix(key)
    })
}

/// Returns the expressions of the dashboard, for all servers and the last five minutes.
fn dashboard() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("grafana/openindex.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array());
    let expressions = targets.flatten().map(|target| {
        let expression = target["expr"].as_str().expect("an expression");
        expression
            .replace("$instance", ".*")
            .replace("$__rate_interval", "5m")
    });
    expressions.collect()
}

#[test]
fn promtool_accepts_the_rules_and_every_alert_says_what_to_do() {
    let checked = Command::new("promtool")
        .args(["check", "rules", "--lint=all", "--lint-fatal"])
        .arg(integration("prometheus/openindex.rules.yml"))
        .output()
        .expect("promtool runs");
    assert!(checked.status.success(), "{checked:?}");
    let rules = read("prometheus/openindex.rules.yml");
    let alerts: BTreeSet<_> = values(&rules, "alert: ").collect();
    assert_eq!(alerts, ALERTS.map(|(alert, _)| alert).into());
    for key in ["labels: { severity: ", "summary: ", "description: "] {
        assert_eq!(values(&rules, key).count(), alerts.len(), "{key}");
    }
    let page = include_str!("../../docs/metrics.md");
    for alert in alerts {
        assert!(page.contains(&format!("`{alert}`")), "{alert}");
    }
}

/// A server with metrics, on this port.
struct Monitored {
    server: Server,
    metrics: u16,
}

impl Monitored {
    fn start(database: &Database, arguments: &[&str]) -> Self {
        let metrics = free_port();
        let address = format!("127.0.0.1:{metrics}");
        let arguments = [arguments, &["--metrics-listen", &address]].concat();
        let server = Server::start_with(database, &arguments);
        Self { server, metrics }
    }
}

/// Starts a server with TLS whose certificate and one of whose tokens expire in two days.
fn expiring(database: &Database, directory: &TempDir) -> Monitored {
    let server = Server::start(database);
    let admin = Server::bootstrap(database).token;
    let body = json!({"name": "ci", "scope": "read_write", "expiresIn": 172_800});
    let created = server.http.post("/me/pats", &admin, &body);
    assert_eq!(created.status, 201, "{created:?}");
    let (status, _) = server.stop();
    assert!(status.success());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
                     -subj /CN=a -addext subjectAltName=DNS:localhost";
    let made = Command::new("openssl")
        .args(arguments.split_whitespace())
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{made:?}");
    let url = ["--public-url", "https://localhost"];
    let files = ["--tls-cert", &certificate, "--tls-key", &key];
    Monitored::start(database, &[&url[..], &files].concat())
}

/// Clients that repeat their requests until this is dropped.
#[derive(Default)]
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts a client of the server.
    fn repeat(&mut self, server: &Server, send: impl Fn(&Client) + Send + 'static) {
        let (http, stop) = (Client::new(&server.url), self.stop.clone());
        self.clients.push(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                send(&http);
            }
        }));
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            let ended = client.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a client failed");
        }
    }
}

/// Returns a request with this header. There may be no response: a server is killed, and another
/// has no free connection.
fn get(path: &'static str, name: &'static str, value: String) -> impl Fn(&Client) + Send {
    move |http| {
        let _ = http.try_send("GET", path, &[(name, &value)], None);
    }
}

fn sign_in(http: &Client) {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let form = "email=ada%40example.com&password=wrong";
    let _ = http.try_send("POST", "/sign-in", &headers, Some(form));
}

#[test]
fn every_alert_fires_with_its_fault_and_none_on_a_healthy_server() {
    let [healthy_database, attacked_database, expiring_database] =
        [(); 3].map(|()| Database::new(Kind::Sqlite));
    let healthy = Monitored::start(&healthy_database, &[]);
    let admin = Server::bootstrap(&healthy_database).token;
    let attacked = Monitored::start(&attacked_database, &[]);
    let directory = tempfile::tempdir().expect("a directory");
    let expiring = expiring(&expiring_database, &directory);
    let ailing_database = Database::new(Kind::Postgres);
    let limits = [
        "--max-requests-in-progress",
        "16",
        "--max-connections",
        "24",
    ];
    let ailing = Monitored::start(&ailing_database, &limits);
    let user = Server::bootstrap(&ailing_database).token;
    let cookie = ailing
        .server
        .sign_in_by_link(&ailing_database, "ada@example.com");

    let mut rules = read("prometheus/openindex.rules.yml");
    for time in values(&rules.clone(), "for: ") {
        rules = rules.replace(&format!("for: {time}\n"), "for: 0s\n");
    }
    let prometheus = Prometheus::start(
        &rules,
        &[
            ("healthy", healthy.metrics),
            ("attacked", attacked.metrics),
            ("expiring", expiring.metrics),
            ("ailing", ailing.metrics),
        ],
    );
    // Increases count from the first scrape on.
    prometheus.until("all are scraped", |it| it.query("up == 1").len() == 4);

    let body = json!({"name": "damaged", "scope": "read_write"});
    let damaged = ailing.server.http.post("/me/pats", &user, &body).json();
    ailing_database.damage("tokens", "scope", "scope = 'root' WHERE name = 'damaged'");
    let damaged = damaged["token"].as_str().expect("a token");
    assert_eq!(ailing.server.http.get("/me", damaged).status, 500);

    let mut load = Load::default();
    load.repeat(&healthy.server, move |http| {
        for path in ["/me", "/me/pats"] {
            assert_eq!(http.get(path, &admin).status, 200);
        }
        // Not at full speed, which would be a fault on a busy machine.
        std::thread::sleep(Duration::from_millis(20));
    });
    for _ in 0..4 {
        let authorization = format!("Bearer {user}");
        load.repeat(&ailing.server, get("/me", "authorization", authorization));
    }
    // After uses that are not written yet.
    let locked = ailing_database.lock_tables("tokens, sessions");
    for _ in 0..20 {
        let browse = get("/settings/tokens", "cookie", cookie.clone());
        load.repeat(&ailing.server, browse);
    }
    let guess = "Bearer oi_pat_guess".to_owned();
    load.repeat(&attacked.server, get("/me", "authorization", guess));
    load.repeat(&attacked.server, sign_in);

    let mut fired = BTreeSet::new();
    let mut until_fired = |is_expected: fn(&str, &str) -> bool| {
        let expected = ALERTS.iter().filter(|(alert, on)| is_expected(alert, on));
        let expected: Vec<_> = expected
            .map(|(alert, on)| ((*alert).to_owned(), (*on).to_owned()))
            .collect();
        prometheus.until("the alerts fire", |it| {
            fired.extend(it.firing());
            expected.iter().all(|alert| fired.contains(alert))
        });
    };
    until_fired(|alert, on| on == "attacked" && alert != "OpenIndexDown");
    attacked.server.kill();
    until_fired(|_, _| true);
    drop(locked);
    drop(load);
    let unexpected: Vec<_> = fired.iter().filter(|(_, on)| on == "healthy").collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");

    let days =
        prometheus.query("(openindex_tls_certificate_expiry_timestamp_seconds - time()) / 86400");
    let days: f64 = days[0]["value"][1]
        .as_str()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    assert!((1.9..=2.0).contains(&days), "{days}");
    let tokens = prometheus.query("openindex_tokens_expiring{instance='expiring'}");
    assert_eq!(tokens[0]["value"][1], "1", "{tokens:?}");

    let scraped = prometheus.metric_names();
    for (file, text) in [
        ("rules", read("prometheus/openindex.rules.yml")),
        ("dashboard", dashboard().join("\n")),
    ] {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let named = words.filter(|word| word.starts_with("openindex_"));
        let unknown: BTreeSet<_> = named.filter(|name| !scraped.contains(*name)).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    for expression in dashboard() {
        let result = prometheus.query(&expression);
        assert!(!result.is_empty(), "{expression}");
    }
}
