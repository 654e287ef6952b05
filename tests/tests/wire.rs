//! Errors below HTTP, over a real socket: nothing that a client sends causes a 5xx, ends the server
//! or bypasses a check.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use openindex_tests::{Database, Kind, Server};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Sends raw bytes and reads until the server closes. With `finish`, the sending side is closed;
/// otherwise a server waits for the rest of a broken request.
fn raw(server: &Server, bytes: &[u8], finish: bool) -> String {
    let address = server.url.strip_prefix("http://").expect("a plain URL");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a time-out");
    // The server may respond and close before it has read everything.
    let _ = stream.write_all(bytes);
    if finish {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut response = vec![];
    let _ = stream.read_to_end(&mut response);
    String::from_utf8_lossy(&response).into_owned()
}

fn status(response: &str) -> Option<u16> {
    response.split(' ').nth(1)?.parse().ok()
}

#[test]
fn each_error_in_the_status_list_is_returned_over_a_socket() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database).token;
    let auth = format!("Host: x\r\nAuthorization: Bearer {admin}\r\nConnection: close\r\n");
    let json = "Content-Type: application/json\r\n";
    let large = "x".repeat(20_000);
    let very_large = "x".repeat(200_000);
    for (request, expected) in [
        (format!("GET /me HTTP/1.1\r\n{auth}\r\n"), 200),
        (format!("GET /me HTTP/1.1\r\n{auth}{auth}\r\n"), 400),
        ("GET /me HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        (
            format!("POST /me/pats HTTP/1.1\r\n{auth}{json}Content-Length: 1\r\n\r\n{{"),
            400,
        ),
        (
            "GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
            401,
        ),
        (format!("GET /nothing HTTP/1.1\r\n{auth}\r\n"), 404),
        (format!("DELETE /me HTTP/1.1\r\n{auth}\r\n"), 405),
        (
            format!("POST /me/pats HTTP/1.1\r\n{auth}{json}Content-Length: 65537\r\n\r\n"),
            413,
        ),
        (
            format!(
                "POST /me/pats HTTP/1.1\r\n{auth}{json}Transfer-Encoding: chunked\r\n\r\n30D40\r\n{very_large}\r\n0\r\n\r\n"
            ),
            413,
        ),
        (
            format!(
                "POST /me/pats HTTP/1.1\r\n{auth}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            415,
        ),
        (
            format!("GET /me HTTP/1.1\r\n{auth}X-Large: {large}\r\n\r\n"),
            431,
        ),
        (
            format!("GET /me HTTP/1.1\r\n{auth}X-Large: {very_large}\r\n\r\n"),
            431,
        ),
    ] {
        let response = raw(&server, request.as_bytes(), false);
        let start: String = request.chars().take(60).collect();
        assert_eq!(status(&response), Some(expected), "{start}: {response}");
    }
    assert_eq!(server.http.get("/me", &admin).status, 200);
}

#[test]
fn a_rejected_request_leaves_the_connection_usable() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let address = server.url.strip_prefix("http://").expect("a plain URL");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a time-out");
    let mut statuses = vec![];
    for _ in 0..3 {
        let head = "POST /me/pats HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
        // The body comes after the head, as from a client on a slow network.
        stream
            .write_all(head.as_bytes())
            .expect("the head goes out");
        stream.write_all(b"{}").expect("the body goes out");
        statuses.push(read_response(&mut stream));
    }
    assert_eq!(statuses, [401, 401, 401]);
}

/// Reads one response with a body of known length and returns its status.
fn read_response(stream: &mut TcpStream) -> u16 {
    let mut response = vec![];
    let mut byte = [0];
    while !response.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("the head comes");
        response.push(byte[0]);
    }
    let head = String::from_utf8(response).expect("text");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .expect("a length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("the body comes");
    status(&head).expect("a status")
}

