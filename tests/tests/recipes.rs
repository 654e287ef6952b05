//! Services guarded by the recipes of the documentation, word for word, ask the built server.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openindex_tests::{
    Client, Database, Kind, Recipe, RecipeService, Response, Server, read_request,
};
use serde_json::{Value, json};

fn get(client: &Client, path: &str, authorization: &str) -> Response {
    client.send("GET", path, &[("authorization", authorization)], None)
}

/// Sends a request with a bearer token.
fn ask(service: &RecipeService, path: &str, token: &str) -> Response {
    get(&service.http, path, &format!("Bearer {token}"))
}

#[track_caller]
fn expect(response: &Response, status: u16, header: (&str, &str)) {
    assert_eq!(response.status, status, "{response:?}");
    assert_eq!(response.header(header.0), header.1, "{response:?}");
}

#[track_caller]
fn assert_logs(service: &RecipeService, text: &str) {
    let log = service.log();
    assert!(log.contains(text), "{log}");
}

const NO_TOKEN: (&str, &str) = ("www-authenticate", "Bearer");
const INVALID: (&str, &str) = ("www-authenticate", r#"Bearer error="invalid_token""#);
const DENIED: (&str, &str) = ("www-authenticate", r#"Bearer error="insufficient_scope""#);
const AWAY: (&str, &str) = ("retry-after", "2");

/// Everything that a service runs beside. Its own token belongs to another user than its callers.
struct World {
    server: Server,
    admin: String,
    admin_id: String,
    member: String,
    member_id: String,
    owner: String,
    own_id: Value,
    service: RecipeService,
    _database: Database,
}

impl World {
    fn new(recipe: Recipe) -> Self {
        let database = Database::new(Kind::Sqlite);
        let server = Server::start(&database);
        let admin = Server::bootstrap(&database);
        let (member_id, member) = server.join_with_token(&admin.token, "grace@example.com");
        let (_, owner) = server.join_with_token(&admin.token, "services@example.com");
        let (own_id, own) = create(&server, &owner);
        Self {
            service: RecipeService::start(recipe, &server.url, &own),
            admin_id: admin.user_id().to_owned(),
            admin: admin.token,
            server,
            member,
            member_id,
            owner,
            own_id,
            _database: database,
        }
    }

    fn delete(&self, id: &Value, owner: &str) {
        let path = format!("/me/pats/{}", id.as_str().expect("an id"));
        assert_eq!(self.server.http.delete(&path, owner).status, 204);
    }
}

/// Creates a token, and returns its id and its secret.
fn create(server: &Server, owner: &str) -> (Value, String) {
    let body = json!({"name": "ci", "scope": "read_write"});
    let created = server.http.post("/me/pats", owner, &body).json();
    let secret = created["token"].as_str().expect("a secret");
    (created["id"].clone(), secret.to_owned())
}

fn a_route_gets_its_caller_who_has_its_scope(recipe: Recipe) {
    let world = World::new(recipe);
    let service = &world.service;
    for (path, token, id) in [
        ("/notes", &world.member, &world.member_id),
        ("/notes", &world.admin, &world.admin_id),
        ("/admin/notes", &world.admin, &world.admin_id),
    ] {
        let accepted = ask(service, path, token);
        assert_eq!(accepted.status, 200, "{accepted:?}");
        assert!(accepted.text.contains(id.as_str()), "{accepted:?}");
    }
    let lower = get(&service.http, "/notes", &format!("bearer {}", world.member));
    assert_eq!(lower.status, 200, "{lower:?}");

    expect(&ask(service, "/admin/notes", &world.member), 403, DENIED);
    let (_, limited) = create(&world.server, &world.admin);
    expect(&ask(service, "/admin/notes", &limited), 403, DENIED);
    let body = json!({"agentId": "builder", "ttlSeconds": 600});
    let run = world.server.http.post("/agent-runs", &world.admin, &body);
    let run = run.json()["token"].as_str().expect("a secret").to_owned();
    assert_eq!(ask(service, "/notes", &run).status, 200);
    expect(&ask(service, "/admin/notes", &run), 403, DENIED);
}

fn a_request_without_a_live_token_is_a_401(recipe: Recipe) {
    let world = World::new(recipe);
    let service = &world.service;
    for round in 0..10 {
        let (id, token) = create(&world.server, &world.member);
        assert_eq!(ask(service, "/notes", &token).status, 200, "{round}");
        world.delete(&id, &world.member);
        expect(&ask(service, "/notes", &token), 401, INVALID);
        expect(&ask(service, "/admin/notes", &token), 401, INVALID);
    }
    let none = service.http.send("GET", "/notes", &[], None);
    expect(&none, 401, NO_TOKEN);
    let live = &world.member;
    for other in ["", "Bearer", "Bearer ", "Basic YTpi", live] {
        expect(&get(&service.http, "/notes", other), 401, NO_TOKEN);
    }
    let forged = [
        "hunter2".to_owned(),
        format!("x&token={live}"),
        format!("{live}&token={live}x"),
        format!("{live} {live}"),
        format!("{live}%00"),
    ];
    for token in forged {
        expect(&ask(service, "/notes", &token), 401, INVALID);
    }
}

fn a_service_that_cannot_ask_lets_nothing_pass_and_logs_no_secret(recipe: Recipe) {
    let world = World::new(recipe);
    let service = &world.service;
    assert_eq!(ask(service, "/notes", &world.member).status, 200);
    world.delete(&world.own_id, &world.owner);
    expect(&ask(service, "/notes", &world.member), 503, AWAY);
    expect(&ask(service, "/admin/notes", &world.admin), 503, AWAY);
    assert_logs(service, "OpenIndex cannot be asked: 401");
    world.server.kill();
    expect(&ask(service, "/notes", &world.member), 503, AWAY);
    expect(&ask(service, "/notes", "hunter2"), 503, AWAY);
    let none = service.http.send("GET", "/notes", &[], None);
    expect(&none, 401, NO_TOKEN);
    let log = service.log();
    for secret in ["oi_", "hunter2", "example.com"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// Starts a server whose response is chosen by the token that is introspected. Returns its URL and
/// the number of connections to it.
fn unusual_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(move || respond(&stream));
        }
    });
    (format!("http://{address}"), connections)
}

