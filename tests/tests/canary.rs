//! A secret appears only in the response that creates it: not in the most verbose log, not in an
//! error, not in the audit log, not in the database. Its digest does not appear in the log, nor
//! does the database's password.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use openindex_domain::token::Secret;
use openindex_tests::{Database, Kind, Response, Server, both_stores, hex};
use serde_json::json;

both_stores! { a_secret_appears_only_in_the_response_that_creates_it }

fn a_secret_appears_only_in_the_response_that_creates_it(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start_with(&database, &["--log", "trace"]);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let body = json!({"name": "canary", "scope": "read_write"});
    let created = http.post("/me/pats", &admin.token, &body).json();
    let secret = created["token"].as_str().expect("a secret").to_owned();
    let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
    let bearer = format!("Bearer {secret}");

    let mut responses: Vec<Response> = vec![
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
    // A token whose name is a secret would store it as a name, so it must not have been created.
    assert!(responses.iter().all(|response| response.status != 201));
    responses.push(http.get("/me/pats", &admin.token));
    for response in &responses {
        assert!(!response.text.contains(&secret), "{response:?}");
        for value in response.headers.values() {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            assert!(!text.contains(&secret), "{response:?}");
        }
    }

    // A second instance on the same database, so that the log has a start and no outage.
    let (status, log) = server.stop();
    assert!(status.success());
    assert!(
        log.contains("request completed"),
        "the log says something: {log}"
    );
    let dump = database.dump();
    let digest = Secret::parse(&secret).expect("well-formed").digest();
    let hex = hex(digest.as_bytes());
    for hidden in [&secret, &secret[7..], &secret[..40], &admin.token] {
        assert!(!log.contains(hidden), "in the log");
        assert!(!contains(&dump, hidden.as_bytes()), "in the database");
    }
    assert!(!log.contains(&hex), "the digest in the log");
    // The dump is real: it contains the digest.
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

/// Filters that enable everything, in the ways that operators write them.
const FILTERS: [&str; 4] = [
    "trace",
    "tower_http=trace,hyper=trace,hyper_util=trace,axum=trace,tower=trace,sqlx=trace,info",
    "info,sqlx::query=trace,sqlx_core=trace,sqlx_postgres=trace,sqlx_sqlite=trace,rustls=trace,\
     tokio=trace,runtime=trace,mio=trace,log=trace,h2=trace,tower_http::csrf=trace",
    "[{uri}]=trace,[request]=trace,trace",
];

#[test]
fn no_filter_makes_a_secret_appear_in_the_log() {
    for filter in FILTERS {
        let database = Database::new(Kind::Sqlite);
        let server = Server::start_with(&database, &["--log", filter]);
        let admin = Server::bootstrap(&database);
        let secrets = use_every_secret(&server, &admin.token);
        let cookie = server.sign_in_by_link(&database, "ada@example.com");
        let (_, session) = cookie.split_once('=').expect("a cookie");
        let signed_in = ("cookie", &*cookie);
        let page = server
            .http
            .send("GET", "/settings/tokens/new", &[signed_in], None);
        let form = page.form().to_owned();
        let fields = format!("name=x&scope=read_write&expiry=never&form={form}");
        let headers = [
            signed_in,
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
            ("x-request-id", session),
        ];
        let created = server
            .http
            .send("POST", "/settings/tokens/new", &headers, Some(&fields));
        assert_eq!(created.status, 201, "{created:?}");
        let trail = server.http.get("/audit", &admin.token).text;
        assert!(!trail.contains(session), "in the trail");
        let (_, log) = server.stop();
        let hidden = [session, "five+words", "five words", &form, &admin.token];
        for secret in secrets.iter().map(String::as_str).chain(hidden) {
            assert!(
                !log.contains(secret),
                "{secret} is in the log with {filter}"
            );
        }
        let dump = database.dump();
        for secret in secrets.iter().map(String::as_str).chain([session]) {
            assert!(!contains(&dump, secret.as_bytes()), "{secret} is stored");
        }
    }
}

/// Sends secrets in every part of a request and returns them.
fn use_every_secret(server: &Server, admin: &str) -> Vec<String> {
    let http = &server.http;
    let invite = json!({"email": "grace@example.com"});
    let invite = http.post("/admin/invites", admin, &invite).json();
    let invite = invite["code"].as_str().expect("a code").to_owned();
    let user = http.get("/me", admin).json();
    let user = user["user"]["id"].as_str().expect("an id").to_owned();
    let link = http.post(
        &format!("/admin/users/{user}/sign-in-link"),
        admin,
        &json!({}),
    );
    let link = link.json()["url"].as_str().expect("a URL").to_owned();
    let link = link.rsplit('/').next().expect("a code").to_owned();
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let foreign = [form[0], ("sec-fetch-site", "cross-site")];
    let password = "kettle-walrus-teapot";
    let fields = format!("email=ada%40example.com&password={password}");
    for code in [&invite, &link] {
        for path in [format!("/join/{code}"), format!("/sign-in/link/{code}")] {
            let _ = http.send("GET", &path, &[], None);
            let _ = http.send("HEAD", &path, &[], None);
            let _ = http.send("OPTIONS", &path, &[("origin", "https://e.example")], None);
            let _ = http.send("POST", &path, &foreign, Some(&fields));
            let _ = http.send("POST", &path, &form, Some("password=short"));
            let _ = http.send("DELETE", &path, &form, None);
            let _ = http.send("GET", &format!("{path}/more?next={code}"), &[], None);
        }
        let _ = http.send("GET", "/me", &[("x-request-id", code)], None);
        let trace = format!("00-{code}-b7ad6b7169203331-01");
        let _ = http.send("GET", "/me", &[("traceparent", &trace)], None);
        let _ = http.send(
            "GET",
            "/me",
            &[("user-agent", code), ("referer", code)],
            None,
        );
        let _ = http.send(
            "GET",
            "/me",
            &[("x-forwarded-for", code), ("forwarded", code)],
            None,
        );
        // As a method, which a client can choose freely.
        let mut stream = TcpStream::connect(&server.address).expect("a connection");
        let request = format!("{code} /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
    }
    for _ in 0..2 {
        let _ = http.send("POST", "/sign-in", &form, Some(&fields));
    }
    vec![invite, link, password.to_owned()]
}

#[test]
fn the_password_of_the_database_is_in_no_log() {
    let database = Database::new(Kind::Postgres);
    let mut url = database.url().to_owned();
    // The cluster accepts connections with any password.
    let at = url.find("://").expect("a scheme") + 3;
    match url[at..].find('@') {
        Some(end) => url.insert_str(at + end, ":hunter2-canary"),
        None => url.insert_str(at, "postgres:hunter2-canary@"),
    }
    let server = Server::start_at(&url, &["--log", "trace"]);
    assert_eq!(server.http.get("/ready", "").status, 200);
    let (_, log) = server.stop();
    assert!(log.contains("request completed"));
    assert!(!log.contains("hunter2-canary"), "{log}");
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
        // A port that no process listens on: reserved, never assigned.
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
