//! Services guarded by the recipes of the documentation, word for word, ask the built server.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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

/// Asserts that the response is challenged with this error, in the words of the recipe or of
/// OpenIndex.
#[track_caller]
fn challenged(response: &Response, status: u16, error: &str) {
    assert_eq!(response.status, status, "{response:?}");
    let challenge = response.header("www-authenticate");
    assert!(challenge.starts_with("Bearer"), "{response:?}");
    let named = challenge.split(r#"error=""#).nth(1);
    let named = named.and_then(|rest| rest.split('"').next());
    assert_eq!(named.unwrap_or_default(), error, "{response:?}");
}

const NO_TOKEN: &str = "";
const INVALID: &str = "invalid_token";
const DENIED: &str = "insufficient_scope";
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

    challenged(&ask(service, "/admin/notes", &world.member), 403, DENIED);
    let (_, limited) = create(&world.server, &world.admin);
    challenged(&ask(service, "/admin/notes", &limited), 403, DENIED);
    let body = json!({"agentId": "builder", "ttlSeconds": 600});
    let run = world.server.http.post("/agent-runs", &world.admin, &body);
    let run = run.json()["token"].as_str().expect("a secret").to_owned();
    assert_eq!(ask(service, "/notes", &run).status, 200);
    challenged(&ask(service, "/admin/notes", &run), 403, DENIED);
}

fn a_request_without_a_live_token_is_a_401(recipe: Recipe) {
    let world = World::new(recipe);
    let service = &world.service;
    for round in 0..10 {
        let (id, token) = create(&world.server, &world.member);
        assert_eq!(ask(service, "/notes", &token).status, 200, "{round}");
        world.delete(&id, &world.member);
        challenged(&ask(service, "/notes", &token), 401, INVALID);
        challenged(&ask(service, "/admin/notes", &token), 401, INVALID);
    }
    let none = service.http.send("GET", "/notes", &[], None);
    challenged(&none, 401, NO_TOKEN);
    let live = &world.member;
    for other in ["", "Basic YTpi", live] {
        challenged(&get(&service.http, "/notes", other), 401, NO_TOKEN);
    }
    for empty in ["Bearer", "Bearer "] {
        let refused = get(&service.http, "/notes", empty);
        assert_eq!(refused.status, 401, "{refused:?}");
    }
    let live_second = [
        ("authorization", "Bearer hunter2"),
        ("authorization", &*format!("Bearer {live}")),
    ];
    let refused = service.http.send("GET", "/notes", &live_second, None);
    challenged(&refused, 401, INVALID);
    let forged = [
        "hunter2".to_owned(),
        format!("x&token={live}"),
        format!("{live}&token={live}x"),
        format!("{live} {live}"),
        format!("{live}%00"),
    ];
    for token in forged {
        challenged(&ask(service, "/notes", &token), 401, INVALID);
    }
}

fn a_service_that_cannot_ask_lets_nothing_pass_and_logs_no_secret(recipe: Recipe) {
    let world = World::new(recipe);
    let service = &world.service;
    assert_eq!(ask(service, "/notes", &world.member).status, 200);
    if recipe.introspects() {
        world.delete(&world.own_id, &world.owner);
        expect(&ask(service, "/notes", &world.member), 503, AWAY);
        expect(&ask(service, "/admin/notes", &world.admin), 503, AWAY);
        assert_logs(service, "OpenIndex cannot be asked: 401");
    }
    world.server.kill();
    expect(&ask(service, "/notes", &world.member), 503, AWAY);
    expect(&ask(service, "/notes", "hunter2"), 503, AWAY);
    assert_logs(service, "OpenIndex cannot be asked: ");
    let none = service.http.send("GET", "/notes", &[], None);
    if recipe.introspects() {
        challenged(&none, 401, NO_TOKEN);
    } else {
        expect(&none, 503, AWAY);
    }
    let log = service.log();
    for secret in ["oi_", "hunter2", "example.com"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// A request to the unusual server: its head and body.
type Asked = (Vec<String>, Vec<u8>);

/// Starts a server that responds as this function says, which gets each request and returns a
/// status with more headers, and the body. Returns its URL and the number of connections to it.
fn unusual_server(
    respond: impl Fn(Asked) -> (String, &'static str) + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let respond = Arc::new(respond);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            let respond = respond.clone();
            std::thread::spawn(move || serve(&stream, &*respond));
        }
    });
    (format!("http://{address}"), connections)
}

/// Responds to each request of a connection.
fn serve(mut stream: &TcpStream, respond: &dyn Fn(Asked) -> (String, &'static str)) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader) {
        let is_head = asked.0[0].starts_with("HEAD ");
        let (status, body) = respond(asked);
        let length = body.len();
        let body = if is_head { "" } else { body };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}").expect("sent");
    }
}

fn no_response() -> ! {
    loop {
        std::thread::park();
    }
}

