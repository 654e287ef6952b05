//! Traces over OTLP, as a collector receives them.

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use openindex_adapters_http::remote::{RemoteSettings, RemoteVerifier};
use openindex_domain::token::Secret;
use openindex_tests::{Database, Kind, Oi, Server, both_stores, free_port, hex, read_request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

both_stores! {
    a_request_is_in_the_trace_of_its_client_with_all_that_it_does,
}

/// A collector that retains what it receives.
struct Collector {
    url: String,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let all = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, all) = (stream.expect("a connection"), all.clone());
                std::thread::spawn(move || receive(stream, &all));
            }
        });
        Self { url, received }
    }

    fn text(&self) -> String {
        let received = self.received.lock().expect("what was received");
        String::from_utf8_lossy(&received.concat()).into_owned()
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().expect("what was received");
        let exports = received.iter().map(|body| {
            ExportTraceServiceRequest::decode(body.as_slice()).expect("an export of spans")
        });
        let resources = exports.flat_map(|export| export.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

fn receive(mut stream: TcpStream, all: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("the stream"));
    while let Some((head, body)) = read_request(&mut reader) {
        assert_eq!(head[0], "POST /v1/traces HTTP/1.1");
        all.lock().expect("what was received").push(body);
        let response = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(response).expect("a response");
    }
}

/// Returns the attributes of a span as text.
fn attributes(span: &Span) -> BTreeMap<&str, String> {
    let text = |value: &Attribute| match value {
        Attribute::StringValue(text) => text.clone(),
        Attribute::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let attributes = span.attributes.iter().map(|it| {
        let value = it.value.as_ref().and_then(|value| value.value.as_ref());
        (it.key.as_str(), text(value.expect("a value")))
    });
    attributes.collect()
}

#[track_caller]
fn only(spans: &[Span], is_wanted: impl Fn(&Span) -> bool) -> &Span {
    let mut found = spans.iter().filter(|span| is_wanted(span));
    let first = found.next();
    assert!(first.is_some() && found.next().is_none(), "{spans:#?}");
    first.expect("a span")
}

fn a_request_is_in_the_trace_of_its_client_with_all_that_it_does(kind: Kind) {
    let collector = Collector::start();
    let database = Database::new(kind);
    let server = Server::start_with(&database, &["--otlp-endpoint", &collector.url]);
    let admin = Server::bootstrap(&database).token;
    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let headers = [
        ("authorization", &*format!("Bearer {admin}")),
        ("content-type", "application/json"),
        ("traceparent", &format!("00-{trace}-{parent}-01")),
    ];
    let body = json!({"name": "ci", "scope": "read_write"}).to_string();
    let created = server.http.send("POST", "/me/pats", &headers, Some(&body));
    assert_eq!(created.status, 201, "{created:?}");
    let secret = created.json()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(server.http.get("/me", &secret).status, 200);
    let (status, log) = server.stop();
    assert!(status.success());

    let spans = collector.spans();
    let in_trace = |name: &str| {
        only(&spans, |span| {
            span.name == name && hex(&span.trace_id) == trace
        })
    };
    let request = in_trace("POST /me/pats");
    assert_eq!(hex(&request.parent_span_id), parent);
    assert_eq!(request.kind, SpanKind::Server as i32);
    let expected = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("http.route", "/me/pats"),
        ("openindex.request_id", trace),
    ];
    assert_eq!(
        attributes(request),
        expected.map(|(key, value)| (key, value.to_owned())).into()
    );
    let use_case = in_trace("createPat");
    let verification = in_trace("verify");
    let lookup = in_trace("TokenStore.find_by_digest");
    let change = in_trace("TokenStore.create_token");
    for (child, its_parent) in [
        (use_case, request),
        (verification, use_case),
        (lookup, verification),
        (change, use_case),
    ] {
        assert_eq!(child.parent_span_id, its_parent.span_id, "{}", child.name);
        assert!(child.start_time_unix_nano >= its_parent.start_time_unix_nano);
    }
    // A batch is of several requests, so it is in a trace of its own and linked to each.
    let batch = only(&spans, |span| {
        span.links.iter().any(|link| link.span_id == lookup.span_id)
    });
    assert_eq!(batch.name, "lookup batch");
    assert_eq!(hex(&batch.links[0].trace_id), trace);
    assert_ne!(hex(&batch.trace_id), trace);
    assert_eq!(attributes(batch)["openindex.outcome"], "Succeeded");

    let untraced = only(&spans, |span| span.name == "GET /me");
    assert!(untraced.parent_span_id.is_empty(), "{untraced:?}");
    let line = log
        .lines()
        .find(|line| line.contains("request completed") && line.contains(r#""route":"/me""#));
    let line: Value = serde_json::from_str(line.expect("a line")).expect("JSON");
    assert_eq!(line["spans"][0]["trace_id"], hex(&untraced.trace_id));
    assert!(line.get("span").is_none(), "each span once: {line}");
    let begun = log
        .lines()
        .find(|line| line.contains("traces are exported"));
    let url = format!(r#""url":"{}/v1/traces""#, collector.url);
    assert!(begun.is_some_and(|line| line.contains(&url)), "{log}");
    assert!(!log.contains("TokenStore"), "no line for each span: {log}");

    let text = collector.text();
    assert!(text.contains("openindex"), "the name of the service");
    for private in [
        &*admin,
        &secret,
        &secret[7..],
        "oi_pat_",
        "ada@example.com",
        "127.0.0.1",
    ] {
        assert!(!text.contains(private), "{private}");
    }
}

#[test]
fn a_trace_is_handed_on_by_the_command_and_by_a_service_that_verifies_remotely() {
    let collector = Collector::start();
    let database = Database::new(Kind::Sqlite);
    let server = Server::start_with(&database, &["--otlp-endpoint", &collector.url]);
    let admin = Server::bootstrap(&database).token;
    let parent = |trace: &str| format!("00-{trace}-b7ad6b7169203331-01");
    let (of_command, of_service) = ("1".repeat(32), "2".repeat(32));
    let long = "a".repeat(100_000);
    for value in [&*parent(&of_command), "\n", "none", &long] {
        let listed = Oi::new()
            .with_env("OPENINDEX_APP_URL", &server.url)
            .with_env("OPENINDEX_TOKEN", &admin)
            .with_env("TRACEPARENT", value)
            .run(&["settings", "personal", "tokens", "list"]);
        assert_eq!(listed.code, 0, "{listed:?}");
    }
    let token = Secret::parse(&admin).expect("a secret");
    let mut settings = RemoteSettings::new(server.url.parse().expect("a URL"), token);
    let value = parent(&of_service).parse().expect("a header");
    settings.headers = Some(Arc::new(move |headers| {
        headers.insert("traceparent", HeaderValue::clone(&value));
        // What the verifier itself sends takes precedence.
        headers.insert("authorization", HeaderValue::from_static("Bearer x"));
    }));
    let verifier = RemoteVerifier::new(settings).expect("valid settings");
    let runtime = Runtime::new().expect("a runtime");
    let principal = runtime.block_on(verifier.verify(&admin));
    assert!(principal.is_ok(), "{principal:?}");
    assert!(server.stop().0.success());

    let spans = collector.spans();
    for (trace, name) in [
        (&of_command, "GET /me/pats"),
        (&of_service, "POST /auth/introspect"),
    ] {
        let is_wanted = |span: &Span| hex(&span.trace_id) == *trace && span.name == name;
        let request = only(&spans, is_wanted);
        assert_eq!(hex(&request.parent_span_id), "b7ad6b7169203331");
    }
}

#[test]
fn without_a_collector_there_is_no_trace() {
    let server = Server::start(&Database::new(Kind::Sqlite));
    let headers = [(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )];
    assert_eq!(
        server.http.send("GET", "/health", &headers, None).status,
        200
    );
    let line = server.until_logged("request completed");
    assert!(!line.contains("trace_id"), "{line}");
}

/// Returns the memory of a process that is in use, in KiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("its state");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("a size")
}

/// A collector that is down, and one that accepts connections and never responds.
#[test]
fn a_collector_that_does_not_respond_delays_no_request_and_fills_no_memory() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let silent_port = silent.local_addr().expect("its address").port();
    for port in [free_port(), silent_port] {
        let endpoint = format!("http://127.0.0.1:{port}");
        let database = Database::new(Kind::Sqlite);
        let server = Server::start_with(&database, &["--otlp-endpoint", &endpoint]);
        let admin = Server::bootstrap(&database).token;
        let mut before = 0;
        // Each has several spans, so the queue is full after a third of them.
        for number in 0..2_000 {
            if number == 1_000 {
                before = memory(server.id());
            }
            let begun = Instant::now();
            assert_eq!(server.http.get("/me", &admin).status, 200);
            // An export takes 5 seconds until it fails.
            assert!(begun.elapsed() < Duration::from_secs(5), "{number}");
        }
        let grown = memory(server.id()).saturating_sub(before);
        assert!(grown < 16 * 1024, "{grown} KiB");
        let line = server.until_logged("traces not exported");
        let reason = if port == silent_port {
            "no response within 5 s"
        } else {
            "Connection refused"
        };
        assert!(line.contains(&format!("{endpoint}/v1/traces")), "{line}");
        assert!(line.contains(reason), "{line}");
        let (status, log) = server.stop();
        assert!(status.success(), "{log}");
        assert_eq!(log.matches("traces not exported").count(), 1, "{log}");
    }
}