/// Responds to each request of a connection.
fn respond(mut stream: &TcpStream) {
    let live = r#"{"active":true,"sub":"usr_1","scope":"read_write admin"}"#;
    let mut reader = BufReader::new(stream);
    while let Some((head, body)) = read_request(&mut reader) {
        let (status, text) = match &*body {
            _ if !head[0].starts_with("POST /auth/introspect ") => ("200 OK", live),
            b"token=live" => ("200 OK", live),
            b"token=busy" => ("429 Too Many Requests", live),
            b"token=moved" => ("307 Temporary Redirect\r\nLocation: /elsewhere", live),
            b"token=created" => ("201 Created", live),
            b"token=broken" => ("500 Internal Server Error", "<html>"),
            b"token=page" => ("200 OK", "<html>Sign in</html>"),
            b"token=list" => ("200 OK", r#"["active"]"#),
            b"token=quoted" => ("200 OK", r#"{"active":"true","scope":"read_write"}"#),
            b"token=truthy" => ("200 OK", r#"{"active":1,"scope":"read_write"}"#),
            b"token=object" => ("200 OK", "{}"),
            // No response at all.
            _ => loop {
                std::thread::park();
            },
        };
        let length = text.len();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{text}").expect("sent");
    }
}

fn only_an_active_token_in_a_200_is_accepted_within_a_deadline(recipe: Recipe) {
    let (url, connections) = unusual_server();
    let service = RecipeService::start(recipe, &url, "own");
    for _ in 0..20 {
        assert_eq!(ask(&service, "/admin/notes", "live").status, 200);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    for token in ["busy", "moved", "created", "broken", "page", "list"] {
        expect(&ask(&service, "/notes", token), 503, AWAY);
    }
    assert_logs(&service, "OpenIndex cannot be asked: 500");
    for token in ["quoted", "truthy", "object"] {
        let refused = ask(&service, "/notes", token);
        assert!([401, 503].contains(&refused.status), "{token}: {refused:?}");
    }
    expect(&ask(&service, "/notes", "silence"), 503, AWAY);
    assert!(!service.log().contains("usr_1"), "{}", service.log());
}

macro_rules! guarded_by {
    ($($name:ident: $recipe:ident)+) => {$(
        mod $name {
            use openindex_tests::Recipe::$recipe;

            #[test]
            fn a_route_gets_its_caller_who_has_its_scope() {
                super::a_route_gets_its_caller_who_has_its_scope($recipe);
            }

            #[test]
            fn a_request_without_a_live_token_is_a_401() {
                super::a_request_without_a_live_token_is_a_401($recipe);
            }

            #[test]
            fn a_service_that_cannot_ask_lets_nothing_pass_and_logs_no_secret() {
                super::a_service_that_cannot_ask_lets_nothing_pass_and_logs_no_secret($recipe);
            }

            #[test]
            fn only_an_active_token_in_a_200_is_accepted_within_a_deadline() {
                super::only_an_active_token_in_a_200_is_accepted_within_a_deadline($recipe);
            }
        }
    )+};
}

guarded_by! { fastapi: FastApi express: Express go: Go }