#[test]
fn arbitrary_bytes_never_yield_a_5xx_or_end_the_server() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database).token;
    let header = prop_oneof![
        "[A-Za-z-]{1,20}: [ -~]{0,40}",
        "Authorization: (Bearer|bearer|Basic) [ -~]{0,60}",
        "Content-Length: [0-9]{1,20}",
        "Transfer-Encoding: [a-z, ]{0,20}",
        Just(format!("Authorization: Bearer {admin}")),
    ];
    let requests = (
        "[A-Z]{1,8} /[!-~]{0,40} HTTP/1\\.[0-9]|GET /me HTTP/1.1|POST /me/pats HTTP/1.1",
        prop::collection::vec(header, 0..6),
        prop::collection::vec(any::<u8>(), 0..200),
    )
        .prop_map(|(line, headers, body)| {
            let head = format!("{line}\r\nHost: x\r\n{}\r\n\r\n", headers.join("\r\n"));
            [head.into_bytes(), body].concat()
        });
    let bytes = prop_oneof![4 => requests, 1 => prop::collection::vec(any::<u8>(), 0..400)];
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(200)
    });
    runner
        .run(&bytes, |bytes| {
            let response = raw(&server, &bytes, true);
            prop_assert!(
                status(&response).is_none_or(|status| status < 500),
                "{}",
                response
            );
            Ok(())
        })
        .expect("no 5xx");
    assert_eq!(server.http.get("/health", "").status, 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// Returns the responses on a connection; each has a length.
fn responses(mut text: &str) -> Vec<(String, String)> {
    let mut responses = vec![];
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().expect("a length"));
        responses.push((head.to_owned(), rest[..length].to_owned()));
        text = &rest[length..];
    }
    assert_eq!(text, "");
    responses
}

