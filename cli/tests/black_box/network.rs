//! Proxies, gateways and clocks between `oi` and its server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::json;

use crate::stub::{ME, PAT_ID, Stub};
use crate::support::{Home, Ran};

const SERVER: &str = "https://oi.corp.example";

/// A proxy that returns one response to every CONNECT. Its URL has a user name and a password.
fn proxy(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            let _ = reader.get_mut().write_all(response.as_bytes());
        }
    });
    format!("http://ada:hunter2@{address}")
}

/// A proxy that responds before it has read a byte, and closes the connection.
fn hasty_proxy(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(response.as_bytes());
        }
    });
    format!("http://ada:hunter2@{address}")
}

fn create(home: &Home) -> Ran {
    let ran = home.run(&["settings", "personal", "tokens", "create", "ci"]);
    assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
    ran
}

#[test]
fn an_unreachable_proxy_is_named_with_its_variable() {
    for (url, said) in [
        (
            proxy("HTTP/1.1 403 Forbidden\r\n\r\n"),
            "does not allow connections to oi.corp.example:443 (HTTP 403)",
        ),
        (
            proxy("HTTP/1.1 407 Login\r\n\r\n"),
            "rejected the user name and password (HTTP 407)",
        ),
        (
            proxy("HTTP/1.1 503 Down\r\n\r\n"),
            "cannot connect to oi.corp.example:443 (HTTP 503)",
        ),
        (
            "http://ada:hunter2@127.0.0.1:1".to_owned(),
            "connection refused",
        ),
        (
            proxy("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n"),
            "redirects elsewhere instead of connecting to oi.corp.example:443 (HTTP 302)",
        ),
        (
            proxy("HTTP/1.1 200 OK\r\n\r\n<html><title>Sign in</title></html>"),
            "the response is not TLS; it may require a sign-in",
        ),
        (proxy("HTTP/1.1 200 OK\r\n\r\n"), "through the proxy"),
        (
            hasty_proxy("HTTP/1.1 407 Login\r\n\r\n"),
            "rejected the user name and password (HTTP 407)",
        ),
        (
            hasty_proxy("HTTP/1.1 403 Forbidden\r\n\r\n"),
            "does not allow connections to oi.corp.example:443 (HTTP 403)",
        ),
        (proxy("220 ftp\r\n"), "through the proxy"),
    ] {
        let address = url.rsplit('@').next().unwrap().to_owned();
        let home = Home::with_profile(SERVER).set("HTTPS_PROXY", url);
        let ran = create(&home);
        let document = ran.assert_failed(1, "unreachable");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(said), "{message}");
        let named = format!("http://{address} (HTTPS_PROXY)");
        assert!(message.contains(&named), "{message}");
        assert!(document.get("mayHaveArrived").is_none(), "{document}");
        let checked = home.run(&["doctor"]);
        assert!(checked.stdout.contains(&named), "{checked:?}");
        assert!(!checked.stdout.contains("hunter2"));
    }
}

#[test]
fn a_proxys_response_is_reported_as_the_proxys() {
    const HTML: &str = "Content-Type: text/html\r\nConnection: close\r\n";
    let page = "<title>Wi-Fi sign-in</title>";
    for (response, code, said) in [
        (
            format!("HTTP/1.1 200 OK\r\n{HTML}\r\n{page}"),
            "unexpected_response",
            "returned an HTML page titled \"Wi-Fi sign-in\"",
        ),
        (
            format!("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n{HTML}\r\n"),
            "unexpected_response",
            "returned a redirect to http://portal.example/",
        ),
        (
            format!("HTTP/1.1 407 Login\r\n{HTML}\r\n"),
            "unreachable",
            "rejected the user name and password (HTTP 407)",
        ),
    ] {
        let response: &'static str = response.leak();
        for url in [proxy(response), hasty_proxy(response)] {
            let address = url.rsplit('@').next().unwrap().to_owned();
            let home = Home::with_profile("http://oi.corp.example")
                .set("OPENINDEX_ALLOW_INSECURE_HTTP", "1")
                .set("http_proxy", url);
            let ran = create(&home);
            let document = ran.assert_failed(1, code);
            let message = document["error"]["message"].as_str().unwrap();
            let named = format!("the proxy http://{address} (http_proxy) {said}");
            assert!(message.contains(&named), "{message}");
            let checked = home.run(&["doctor"]);
            assert_eq!(checked.status, 1, "{checked:?}");
            assert!(checked.json().to_string().contains(&address), "{checked:?}");
            assert!(
                checked.stdout.contains(&named.replace('"', "\\\"")),
                "{checked:?}"
            );
        }
    }
}

#[test]
fn a_host_below_a_domain_in_no_proxy_is_reached_without_the_proxy() {
    for (variable, list) in [
        ("NO_PROXY", "corp.example"),
        ("no_proxy", ".corp.example:443, x"),
    ] {
        let home = Home::with_profile(SERVER)
            .set("https_proxy", "http://127.0.0.1:1")
            .set(variable, list);
        let document = create(&home).assert_failed(1, "unreachable");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(!message.contains("proxy"), "{message}");
        assert!(document.get("mayHaveArrived").is_none(), "{document}");
    }
}

