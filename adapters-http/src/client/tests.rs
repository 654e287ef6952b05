use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use openindex_domain::agent_run::RunTtl;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, TokenName};
use openindex_domain::work_item::Title;

use crate::wire::{
    CreatePat, CreateWorkItem, IncompleteExport, PatQuery, PatchWorkItem, PlainSecret,
    ReportLeakedTokens, StartAgentRun,
};

use super::*;

const RUN: &str = "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
const JSON: &str = "Content-Type: application/json\r\n";
const TOKEN: &str = "oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h";

/// A server that sends the same response to every request, and returns what it received, head and
/// body.
pub(super) fn server(response: impl Into<Vec<u8>>) -> (BaseUrl, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let response = response.into();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
            for line in head.lines() {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = value.parse().unwrap_or(0);
                }
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let _ = sender.send(head + &String::from_utf8_lossy(&body));
            let _ = reader.get_mut().write_all(&response);
        }
    });
    (BaseUrl::parse(&url).expect("a URL"), receiver)
}

pub(super) fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n{body}"
    )
}

fn client(url: &BaseUrl) -> Client {
    Client::new(url, Some(&PlainSecret::new(TOKEN))).expect("a client")
}

pub(super) fn a_part() -> CreateWorkItem {
    CreateWorkItem {
        domain: None,
        kind: None,
        parent: "OPS-42".parse().ok(),
        title: Title::parse("x").unwrap(),
        description: None,
        priority: None,
        execution_target: None,
        assignee: None,
    }
}

