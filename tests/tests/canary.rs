//! A secret shows in the one answer that creates it and nowhere else: not in the log at its most
//! talkative, not in an error, not in the trail, not in the database. Nor does its digest show in
//! the log, or the database's password.

use openindex_domain::token::Secret;
use openindex_tests::{Answer, Database, Kind, Server, both_stores, hex};
use serde_json::json;

both_stores! { a_secret_is_nowhere_but_in_the_answer_that_creates_it }

fn a_secret_is_nowhere_but_in_the_answer_that_creates_it(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start_with(&database, &["--log", "trace"]);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let body = json!({"name": "canary", "scope": "read_write"});
    let created = http.post("/me/pats", &admin.token, &body).json();
    let secret = created["token"].as_str().expect("a secret").to_owned();
    let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
    let bearer = format!("Bearer {secret}");

    let mut answers: Vec<Answer> = vec![
        http.get("/me", &secret),
        http.get("/me/pats", &secret),
        http.get("/admin/users", &secret),
        http.get(&format!("/me?access_token={secret}"), &secret),
        http.get(&format!("/nothing/{secret}"), &secret),
        http.get(&format!("/me/pats/{secret}"), &secret),
        http.get("/me", &secret[..54]),
        http.get("/me", &format!("{secret}x")),
        http.post(
            "/me/pats",
            &secret,
            &json!({"name": "up", "scope": "admin"}),
        ),
        http.post(
            "/me/pats",
            &secret,
            &json!({"name": secret.clone(), "scope": secret.clone()}),
        ),
        http.post(
            "/me/pats",
            &secret,
            &json!({"name": "x", "scope": "admin", "token": secret.clone()}),
        ),
        http.send(
            "GET",
            "/me",
            &[("x-request-id", &secret), ("authorization", &bearer)],
            None,
        ),
        http.send(
            "GET",
            "/me",
            &[("cookie", &format!("token={secret}"))],
            None,
        ),
        http.send("GET", "/me", &[("authorization", &secret)], None),
        http.send("PUT", "/me", &[("authorization", &bearer)], Some(&secret)),
        http.send(
            "POST",
            "/me/pats",
            &[
                ("authorization", &bearer),
                ("content-type", "application/json"),
            ],
            Some(&secret),
        ),
        http.delete(&path, &secret),
        http.get("/me", &secret),
    ];
    // A token whose name is a secret would be kept as a name: that one must not have been made.
    assert!(answers.iter().all(|answer| answer.status != 201));
    answers.push(http.get("/me/pats", &admin.token));
    for answer in &answers {
        assert!(!answer.text.contains(&secret), "{answer:?}");
        for value in answer.headers.values() {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            assert!(!text.contains(&secret), "{answer:?}");
        }
    }

    // A second instance on the same database, so that the log has a start and an outage-free life.
    let (status, log) = server.stop();
    assert!(status.success());
    assert!(log.contains("answered"), "the log says something: {log}");
    let dump = database.dump();
    let digest = Secret::parse(&secret).expect("well-formed").digest();
    let hex = hex(digest.as_bytes());
    for hidden in [&secret, &secret[7..], &secret[..40], &admin.token] {
        assert!(!log.contains(hidden), "in the log");
        assert!(!contains(&dump, hidden.as_bytes()), "in the database");
    }
    assert!(!log.contains(&hex), "the digest in the log");
    // The dump is a real one: it holds the digest, which is what it is for.
    let kept = match kind {
        Kind::Sqlite => contains(&dump, digest.as_bytes()),
        Kind::Postgres => contains(&dump, hex.as_bytes()),
    };
    assert!(kept, "the digest in the database");
    assert!(
        contains(&dump, b"token.revoked"),
        "the trail in the database"
    );
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn a_database_password_is_in_no_log_and_no_error() {
    let output = std::process::Command::new(openindex_tests::binary("oi-server"))
        .args(["--log", "trace", "--log-format", "json"])
        // A port on which nobody listens: reserved, never assigned.
        .env(
            "DATABASE_URL",
            "postgres://openindex:hunter2@127.0.0.1:1/openindex",
        )
        .output()
        .expect("oi-server runs");
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(log.contains("database"), "{log}");
    assert!(!log.contains("hunter2"), "{log}");
}