#[test]
fn an_invalid_proxy_variable_is_named_without_its_value() {
    for url in [
        "socks5://ada:hunter2@127.0.0.1:1",
        "http://ada:hunter2#x@127.0.0.1",
    ] {
        let home = Home::with_profile(SERVER).set("all_proxy", url);
        let document = create(&home).assert_failed(1, "invalid_proxy");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("all_proxy: "), "{message}");
    }
    let help = Home::new().run(&["--help"]).stdout;
    for name in ["https_proxy", "NO_PROXY", "SSL_CERT_FILE"] {
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn a_gateways_error_says_that_the_change_may_have_been_applied() {
    let server = Stub::new(&[("POST /me/pats", 502, "<html>")]);
    let ran = create(&Home::with_profile(&server.url));
    let document = ran.assert_failed(1, "unexpected_response");
    assert_eq!(document["mayHaveArrived"], true);
    assert_eq!(
        document["error"]["nextCommand"],
        "oi settings personal tokens list"
    );
    assert!(ran.stderr.contains("sent by a proxy or gateway"), "{ran:?}");
    let server = Stub::new(&[("POST /me/pats", 201, "{")]);
    let document = create(&Home::with_profile(&server.url)).assert_failed(1, "unexpected_response");
    assert_eq!(document["wasDone"], true);
    // A read can be retried without a check.
    let server = Stub::new(&[("GET /me", 502, "")]);
    let document = Home::with_profile(&server.url)
        .run(&["me"])
        .assert_failed(1, "unexpected_response");
    assert!(document.get("mayHaveArrived").is_none());
}

#[test]
fn every_changing_command_suggests_how_to_check_its_effect() {
    for (path, arguments, look) in [
        (
            format!("DELETE /me/pats/{PAT_ID}"),
            vec!["settings", "personal", "tokens", "delete", "--yes", PAT_ID],
            "oi settings personal tokens list",
        ),
        (
            format!("DELETE /admin/pats/{PAT_ID}"),
            vec!["settings", "admin", "tokens", "revoke", "--yes", PAT_ID],
            "oi settings admin tokens list",
        ),
        (
            "POST /browse/OPS-1/claim".to_owned(),
            vec!["work-item", "claim", "OPS-1"],
            "oi work-item get OPS-1",
        ),
    ] {
        let server = Stub::new(&[(path.leak(), 504, "")]);
        let document = Home::with_profile(&server.url)
            .run(&arguments)
            .assert_failed(1, "unexpected_response");
        assert_eq!(document["mayHaveArrived"], true, "{arguments:?}");
        assert_eq!(document["error"]["nextCommand"], look, "{arguments:?}");
    }
}

/// The stub's clock is in 2030, unlike this machine's.
const DATE: &str = "Tue, 01 Jan 2030 00:00:00 GMT";

#[test]
fn durations_count_from_the_servers_time() {
    let list = r#"{"items":[],"nextCursor":null}"#;
    let server = Stub::at(
        DATE,
        &[
            ("GET /health", 200, "{}"),
            (
                "GET /admin/pats?unusedSince=2029-12-31T00%3A00%3A00.000Z&limit=50",
                200,
                list,
            ),
            (
                "GET /admin/pats?expiringBefore=2030-01-02T00%3A00%3A00.000Z&limit=50",
                200,
                list,
            ),
            (
                "GET /audit?since=2029-12-31T23%3A00%3A00.000Z&limit=50",
                200,
                list,
            ),
        ],
    );
    let home = Home::with_profile(&server.url);
    for arguments in [
        &["settings", "admin", "tokens", "list", "--unused-for", "1d"][..],
        &[
            "settings",
            "admin",
            "tokens",
            "list",
            "--expiring-within",
            "1d",
        ],
        &["settings", "admin", "audit", "list", "--last", "1h"],
    ] {
        let ran = home.run(arguments);
        assert_eq!(ran.status, 0, "{ran:?} {:?}", server.requests());
    }
    home.run(&[
        "settings",
        "personal",
        "tokens",
        "create",
        "ci",
        "--expires-in",
        "5m",
    ]);
    let sent = json!({"name": "ci", "scope": "read_write", "expiresIn": 300});
    assert_eq!(server.last_body(), sent);
}

#[test]
fn a_tokens_remaining_lifetime_uses_the_servers_time() {
    let me = ME.replace(
        r#""expiresAt":null"#,
        r#""expiresAt":"2030-01-01T01:00:00.000Z""#,
    );
    let server = Stub::at(DATE, &[("GET /me", 200, &me)]);
    let checked = Home::with_profile(&server.url)
        .run(&["auth", "check"])
        .json();
    assert_eq!(checked["expiresInSeconds"], 3_600);
}

#[test]
fn an_error_about_time_includes_the_clock_difference() {
    let body = crate::stub::problem(401, "token_expired", "the token expired");
    let server = Stub::at(DATE, &[("GET /me", 401, &body)]);
    let ran = Home::with_profile(&server.url).run(&["me"]);
    let document = ran.assert_failed(4, "token_expired");
    assert!(
        document["clockAheadSeconds"].as_i64().unwrap() < -60,
        "{document}"
    );
    assert!(ran.stderr.contains("behind the server's"), "{ran:?}");
}