#[test]
fn the_token_goes_where_it_is_needed_and_nowhere_else() {
    let (url, sent) = server(response("200 OK", "", r#"{"items":[]}"#));
    let client = client(&url);
    assert!(
        client
            .pats_list(&PatQuery::default(), &PageQuery::default())
            .unwrap()
            .items
            .is_empty()
    );
    let head = sent.recv().unwrap();
    assert!(head.starts_with("GET /me/pats HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("authorization: Bearer {TOKEN}\r\n")),
        "{head}"
    );
    let _ = client.discovery();
    let _ = client.health();
    let _ = client.ready();
    let _ = client.openapi();
    for _ in 0..4 {
        assert!(!sent.recv().unwrap().contains(TOKEN));
    }
}

#[test]
fn a_body_is_sent_as_json() {
    let (url, sent) = server(response("503 Unavailable", "", ""));
    let wanted = CreatePat {
        name: TokenName::parse("ci").unwrap(),
        scope: Scope::ReadWrite,
        expires_at: None,
        expires_in: None,
    };
    assert!(client(&url).pat_create(&wanted).is_err());
    let sent = sent.recv().unwrap();
    assert!(
        sent.contains("content-type: application/json\r\n"),
        "{sent}"
    );
    assert!(
        sent.ends_with(r#"{"name":"ci","scope":"read_write"}"#),
        "{sent}"
    );
}

/// A server that does not support chunks, or a proxy that requires a length, must get one; a server
/// that responds after the head must not find another packet after it.
#[test]
fn a_change_without_a_body_says_so() {
    let (url, sent) = server(response("503 Unavailable", "", ""));
    let client = client(&url);
    let user = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e1".parse().unwrap();
    assert!(client.user_suspend(user).is_err());
    let head = sent.recv().unwrap();
    assert!(head.starts_with("POST "), "{head}");
    assert!(head.contains("content-length: 0\r\n"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(
        client
            .pats_list(&PatQuery::default(), &PageQuery::default())
            .is_err()
    );
    let head = sent.recv().unwrap();
    assert!(!head.contains("content-length"), "{head}");
}

#[test]
fn a_redirect_is_an_error_and_is_not_followed() {
    let (target, reached) = server(response("200 OK", "", "{}"));
    let headers = format!("Location: {target}/me\r\n");
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let (url, _) = server(response(status, &headers, ""));
        let error = client(&url).me().unwrap_err();
        assert!(matches!(
            error,
            ClientError::UnexpectedResponse {
                status: 301..=308,
                ..
            }
        ));
        assert!(error.to_string().contains(target.as_str()));
    }
    assert!(reached.try_recv().is_err());
}

#[test]
fn a_problem_has_its_status_and_request_id() {
    let body = r#"{"type":"t","title":"T","status":503,"detail":"try later","code":"unavailable"}"#;
    let headers = "Retry-After: 3\r\nX-Request-Id: r1\r\n";
    let (url, _) = server(response("503 Unavailable", headers, body));
    let ClientError::Problem(problem) = client(&url).me().unwrap_err() else {
        panic!("a problem");
    };
    assert_eq!((problem.status, problem.retry_after), (503, Some(3)));
    assert_eq!(problem.request_id.as_deref(), Some("r1"));
    assert_eq!(problem.body.detail, "try later");
}

#[test]
fn a_foreign_response_is_an_error_and_not_quoted() {
    for (status, body) in [
        ("200 OK", "<p>secret</p>"),
        ("200 OK", r#"{"user":"secret"}"#),
        ("502 Bad Gateway", "<p>secret</p>"),
        ("200 OK", ""),
    ] {
        let (url, _) = server(response(status, "", body));
        let error = client(&url).me().unwrap_err();
        assert!(
            matches!(error, ClientError::UnexpectedResponse { .. }),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn an_endless_response_is_not_read_to_its_end() {
    let size = 9 * 1024 * 1024;
    let mut endless = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    endless.resize(endless.len() + size, b' ');
    let (url, _) = server(endless);
    let error = client(&url).me().unwrap_err();
    assert!(
        error.to_string().contains("the response is too large"),
        "{error}"
    );
}

#[test]
fn a_silent_server_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let options = ClientOptions {
        timeout: Duration::from_millis(50),
        ..ClientOptions::default()
    };
    let client = Client::with_options(&url, None, &options).unwrap();
    let error = client.me().unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::Transport {
                effect: Effect::None,
                ..
            }
        ),
        "{error}"
    );
    let error = client.agent_run_end(RUN.parse().unwrap()).unwrap_err();
    assert_eq!(error.effect(), Effect::Possible, "{error}");
}

#[test]
fn an_unreachable_server_has_changed_nothing() {
    let error = client(&BaseUrl::parse("http://127.0.0.1:1").unwrap())
        .agent_run_end(RUN.parse().unwrap())
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::Transport {
                effect: Effect::None,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "cannot reach http://127.0.0.1:1: connection refused"
    );
}

#[test]
fn a_token_travels_over_plain_http_only_where_that_is_allowed() {
    let url = BaseUrl::parse("http://openindex.example").unwrap();
    let token = PlainSecret::new(TOKEN);
    let error = Client::new(&url, Some(&token)).unwrap_err();
    assert!(matches!(error, ClientError::InsecureTransport { .. }));
    assert!(Client::new(&url, None).is_ok());
    let options = ClientOptions {
        allow_insecure_http: true,
        ..ClientOptions::default()
    };
    assert!(Client::with_options(&url, Some(&token), &options).is_ok());
    for url in [
        "https://openindex.example",
        "http://localhost:1",
        "http://[::1]",
    ] {
        assert!(Client::new(&BaseUrl::parse(url).unwrap(), Some(&token)).is_ok());
    }
}

#[test]
fn a_token_that_would_break_out_of_its_header_is_not_sent() {
    let url = BaseUrl::parse("http://127.0.0.1:1").unwrap();
    let error = Client::new(&url, Some(&PlainSecret::new("x\r\nHost: y"))).unwrap_err();
    assert!(matches!(error, ClientError::UnsendableToken));
}

#[test]
fn a_client_does_not_show_its_token() {
    let client = client(&BaseUrl::parse("http://127.0.0.1:1").unwrap());
    assert_eq!(
        format!("{client:?}"),
        "Client { api_url: http://127.0.0.1:1, .. }"
    );
}

#[test]
fn a_probe_returns_the_status_and_the_servers_time() {
    let date = "Date: Tue, 24 Nov 2026 06:00:00 GMT\r\n";
    let (url, _) = server(response("503 Unavailable", date, ""));
    let probe = client(&url).ready().unwrap();
    let at = Timestamp::parse_rfc3339("2026-11-24T06:00:00Z");
    assert_eq!(
        probe,
        Probe {
            status: 503,
            server_time: at
        }
    );
    let (url, _) = server(response("200 OK", "Date: yesterday\r\n", ""));
    assert_eq!(client(&url).health().unwrap().server_time, None);
}

#[test]
fn a_secret_without_a_token_beside_it_is_guarded_the_same() {
    let report = || ReportLeakedTokens {
        tokens: vec![PlainSecret::new("leaked")],
    };
    let (url, sent) = server(response("202 Accepted", "", ""));
    client(&url).report_leaked(&report()).unwrap();
    let request = sent.recv().unwrap();
    assert!(request.starts_with("POST /credentials/revoke HTTP/1.1\r\n"));
    assert!(request.ends_with(r#"{"tokens":["leaked"]}"#), "{request}");
    assert!(!request.contains(TOKEN), "{request}");
    let url = BaseUrl::parse("http://openindex.example").unwrap();
    let client = Client::new(&url, None).unwrap();
    for error in [
        client.check_confidential().unwrap_err(),
        client.report_leaked(&report()).unwrap_err(),
    ] {
        assert!(matches!(error, ClientError::InsecureTransport { .. }));
    }
}

fn export(url: &BaseUrl) -> (Result<u64, ExportError>, Vec<u8>) {
    let mut sink = Vec::new();
    let outcome = client(url).audit_export(&AuditQuery::default(), ExportFormat::Csv, &mut sink);
    (outcome, sink)
}

#[test]
fn an_export_is_passed_on_whatever_its_size() {
    let body = "x".repeat(9 * 1024 * 1024);
    let (url, sent) = server(response("200 OK", "", &body));
    let (outcome, sink) = export(&url);
    assert_eq!(outcome.unwrap(), body.len() as u64);
    assert_eq!(sink, body.as_bytes());
    let head = sent.recv().unwrap();
    assert!(head.starts_with("GET /audit/export?format=csv HTTP/1.1\r\n"));
    assert!(head.contains(TOKEN));
}

#[test]
fn an_interrupted_export_is_an_error() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nid,\r\n";
    let counted = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nid,";
    for response in [chunked, counted] {
        let (url, _) = server(response);
        let (outcome, sink) = export(&url);
        assert!(matches!(
            outcome,
            Err(ExportError::Incomplete(ClientError::Transport { .. }))
        ));
        assert_eq!(sink, b"id,");
    }
    // An end that looks like a broken connection is not a complete export.
    let (url, _) = server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nid,");
    let (outcome, sink) = export(&url);
    assert!(matches!(
        outcome,
        Err(ExportError::Client(ClientError::UnexpectedResponse { .. }))
    ));
    assert!(sink.is_empty());
}

#[test]
fn a_failed_sink_and_a_failed_server_are_different_errors() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (url, _) = server(response("200 OK", "", "id"));
    let outcome = client(&url).audit_export(&AuditQuery::default(), ExportFormat::Json, &mut Full);
    assert!(matches!(outcome, Err(ExportError::Sink(_))));
    let body = r#"{"type":"t","title":"T","status":403,"detail":"no","code":"c"}"#;
    let (url, _) = server(response("403 Forbidden", "", body));
    let (outcome, sink) = export(&url);
    assert!(matches!(
        outcome,
        Err(ExportError::Client(ClientError::Problem(_)))
    ));
    assert!(sink.is_empty());
}

#[test]
fn only_changes_with_an_expected_version_send_if_match() {
    let (url, sent) = server(response("204 No Content", "", ""));
    let client = client(&url);
    let key = "OPS-42.1".parse().unwrap();
    let wanted = PatchWorkItem {
        assignee: Some(None),
        ..PatchWorkItem::default()
    };
    // The response does not matter here.
    let _ = client.work_item_update(key, &wanted, Some(7));
    let request = sent.recv().unwrap();
    assert!(request.starts_with("PATCH /browse/OPS-42.1 HTTP/1.1\r\n"));
    assert!(request.contains("if-match: \"7\"\r\n"), "{request}");
    assert!(request.ends_with(r#"{"assignee":null}"#), "{request}");
    client.work_item_delete(key, Some(7)).unwrap();
    let request = sent.recv().unwrap();
    assert!(request.starts_with("DELETE /browse/OPS-42.1 HTTP/1.1\r\n"));
    assert!(request.contains("if-match: \"7\"\r\n"), "{request}");
    let _ = client.work_item_update(key, &wanted, None);
    client.work_item_delete(key, None).unwrap();
    for _ in 0..2 {
        let request = sent.recv().unwrap();
        assert!(!request.contains("if-match"), "{request}");
    }
}

#[test]
fn work_item_calls_send_the_agent() {
    let (url, sent) = server(response("503 Unavailable", "", ""));
    let client = client(&url);
    let key = "OPS-42".parse().unwrap();
    let agent = "team/ci:1".parse().unwrap();
    let _ = client.work_item_claim(key, Some(&agent));
    let _ = client.work_item_release(key, None);
    let _ = client.work_item_complete(key, None);
    let _ = client.work_queue(Some(&agent), Some(7));
    let _ = client.work_queue(None, None);
    let _ = client.work_item_get(key);
    let _ = client.work_item_create(&a_part());
    for (line, body) in [
        ("POST /browse/OPS-42/claim", r#"{"agentId":"team/ci:1"}"#),
        ("POST /browse/OPS-42/release", "{}"),
        ("POST /browse/OPS-42/complete", "{}"),
        ("GET /browse/queue?agentId=team%2Fci%3A1&limit=7", ""),
        ("GET /browse/queue", ""),
        ("GET /browse/OPS-42", ""),
        ("POST /browse", r#"{"parent":"OPS-42","title":"x"}"#),
    ] {
        let request = sent.recv().unwrap();
        assert!(
            request.starts_with(&format!("{line} HTTP/1.1\r\n")),
            "{request}"
        );
        assert!(request.contains(TOKEN));
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    }
}

#[test]
fn runs_are_started_listed_and_ended() {
    let (url, sent) = server(response("204 No Content", "", ""));
    let client = client(&url);
    let id = "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().unwrap();
    let _ = client.agent_run_start(&StartAgentRun {
        agent_id: "builder-7".parse().unwrap(),
        work_item_key: None,
        ttl_seconds: RunTtl::from_seconds(60).unwrap(),
        scope: None,
    });
    let page = PageQuery {
        limit: Some(7),
        cursor: Some("c".to_owned()),
    };
    let _ = client.agent_runs_list(false, &PageQuery::default());
    let _ = client.agent_runs_list(true, &page);
    let _ = client.agent_run_get(id);
    client.agent_run_end(id).unwrap();
    for (line, body) in [
        (
            "POST /agent-runs",
            r#"{"agentId":"builder-7","ttlSeconds":60}"#,
        ),
        ("GET /agent-runs", ""),
        ("GET /agent-runs?includeEnded=true&cursor=c&limit=7", ""),
        ("GET /agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", ""),
        (
            "DELETE /agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
            "",
        ),
    ] {
        let request = sent.recv().unwrap();
        assert!(
            request.starts_with(&format!("{line} HTTP/1.1\r\n")),
            "{request}"
        );
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    }
}

#[test]
fn a_failed_change_says_whether_it_was_made() {
    const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";
    let problem = |code: &str| {
        format!(r#"{{"type":"t","title":"T","status":503,"detail":"d","code":"{code}"}}"#)
    };
    for (response, effect) in [
        // No response, part of a head, not HTTP.
        (String::new(), Effect::Possible),
        ("HTTP/1.1 201".to_owned(), Effect::Possible),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), Effect::Possible),
        // Pages of a gateway, which may or may not have forwarded the request.
        (
            response("502 Bad Gateway", HTML, "<title>x"),
            Effect::Possible,
        ),
        (response("503 Unavailable", HTML, ""), Effect::Possible),
        (response("504 Gateway Timeout", "", ""), Effect::Possible),
        (response("500 Oops", "", ""), Effect::Possible),
        (response("403 Forbidden", HTML, ""), Effect::None),
        (response("408 Timeout", HTML, ""), Effect::None),
        (
            response("302 Found", "Location: /login\r\n", ""),
            Effect::None,
        ),
        (
            response("200 OK", HTML, "<title>Sign in</title>"),
            Effect::Possible,
        ),
        // Problems of the server itself.
        (
            response("503 Unavailable", "", &problem("unavailable")),
            Effect::Possible,
        ),
        (
            response("500 Oops", "", &problem("internal_error")),
            Effect::Possible,
        ),
        (
            response("503 Unavailable", "", &problem("overloaded")),
            Effect::None,
        ),
        (
            response("409 Conflict", "", &problem("conflict")),
            Effect::None,
        ),
        // The change was made, whatever happened to the response.
        (response("201 Created", JSON, r#"{"id":7}"#), Effect::Done),
        (response("201 Created", JSON, r#"{"id":"#), Effect::Done),
        (
            format!("HTTP/1.1 201 Created\r\nContent-Length: 900\r\n{JSON}\r\n{{\"id\""),
            Effect::Done,
        ),
        (response("200 OK", "", "hello"), Effect::Possible),
    ] {
        let (url, _) = server(response.clone());
        let client = client(&url);
        let error = client.work_item_create(&a_part()).unwrap_err();
        assert_eq!(error.effect(), effect, "{response}: {error}");
        // A read changes nothing.
        assert_eq!(
            client.me().unwrap_err().effect(),
            Effect::None,
            "{response}"
        );
    }
}

#[test]
fn a_dry_run_of_a_revocation_changes_nothing() {
    let (url, _) = server(response("502 Bad Gateway", "", ""));
    let client = client(&url);
    let filter = PatFilter::default();
    for (wanted, effect) in [
        (filter.review(None), Effect::None),
        (filter.revocation(None), Effect::Possible),
    ] {
        assert_eq!(
            client.admin_pats_revoke(&wanted).unwrap_err().effect(),
            effect
        );
    }
}

#[test]
fn a_page_is_described_with_its_probable_sender() {
    const HTML: &str = "Content-Type: text/html\r\n";
    for (response, expected) in [
        (
            response(
                "502 Bad Gateway",
                HTML,
                "<title>502 Bad Gateway</title>secret",
            ),
            "(HTTP 502): sent by a proxy or gateway, not by OpenIndex: an HTML page titled \"502 Bad \
             Gateway\"",
        ),
        (
            response("200 OK", HTML, "<title>Sign in</title>secret"),
            "(HTTP 200): an HTML page titled \"Sign in\", not JSON",
        ),
        (
            response("403 Forbidden", HTML, "secret"),
            "(HTTP 403): an HTML page, not sent by OpenIndex",
        ),
        (
            response(
                "302 Found",
                "Location: https://login.example/?state=secret\r\n",
                "",
            ),
            "(HTTP 302): a redirect to https://login.example/, which is not followed",
        ),
    ] {
        let (url, _) = server(response);
        let error = client(&url).me().unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[test]
fn an_unexpected_response_names_the_field() {
    for (body, expected) in [
        (
            r#"{"user":{"id":"secret"}}"#,
            "the field role is missing in user",
        ),
        (
            r#"{"user":{"id":["secret"]}}"#,
            "the field user.id has an unexpected type",
        ),
        (
            r#"{"user":"secret"}"#,
            "the field user has an unexpected type",
        ),
        (r#""secret""#, "unexpected JSON"),
    ] {
        let (url, _) = server(response("200 OK", JSON, body));
        let error = client(&url).me().unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn the_time_of_the_server_is_known_from_its_responses() {
    let date = "Date: Tue, 24 Nov 2026 06:00:00 GMT\r\n";
    let (url, _) = server(response("503 Unavailable", date, ""));
    let client = client(&url);
    assert_eq!(client.server_time(), None);
    assert!(client.me().is_err());
    let at = Timestamp::parse_rfc3339("2026-11-24T06:00:00Z");
    assert_eq!(client.server_time(), at);
}

#[test]
fn only_the_status_of_a_confirmation_confirms_a_change() {
    const HTML: &str = "Content-Type: text/html\r\n";
    let id = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2".parse().unwrap();
    for (response, done) in [
        (response("204 No Content", "", ""), true),
        (response("200 OK", HTML, "<html>login</html>"), false),
        (response("200 OK", "", ""), false),
        (response("202 Accepted", JSON, r#"{"queued":true}"#), false),
        (response("200 OK", JSON, "[]"), false),
    ] {
        let (url, _) = server(response.clone());
        assert_eq!(client(&url).pat_delete(id).is_ok(), done, "{response}");
    }
}

#[test]
fn a_page_is_not_an_export() {
    let (url, _) = server(response(
        "200 OK",
        "Content-Type: text/html\r\n",
        "<html>login</html>",
    ));
    let mut sink = Vec::new();
    let filter = AuditQuery::default();
    let exported = client(&url).audit_export(&filter, ExportFormat::Json, &mut sink);
    assert!(exported.is_err() && sink.is_empty(), "{sink:?}");
}

#[test]
fn an_export_that_the_server_interrupts_says_why() {
    let mark = IncompleteExport {
        incomplete: true,
        status: 401,
        code: "token_revoked".to_owned(),
        detail: "the token was revoked, \"at once\"; create a new one".to_owned(),
    };
    let json = format!("[\n{{}},\n{}\n", serde_json::to_string(&mark).unwrap());
    let csv = "id,at\nevt_1,2026\n#incomplete,2026-11-24T06:00:00.000Z,,,,token_revoked,\"the \
               token was revoked, \"\"at once\"\"; create a new one\",,,401\n";
    for body in [json.as_str(), csv] {
        assert_eq!(IncompleteExport::at_end_of(body), Some(mark.clone()));
        let (url, _) = server(format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
            body.len()
        ));
        let (outcome, sink) = export(&url);
        let Err(ExportError::Incomplete(ClientError::Problem(problem))) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(
            (problem.status, problem.body.code),
            (401, mark.code.clone())
        );
        assert_eq!(problem.body.detail, mark.detail);
        assert_eq!(sink, body.as_bytes(), "what arrived is passed on");
    }
    for other in [
        "",
        "[]\n",
        "id,at\nevt_1,2026\n",
        "#incomplete",
        "[{\"incomplete\":true}",
    ] {
        assert_eq!(IncompleteExport::at_end_of(other), None, "{other}");
    }
}