#[track_caller]
fn assert_problem((head, body): &(String, String), expected: u16) -> String {
    assert_eq!(status(head), Some(expected), "{head}");
    let has = |line: &str| head.lines().any(|found| found == line);
    assert!(has("content-type: application/problem+json"), "{head}");
    assert!(has("cache-control: no-store"), "{head}");
    assert!(has("connection: close"), "{head}");
    assert!(head.contains("\r\ndate: "), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(problem["status"], expected);
    let id = head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    id.expect("a request id").to_owned()
}

#[test]
fn a_malformed_request_is_a_problem_that_is_logged_and_counted() {
    let database = Database::new(Kind::Sqlite);
    let monitoring = openindex_tests::free_port();
    let monitoring = format!("127.0.0.1:{monitoring}");
    let server = Server::start_with(&database, &["--metrics-listen", &monitoring]);
    let many = "X: x\r\n".repeat(200);
    let large = "x".repeat(200_000);
    let target = "x".repeat(65_534);
    let get = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut rejected = vec![];
    for (request, expected) in [
        ("GET /me HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
        ("GET /me HTTP/1.1\r\nHost : x\r\n\r\n".to_owned(), 400),
        ("GET /me HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET  /me HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET /me\t HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET /me\u{1} HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET /me\u{7f} HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET ?q HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        ("GET http:///me HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400),
        (
            "GET http://a%zz/me HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            400,
        ),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}".to_owned(), 400),
        (
            "POST /browse HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n".to_owned(),
            400,
        ),
        (
            "POST /browse HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
            400,
        ),
        (format!("GET /me HTTP/1.1\r\nHost: x\r\n{many}\r\n"), 431),
        (
            format!("GET /me HTTP/1.1\r\nHost: x\r\nX: {large}\r\n\r\n"),
            431,
        ),
        (format!("GET /{target} HTTP/1.1\r\nHost: x\r\n\r\n"), 431),
    ] {
        // Alone, and after valid requests.
        for before in ["", get, &get.repeat(3)] {
            let said = raw(&server, format!("{before}{request}").as_bytes(), false);
            let said = responses(&said);
            let start: String = request.chars().take(60).collect();
            let good = before.matches("GET").count();
            assert_eq!(said.len(), good + 1, "{start}: {said:?}");
            for (head, body) in &said[..good] {
                assert_eq!((status(head), &**body), (Some(200), r#"{"status":"ok"}"#));
            }
            rejected.push(assert_problem(&said[good], expected));
        }
    }
    let metrics = openindex_tests::Client::new(&format!("http://{monitoring}"));
    let metrics = metrics.get("/metrics", "").text;
    let line = r#"http_requests_total{route="unmatched",method="other",status="431"} 9"#;
    assert!(metrics.contains(line), "{metrics}");
    let (_, logged) = server.stop();
    for id in rejected {
        let lines = logged.lines().filter(|line| line.contains(&id));
        assert_eq!(lines.count(), 1, "{id}: {logged}");
    }
}

#[test]
fn a_target_or_host_that_http_forbids_is_a_problem_that_is_logged() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let mut rejected = vec![];
    for (target, host) in [
        ("/me#x", "x"),
        ("/#", "x"),
        ("http://x/me#x", "x"),
        ("http://x#x", "x"),
        ("/browse?q=#x", "x"),
        ("/me\\", "x"),
        ("/%zz", "x"),
        ("*", "x"),
        ("me", "x"),
        ("ftp://evil/me", "x"),
        ("http://a..b/me", "x"),
        ("/me", "a%zz"),
        ("/me", ".."),
        ("/me", "a b"),
        ("/me", "[::1"),
        ("/me", "a:99999"),
        ("/me", "user@h"),
        ("/me", "a..b"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let said = responses(&raw(&server, request.as_bytes(), false));
        assert_eq!(said.len(), 1, "{target} {host}");
        rejected.push(assert_problem(&said[0], 400));
    }
    let (_, logged) = server.stop();
    for id in rejected {
        let lines = logged.lines().filter(|line| line.contains(&id));
        assert_eq!(lines.count(), 1, "{id}: {logged}");
    }
}

#[test]
fn a_number_sign_in_a_header_is_no_fragment() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let request = "GET /health HTTP/1.1\r\nHost: x\r\nReferer: http://x/#y\r\n\r\n";
    let last = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let said = responses(&raw(&server, format!("{request}{last}").as_bytes(), false));
    let statuses: Vec<_> = said.iter().map(|(head, _)| status(head)).collect();
    assert_eq!(statuses, [Some(200), Some(200)]);
}

#[test]
fn an_http_2_preface_gets_an_http_1_error() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let said = raw(&server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false);
    assert_problem(&responses(&said)[0], 400);
}

#[test]
fn a_client_that_is_rejected_early_can_read_the_reason() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let large = "x".repeat(900_000);
    let json = "Content-Type: application/json\r\n";
    let length = format!("Content-Length: {}\r\n", large.len());
    for (head, expected) in [
        (format!("Host: x\r\n{json}{length}"), 413),
        (format!("{json}{length}"), 400),
        (format!("Host: x\r\nHost: y\r\n{json}{length}"), 400),
        (
            format!("Host: x\r\nContent-Encoding: gzip\r\n{json}{length}"),
            415,
        ),
        (format!("Host: x\r\nExpect: tea\r\n{json}{length}"), 417),
        (
            format!("Host: x\r\n{json}Transfer-Encoding: gzip, chunked\r\n"),
            501,
        ),
    ] {
        let request = format!("POST /me/pats HTTP/1.1\r\n{head}\r\n{large}");
        let said = responses(&raw(&server, request.as_bytes(), false));
        assert_eq!(said.len(), 1, "{head}");
        assert_problem(&said[0], expected);
    }
}

#[test]
fn a_withheld_body_is_requested_only_if_it_matters() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database).token;
    let member = server.http.post(
        "/me/pats",
        &admin,
        &serde_json::json!({"name": "member", "scope": "read_write"}),
    );
    let member = member.json()["token"].as_str().expect("a token").to_owned();
    let json = "Content-Type: application/json\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    let form_of_nobody = "Content-Type: application/x-www-form-urlencoded\r\n";
    let json_of_page = "Content-Type: application/json\r\nSec-Fetch-Site: same-origin\r\n";
    for (line, token, media, length, expected) in [
        ("POST /me/pats", "", json, 34, 401),
        ("POST /me/pats", "oi_pat_x", json, 34, 401),
        ("POST /admin/invites", &member, json, 34, 403),
        ("DELETE /me/pats/tok_x", "", json, 34, 401),
        ("DELETE /admin/invites/inv_x", &member, json, 34, 403),
        ("POST /nothing", &admin, json, 34, 404),
        ("DELETE /me/pats", &admin, json, 34, 405),
        ("POST /docs", &admin, form, 34, 405),
        ("POST /me/pats", &admin, json, 65_537, 413),
        (
            "POST /me/pats",
            &admin,
            "Content-Type: text/plain\r\n",
            34,
            415,
        ),
        ("POST /me/pats", &admin, "", 34, 415),
        ("POST /sign-in", "", json_of_page, 34, 415),
        ("POST /sign-in", "", form_of_nobody, 34, 403),
        ("GET /me", &admin, json, 34, 400),
        ("POST /me/pats?x=1", &admin, json, 34, 400),
    ] {
        // No part of the body is sent, so waiting for it would last until the timeout.
        let request = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{media}\
             Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        );
        let request = request.replace("Authorization: Bearer \r\n", "");
        let said = raw(&server, request.as_bytes(), false);
        assert_eq!(status(&said), Some(expected), "{request}: {said}");
        assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
        assert!(!said.contains("100 Continue"), "{said}");
    }
}

