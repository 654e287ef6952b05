//! Real proxies in front of the built server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use openindex_tests::{Client, Database, HaProxy, Kind, Nginx, Server, free_port};
use serde_json::json;

const UNDECLARED: &str = "is not a trusted proxy";
const SILENT: &str = "no X-Forwarded-For from a trusted proxy";

/// Returns a header of the response to a `GET` by a client that accepts gzip.
fn header_of(port: u16, path: &str, token: &str, name: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\
         Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("a response");
    let response = String::from_utf8_lossy(&response).into_owned();
    assert!(response.contains("Content-Encoding: gzip"), "{response}");
    let value = response
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(given, _)| given.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim_end().to_owned());
    value.unwrap_or_else(|| panic!("no {name} in {response}"))
}

#[test]
fn an_item_is_changed_with_the_etag_that_a_compressing_proxy_passed_on() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database).token;
    let port = free_port();
    let _nginx = Nginx::start(
        port,
        &format!(
            "gzip on; gzip_proxied any; gzip_types application/json; gzip_min_length 1; \
             location / {{ proxy_pass http://{}; }}",
            server.address
        ),
    );
    let proxied = Client::new(&format!("http://127.0.0.1:{port}"));
    let item = json!({"domain": "OPS", "title": "Fix the pump"});
    let made = proxied.post("/browse", &admin, &item);
    let path = format!("/browse/{}", made.json()["key"].as_str().expect("a key"));
    for version in 1..=2 {
        let etag = header_of(port, &path, &admin, "etag");
        assert_eq!(etag, format!("W/\"{version}\""), "nginx weakens it");
        let headers = [
            ("authorization", &*format!("Bearer {admin}")),
            ("content-type", "application/json"),
            ("if-match", &etag),
        ];
        let title = format!(r#"{{"title":"Pump {version}"}}"#);
        let changed = proxied.send("PATCH", &path, &headers, Some(&title));
        assert_eq!(changed.status, 200, "{changed:?}");
        // The tag no longer names the current version.
        let again = proxied.send("PATCH", &path, &headers, Some(r#"{"title":"No"}"#));
        assert_eq!(again.outcome(), (412, "version_mismatch".to_owned()));
    }
}

/// Sends three requests through the proxy and returns the log.
fn log_through(port: u16, server: Server) -> String {
    let proxied = Client::new(&format!("http://127.0.0.1:{port}"));
    for _ in 0..3 {
        let headers = [("forwarded", "for=canary-of-a-client")];
        assert_eq!(proxied.send("GET", "/me", &headers, None).status, 401);
    }
    let (_, log) = server.stop();
    assert!(!log.contains("canary-of-a-client"), "{log}");
    log
}

fn nginx(server: &Server, more: &str) -> (u16, Nginx) {
    let port = free_port();
    let location = format!(
        "location / {{ proxy_pass http://{}; {more} }}",
        server.address
    );
    (port, Nginx::start(port, &location))
}

#[test]
fn an_undeclared_proxy_is_logged_once() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let (port, _nginx) = nginx(&server, "proxy_set_header X-Forwarded-For $remote_addr;");
    let log = log_through(port, server);
    assert_eq!(log.matches(UNDECLARED).count(), 1, "{log}");
    assert!(log.contains("--trusted-proxies"), "{log}");

    let server = Server::start(&database);
    let port = free_port();
    let _haproxy = HaProxy::start(port, &server.address);
    let log = log_through(port, server);
    assert_eq!(log.matches(UNDECLARED).count(), 1, "{log}");
}

#[test]
fn a_declared_proxy_that_omits_its_clients_is_logged() {
    let database = Database::new(Kind::Sqlite);
    let declared = ["--trusted-proxies", "127.0.0.1"];
    let server = Server::start_with(&database, &declared);
    let (port, _nginx) = nginx(&server, "");
    let log = log_through(port, server);
    assert_eq!(log.matches(SILENT).count(), 1, "{log}");
    assert!(!log.contains(UNDECLARED), "{log}");

    let server = Server::start_with(&database, &declared);
    let port = free_port();
    let _haproxy = HaProxy::start(port, &server.address);
    let log = log_through(port, server);
    assert!(!log.contains(SILENT) && !log.contains(UNDECLARED), "{log}");
}
