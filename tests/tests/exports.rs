//! A streamed response does not outlive its token, on the built programs.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use openindex_tests::{Bootstrapped, Cluster, Database, Kind, Oi, Server, both_stores};
use serde_json::{Value, json};

both_stores! {
    an_open_export_ends_with_its_token,
    an_open_export_ends_with_a_suspension_and_a_demotion,
    an_interrupted_export_makes_the_command_fail,
    an_export_has_each_event_once_while_others_are_added,
    exports_that_are_not_read_hold_no_database_connection,
}

/// More than fits into the buffers between the two programs, so that the server waits for its
/// reader.
const EVENTS: u32 = 60_000;

fn filled(kind: Kind) -> (Database, Server, Bootstrapped) {
    let database = Database::new(kind);
    let (server, admin) = fill(&database);
    (database, server, admin)
}

fn fill(database: &Database) -> (Server, Bootstrapped) {
    let server = Server::start(database);
    let admin = Server::bootstrap(database);
    let (id, at) = match database.kind() {
        Kind::Sqlite => ("randomblob(16)", "1000 + n"),
        Kind::Postgres => ("gen_random_uuid()", "to_timestamp(1 + n)"),
    };
    database.execute(&format!(
        "INSERT INTO audit_events (id, at, actor, action, subject) \
         WITH RECURSIVE numbers (n) AS \
         (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EVENTS}) \
         SELECT {id}, {at}, 'operator', 'user.promoted', 'usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2' \
         FROM numbers"
    ));
    (server, admin)
}

#[test]
fn an_open_export_reports_that_the_database_became_unavailable() {
    let cluster = Cluster::new();
    let database = Database::in_cluster(&cluster.url);
    let (server, admin) = fill(&database);
    let stream = open(&server, &admin.token, "csv");
    cluster.stop();
    assert_cut_off(&rest(stream), "unavailable", "csv");
}

/// Requests the export and reads the beginning of the response.
fn open(server: &Server, token: &str, format: &str) -> TcpStream {
    begin(server, token, format).0
}

/// Does the same and also returns the beginning.
fn begin(server: &Server, token: &str, format: &str) -> (TcpStream, String) {
    let address = server.url.strip_prefix("http://").expect("a plain URL");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).expect("a deadline");
    write!(
        stream,
        "GET /audit/export?format={format} HTTP/1.1\r\nhost: {address}\r\n\
         authorization: Bearer {token}\r\nte: trailers\r\nconnection: close\r\n\r\n"
    )
    .expect("sent");
    let mut head = [0; 4_096];
    stream.read_exact(&mut head).expect("the beginning");
    assert!(head.starts_with(b"HTTP/1.1 200"), "{head:?}");
    (stream, String::from_utf8_lossy(&head).into_owned())
}

/// Reads the rest of the response, until it ends or the connection is reset.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn assert_cut_off(text: &str, code: &str, format: &str) {
    let end = &text[text.len().saturating_sub(400)..];
    assert!(!text.ends_with("\r\n0\r\n\r\n"), "no last chunk: {end}");
    let events = u32::try_from(text.matches("evt_").count()).expect("a number");
    assert!(events < EVENTS, "{events} of {EVENTS}");
    let mark = match format {
        "csv" => "\n#incomplete,",
        _ => "\n{\"incomplete\":true,",
    };
    assert!(end.contains(mark) && end.contains(code), "{end}");
}

fn an_open_export_ends_with_its_token(kind: Kind) {
    let (_database, server, admin) = filled(kind);
    for format in ["json", "csv"] {
        let body = json!({"name": "export", "scope": "admin"});
        let created = server.http.post("/me/pats", &admin.token, &body).json();
        let token = created["token"].as_str().expect("a secret");
        let stream = open(&server, token, format);
        let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
        assert_eq!(server.http.delete(&path, &admin.token).status, 204);
        assert_cut_off(&rest(stream), "token_revoked", format);
    }
}