#[test]
fn every_request_that_http_allows_gets_a_response() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database).token;
    let auth = format!("Authorization: Bearer {admin}\r\n");
    let close = "Connection: close\r\n";
    let create = format!("POST /browse HTTP/1.1\r\nHost: x\r\n{auth}");
    let json = "Content-Type: application/json\r\n";
    let body = r#"{"domain":"OPS","title":"Fix it"}"#;
    let length = format!("Content-Length: {}\r\n", body.len());
    for (request, expected) in [
        (format!("GET /me HTTP/1.0\r\n{auth}\r\n"), 200),
        (
            format!("GET http://oi.example.com/me HTTP/1.1\r\nHost: x\r\n{auth}{close}\r\n"),
            200,
        ),
        (format!("OPTIONS * HTTP/1.1\r\nHost: x\r\n{close}\r\n"), 204),
        (
            format!("{create}{json}{length}{close}Expect: 100-continue\r\n\r\n{body}"),
            100,
        ),
        // With both, the transfer coding counts, and the connection ends (RFC 9112 §6.1).
        (
            format!(
                "{create}{json}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n21\r\n{body}\r\n0\r\n\r\n"
            ),
            201,
        ),
        (
            format!(
                "GET /browse/OPS-1 HTTP/1.1\r\nHost: x\r\n{auth}{close}If-None-Match: \"1\"\r\n\r\n"
            ),
            304,
        ),
    ] {
        let said = raw(&server, request.as_bytes(), false);
        assert_eq!(status(&said), Some(expected), "{request}: {said}");
        match expected {
            100 => assert!(said.contains("HTTP/1.1 201 Created"), "{said}"),
            304 => {
                assert!(said.ends_with("\r\n\r\n"), "{said}");
                assert!(said.contains("etag: \"1\"\r\n"), "{said}");
                assert!(!said.contains("content-length"), "{said}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_client_that_closes_its_sending_side_still_gets_its_response() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database).token;
    let body = r#"{"name":"ci","scope":"read_write"}"#;
    let create = format!(
        "POST /me/pats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for request in [&create, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"] {
        for _ in 0..20 {
            let response = raw(&server, request.as_bytes(), true);
            assert!(matches!(status(&response), Some(200 | 201)), "{response}");
        }
    }
}
