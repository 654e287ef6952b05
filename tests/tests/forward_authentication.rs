//! Real proxies, configured as documented, ask the built server before they pass a request on to a
//! service.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use openindex_tests::{
    Client, Database, DocumentedProxy, Kind, Response, Server, free_port, read_request,
};
use serde_json::json;

/// Starts a service that responds with the head of the request it got. Returns its address.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || echo(&stream));
        }
    });
    address
}

fn echo(mut stream: &TcpStream) {
    // The body is read as well: closing before would reset the connection.
    let Some((head, _)) = read_request(BufReader::new(stream)) else {
        return;
    };
    let body = head.join("\n");
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

/// How a proxy is started: on a port, with replacements in its documented configuration.
type Start = fn(u16, &[(&str, &str)]) -> DocumentedProxy;

struct World {
    server: Option<Server>,
    admin: String,
    member: String,
    proxied: Client,
    _proxy: DocumentedProxy,
    _database: Database,
}

impl World {
    /// Starts everything. `query` is what the proxy requires.
    fn new(start: Start, query: &str) -> Self {
        let database = Database::new(Kind::Sqlite);
        let server = Server::start(&database);
        let admin = Server::bootstrap(&database).token;
        let (_, member) = server.join_with_token(&admin, "grace@example.com");
        let (port, service) = (free_port(), service());
        let proxy = start(
            port,
            &[
                ("127.0.0.1:8080", &server.address),
                ("127.0.0.1:3000", &service),
                (":8000", &format!(":{port}")),
                ("listen 8000", &format!("listen {port}")),
                ("scope=read_write", query),
            ],
        );
        Self {
            server: Some(server),
            admin,
            member,
            proxied: Client::new(&format!("http://127.0.0.1:{port}")),
            _proxy: proxy,
            _database: database,
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn get(&self, token: &str, headers: &[(&str, &str)]) -> Response {
        let authorization = format!("Bearer {token}");
        let headers = [&[("authorization", &*authorization)], headers].concat();
        self.proxied
            .send("GET", "/notes?scope=admin&uri=x", &headers, None)
    }
}

/// Returns the values that the service got of a header, spelled with hyphens or underscores.
fn got(response: &Response, name: &str) -> Vec<String> {
    assert_eq!(response.status, 200, "{response:?}");
    let lines = response
        .text
        .lines()
        .filter_map(|line| line.split_once(": "));
    lines
        .filter(|(given, _)| given.replace('_', "-").eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
        .collect()
}

fn a_service_behind_it_is_told_who_calls(start: Start) {
    let world = World::new(start, "scope=read_write");
    let me = world.server().http.get("/me", &world.member).json();
    let spoofed = [
        ("x-auth-user-id", "usr_spoofed"),
        ("X-Auth-User-Email", "spoofed@example.com"),
        ("x_auth_user_id", "usr_spoofed"),
        ("x-auth-scope", "admin"),
        ("x-auth-expires-at", "spoofed"),
        ("x-auth-token-kind", "spoofed"),
    ];
    let passed = world.get(&world.member, &spoofed);
    let user = &me["user"];
    for (name, value) in [
        ("x-auth-user-id", &user["id"]),
        ("x-auth-user-email", &user["email"]),
        ("x-auth-token-id", &me["token"]["id"]),
        ("x-auth-token-kind", &me["token"]["kind"]),
        ("x-auth-scope", &me["token"]["scope"]),
    ] {
        assert_eq!(
            got(&passed, name),
            [value.as_str().expect("text")],
            "{name}"
        );
    }
    assert!(!passed.text.contains("spoofed"), "{passed:?}");
    assert_eq!(got(&passed, "authorization"), [""; 0]);

    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let authorization = format!("Bearer {}", world.member);
        let headers = [("authorization", &*authorization), ("if-match", "\"v1\"")];
        let body = "x".repeat(10_000);
        let passed = world.proxied.send(method, "/notes", &headers, Some(&body));
        assert!(
            passed.text.starts_with(&format!("{method} /notes")),
            "{passed:?}"
        );
    }
}

fn a_revoked_token_is_refused_by_the_next_request(start: Start) {
    let world = World::new(start, "scope=read_write");
    for round in 0..10 {
        let body = json!({"name": format!("ci {round}"), "scope": "read_write"});
        let created = world
            .server()
            .http
            .post("/me/pats", &world.member, &body)
            .json();
        let token = created["token"].as_str().expect("a secret");
        assert_eq!(world.get(token, &[]).status, 200);
        let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
        let deleted = world.server().http.delete(&path, &world.member);
        assert_eq!(deleted.status, 204);
        let refused = world.get(token, &[]);
        assert_eq!(refused.status, 401, "{refused:?}");
        assert!(refused.header("www-authenticate").contains("invalid_token"));
    }
    let nobody = world.proxied.send("GET", "/notes", &[], None);
    assert_eq!(nobody.status, 401);
    assert_eq!(
        nobody.header("www-authenticate"),
        r#"Bearer realm="openindex""#
    );
    let cookie = [("cookie", "session=x")];
    assert_eq!(
        world.proxied.send("GET", "/notes", &cookie, None).status,
        401
    );
    assert_eq!(world.get("hunter2", &[]).status, 401);
}

fn what_it_requires_cannot_be_changed_and_an_outage_lets_nothing_pass(start: Start) {
    let mut world = World::new(start, "scope=admin&kind=personal");
    assert_eq!(
        got(&world.get(&world.admin, &[]), "x-auth-scope"),
        ["admin"]
    );
    assert_eq!(world.get(&world.member, &[]).status, 403);
    let body = json!({"agentId": "builder", "ttlSeconds": 600});
    let run = world
        .server()
        .http
        .post("/agent-runs", &world.admin, &body)
        .json();
    let run = run["token"].as_str().expect("a secret").to_owned();
    assert_eq!(world.get(&run, &[]).status, 403);
    drop(world.server.take());
    let away = world.get(&world.admin, &[]);
    assert!([502, 503].contains(&away.status), "{away:?}");
}

macro_rules! behind {
    ($($proxy:ident)+) => {$(
        mod $proxy {
            use openindex_tests::DocumentedProxy;

            #[test]
            fn a_service_behind_it_is_told_who_calls() {
                super::a_service_behind_it_is_told_who_calls(DocumentedProxy::$proxy);
            }

            #[test]
            fn a_revoked_token_is_refused_by_the_next_request() {
                super::a_revoked_token_is_refused_by_the_next_request(DocumentedProxy::$proxy);
            }

            #[test]
            fn what_it_requires_cannot_be_changed_and_an_outage_lets_nothing_pass() {
                super::what_it_requires_cannot_be_changed_and_an_outage_lets_nothing_pass(
                    DocumentedProxy::$proxy,
                );
            }
        }
    )+};
}

behind! { nginx caddy haproxy }
