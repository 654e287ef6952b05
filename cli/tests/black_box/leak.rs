use std::fmt::Write as _;

use openindex_domain::token::TokenKind;
use serde_json::{Value, json};

use crate::stub::{Stub, problem};
use crate::support::{Home, new_token, profile_token, secret};

const REVOKE: &str = "POST /credentials/revoke";

fn tokens(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).expect("JSON");
    serde_json::from_value(body["tokens"].clone()).expect("strings")
}

#[test]
fn only_tokens_are_reported_once_each_and_without_authentication() {
    let server = Stub::new(&[(REVOKE, 202, "")]);
    let home = Home::with_profile(&server.url);
    let run = secret(TokenKind::AgentRun, 7);
    let text = format!(
        "curl -H 'Authorization: Bearer {}' # private\n{run}\n{run}\noi_pat_cutoff1234\n",
        new_token()
    );
    let ran = home.run_with(&["report-leak"], &text);
    assert_eq!(
        (ran.status, ran.json()),
        (0, json!({"reported": 2, "malformed": 1}))
    );
    assert!(
        ran.stderr.contains("1 string looks like a token"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("cutoff1234"));
    let requests = server.received();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].authorization, None);
    assert_eq!(tokens(&requests[0].body), [new_token(), run]);
}

#[test]
fn many_tokens_are_split_into_several_reports() {
    let server = Stub::new(&[(REVOKE, 202, "")]);
    let home = Home::new();
    let mut text = String::new();
    for seed in 100..1_350 {
        writeln!(text, "{}", secret(TokenKind::Personal, seed)).unwrap();
    }
    let ran = home.run_with(&["report-leak", "--app-url", &server.url], &text);
    assert_eq!(ran.json(), json!({"reported": 1250, "malformed": 0}));
    let requests = server.received();
    let counts: Vec<_> = requests.iter().map(|it| tokens(&it.body).len()).collect();
    assert_eq!(counts, [1_000, 250]);
    assert!(
        requests[0].body.len() < 64 * 1024,
        "the body is within the server limit"
    );
}

#[test]
fn without_tokens_nothing_is_reported() {
    let server = Stub::new(&[]);
    let home = Home::with_profile(&server.url);
    for text in ["", "nothing here\n", &profile_token()[..54]] {
        let ran = home.run_with(&["report-leak"], text);
        ran.assert_failed(1, "nothing_to_report");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_rate_limit_says_when_to_retry() {
    let body = problem(429, "rate_limited", "too many reports");
    let server = Stub::new(&[(REVOKE, 429, &body)]);
    let ran = Home::with_profile(&server.url).run_with(&["report-leak"], &new_token());
    let document = ran.assert_failed(1, "rate_limited");
    assert_eq!(document["retryAfterSeconds"], 7);
}

#[test]
fn leaked_tokens_are_not_sent_over_plain_http() {
    let arguments = ["report-leak", "--app-url", "http://openindex.example"];
    let ran = Home::new().run_with(&arguments, &new_token());
    ran.assert_failed(1, "insecure_transport");
}