fn an_open_export_ends_with_a_suspension_and_a_demotion(kind: Kind) {
    let (database, server, admin) = filled(kind);
    let http = &server.http;
    let (user, token) = http.join_with_token(&admin.token, "grace@example.com");
    let user = format!("/admin/users/{user}");
    let role = |role: &str| {
        let bearer = format!("Bearer {}", admin.token);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = json!({ "role": role }).to_string();
        let changed = http.send("PATCH", &user, &headers, Some(&body));
        assert_eq!(changed.status, 200, "{changed:?}");
    };
    role("admin");
    // A token with more access, which she would create as an administrator.
    database.execute("UPDATE tokens SET scope = 'admin'");
    let stream = open(&server, &token, "csv");
    role("member");
    assert_cut_off(&rest(stream), "insufficient_scope", "csv");
    role("admin");
    let stream = open(&server, &token, "json");
    let suspended = http.post(&format!("{user}/suspend"), &admin.token, &json!({}));
    assert_eq!(suspended.status, 200, "{suspended:?}");
    assert_cut_off(&rest(stream), "owner_suspended", "json");
}

fn an_interrupted_export_makes_the_command_fail(kind: Kind) {
    let (_database, server, admin) = filled(kind);
    let body = json!({"name": "export", "scope": "admin"});
    let created = server.http.post("/me/pats", &admin.token, &body).json();
    let oi = Oi::new()
        .with_env("OPENINDEX_TOKEN", created["token"].as_str().expect("text"))
        .with_env("OPENINDEX_APP_URL", &server.url);
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("audit.csv").display().to_string();
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo runs").success());
    let export = ["settings", "admin", "audit", "export"];
    let export = [&export[..], &["--format", "csv", "--output", &fifo]].concat();
    let (output, text) = std::thread::scope(|scope| {
        let running = scope.spawn(|| oi.run(&export));
        let mut reader = std::fs::File::open(&fifo).expect("its output");
        let mut beginning = [0; 4_096];
        reader.read_exact(&mut beginning).expect("the beginning");
        let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
        assert_eq!(server.http.delete(&path, &admin.token).status, 204);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("the rest");
        (running.join().expect("it ends"), text)
    });
    assert_eq!(output.code, 4, "{output:?}");
    let said: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let error = &said["error"];
    assert_eq!(error["code"], "token_revoked");
    let message = error["message"].as_str().expect("a message");
    assert!(
        message.starts_with("the export is incomplete: the token was revoked"),
        "{message}"
    );
    let last = text.lines().last().expect("a row");
    assert!(last.starts_with("#incomplete,"), "{last}");
}

fn an_export_has_each_event_once_while_others_are_added(kind: Kind) {
    let (_database, server, admin) = filled(kind);
    let (stream, mut text) = begin(&server, &admin.token, "json");
    // The server waits for its reader meanwhile.
    for number in 0..5 {
        let body = json!({"name": format!("new {number}"), "scope": "read_write"});
        let created = server.http.post("/me/pats", &admin.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
    }
    text.push_str(&rest(stream));
    let ids: Vec<&str> = text
        .split("{\"id\":\"evt_")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let filled = text.matches("\"action\":\"user.promoted\"").count();
    assert_eq!(u32::try_from(filled), Ok(EVENTS));
    let different: HashSet<&str> = ids.iter().copied().collect();
    assert_eq!(different.len(), ids.len(), "an event is there twice");
    let end = format!("\r\n0\r\nx-export-events: {}\r\n\r\n", ids.len());
    assert!(text.ends_with(&end), "{:?}", text.lines().next_back());
    assert!(!text.contains("new 0"), "events begin where the export did");
}

fn exports_that_are_not_read_hold_no_database_connection(kind: Kind) {
    // More than there are connections for long reads.
    const EXPORTS: usize = 12;
    let (_database, server, admin) = filled(kind);
    let streams: Vec<TcpStream> = (0..EXPORTS)
        .map(|_| open(&server, &admin.token, "csv"))
        .collect();
    let listed = server.http.get("/audit", &admin.token);
    assert_eq!(listed.status, 200, "{listed:?}");
    drop(streams);
}