/// Responds to an introspection by its token.
fn introspected((head, body): Asked) -> (String, &'static str) {
    let live = r#"{"active":true,"sub":"usr_1","scope":"read_write admin"}"#;
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
        b"token=pairs" => ("200 OK", r#"[["active",true],["scope","read_write"]]"#),
        b"token=scopeless" => ("200 OK", r#"{"active":true}"#),
        b"token=numbered" => ("200 OK", r#"{"active":true,"scope":1}"#),
        _ => no_response(),
    };
    (status.to_owned(), text)
}

fn only_an_active_token_in_a_200_is_accepted_within_a_deadline(recipe: Recipe) {
    let (url, connections) = unusual_server(introspected);
    let service = RecipeService::start(recipe, &url, "own");
    for _ in 0..20 {
        assert_eq!(ask(&service, "/admin/notes", "live").status, 200);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    for token in ["busy", "moved", "created", "broken", "page", "list"] {
        expect(&ask(&service, "/notes", token), 503, AWAY);
    }
    assert_logs(&service, "OpenIndex cannot be asked: 500");
    for token in [
        "quoted",
        "truthy",
        "object",
        "pairs",
        "scopeless",
        "numbered",
    ] {
        let refused = ask(&service, "/notes", token);
        assert!(
            [401, 403, 503].contains(&refused.status),
            "{token}: {refused:?}"
        );
    }
    expect(&ask(&service, "/notes", "silence"), 503, AWAY);
    assert!(!service.log().contains("usr_1"), "{}", service.log());
}

/// Returns the value of the one header of this name.
fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    let lines = head.iter().filter_map(|line| line.split_once(": "));
    let mut values = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
    let (_, value) = values.next()?;
    assert_eq!(values.next(), None, "{head:?}");
    Some(value)
}

/// Responds to forward authentication by the token.
fn verified(head: &[String]) -> (String, &'static str) {
    let caller = "X-Auth-User-Id: usr_1";
    let page = "<html>Sign in</html>";
    let (status, headers, body) = match header(head, "authorization").expect("a token") {
        _ if !head[0].contains(" /auth/verify?scope=") => ("200 OK", caller, ""),
        "Bearer live" => ("200 OK", caller, ""),
        "Bearer busy" => ("429 Too Many Requests", "Retry-After: 7", ""),
        "Bearer later" => ("503 Service Unavailable", "Retry-After: 9", ""),
        "Bearer sign-in" => ("401 Unauthorized", "Set-Cookie: a=b", page),
        "Bearer moved" => ("307 Temporary Redirect", "Location: /elsewhere", page),
        "Bearer found" => (
            "302 Found",
            "Location: /elsewhere\r\nX-Auth-User-Id: usr_1",
            "",
        ),
        "Bearer created" => ("201 Created", caller, ""),
        "Bearer empty" => ("204 No Content", caller, ""),
        "Bearer mistyped" => ("400 Bad Request", caller, ""),
        "Bearer broken" => ("500 Internal Server Error", caller, page),
        "Bearer page" => ("200 OK", "X-Auth-Scope: admin", page),
        "Bearer nobody" => ("200 OK", "X-Auth-User-Id: ", ""),
        _ => no_response(),
    };
    (format!("{status}\r\n{headers}"), body)
}

fn only_a_200_that_names_the_caller_is_accepted_within_a_deadline(recipe: Recipe) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let asked = heads.clone();
    let (url, connections) = unusual_server(move |(head, _)| {
        let response = verified(&head);
        asked.lock().expect("a lock").push(head);
        response
    });
    let service = RecipeService::start(recipe, &url, "");
    let headers = [
        ("authorization", "Bearer live"),
        ("cookie", "session=1"),
        ("x-auth-user-id", "usr_spoofed"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-http-method-override", "DELETE"),
    ];
    for _ in 0..20 {
        let accepted = service
            .http
            .send("POST", "/admin/notes?scope=read_write", &headers, None);
        assert_eq!(accepted.status, 200, "{accepted:?}");
        assert_eq!(accepted.text.trim(), "notes of usr_1");
        assert_eq!(accepted.header("x-auth-user-id"), "");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    for head in heads.lock().expect("a lock").drain(..) {
        assert_eq!(head[0], "HEAD /auth/verify?scope=admin HTTP/1.1");
        assert_eq!(header(&head, "authorization"), Some("Bearer live"));
        for (name, value) in &headers[1..] {
            assert_eq!(header(&head, name), None, "{value} was passed on");
        }
    }
    for token in [
        "moved", "found", "created", "empty", "mistyped", "broken", "page", "nobody",
    ] {
        let refused = ask(&service, "/notes", token);
        expect(&refused, 503, AWAY);
        assert_eq!(refused.text, "", "{token}");
    }
    assert_logs(&service, "OpenIndex cannot be asked: 500");
    expect(&ask(&service, "/notes", "busy"), 429, ("retry-after", "7"));
    expect(&ask(&service, "/notes", "later"), 503, ("retry-after", "9"));
    let page = ask(&service, "/notes", "sign-in");
    expect(&page, 401, ("set-cookie", ""));
    assert_eq!(page.text, "");
    expect(&ask(&service, "/notes", "silence"), 503, AWAY);
    assert!(!service.log().contains("usr_1"), "{}", service.log());
}

macro_rules! guarded_by {
    ($($name:ident: $recipe:ident, $fails_closed:ident)+) => {$(
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
            fn $fails_closed() {
                super::$fails_closed($recipe);
            }

            #[test]
            fn what_is_copied_has_fewer_than_30_lines() {
                let [guard, _] = $recipe.files();
                let lines = guard.lines().filter(|line| !line.trim().is_empty());
                let lines = lines.count();
                assert!(lines < 30, "{lines}");
            }
        }
    )+};
}

guarded_by! {
    fastapi: FastApi, only_an_active_token_in_a_200_is_accepted_within_a_deadline
    express: Express, only_an_active_token_in_a_200_is_accepted_within_a_deadline
    go: Go, only_a_200_that_names_the_caller_is_accepted_within_a_deadline
}
