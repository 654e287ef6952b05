//! Helpers of these tests.

use std::process::{Command, Output, Stdio};

use openindex_tests::{Bootstrapped, Database, Response, Server, binary};
use serde_json::{Value, json};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: [(&str, &str); 2] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("sec-fetch-site", "same-origin"),
];

/// Returns `oi-server` with these arguments, and without the database of the tests.
pub(crate) fn oi_server(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("oi-server"));
    command
        .args(arguments)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null());
    command
}

/// Returns the command that copies between these URLs.
pub(crate) fn command(from: &str, to: &str) -> Command {
    oi_server(&["copy", "--from", from, "--to", to])
}

/// Creates the tables, and nothing else.
pub(crate) fn migrate(database: &Database) {
    let output = oi_server(&["migrate", "--database-url", database.url()]).output();
    let output = output.expect("oi-server runs");
    assert!(output.status.success(), "{output:?}");
}

/// Copies and returns the output.
pub(crate) fn run(from: &Database, to: &Database) -> Output {
    let output = command(from.url(), to.url()).output();
    output.expect("oi-server runs")
}

/// Copies and returns the digest that is printed, and the tables with their numbers of rows.
pub(crate) fn copied(from: &Database, to: &Database) -> (String, Vec<(String, u64)>) {
    let output = run(from, to);
    let (out, said) = (text(&output.stdout), said(&output));
    assert!(output.status.success(), "{said}");
    let (_, digest) = out.trim().split_once("SHA-256 ").expect("a digest");
    let lines = said.lines().filter_map(|line| line.strip_prefix("copied "));
    let tables = lines.map(|line| {
        let (table, rows) = line.split_once(": ").expect("a table");
        let rows = rows.strip_suffix(" rows").expect("rows");
        (table.to_owned(), rows.parse().expect("a number"))
    });
    (digest.to_owned(), tables.collect())
}

/// Returns standard error.
pub(crate) fn said(output: &Output) -> String {
    text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An instance with rows in every table.
pub(crate) struct World {
    pub(crate) admin: Bootstrapped,
    /// A member's token.
    member: String,
    revoked: String,
    reported: String,
    expired: String,
    run: String,
    item: String,
    /// A browser's session.
    cookie: String,
    /// The form of a page that has created a token.
    form: String,
    /// The code of an invite that is open.
    pub(crate) invite: String,
}

impl World {
    /// Fills a database by using a server on it, and returns what a client then sees.
    pub(crate) fn fill(database: &Database) -> (Self, Vec<String>) {
        let server = Server::start(database);
        let admin = Server::bootstrap(database);
        let http = &server.http;
        let post = |path: &str, token: &str, body: Value| {
            let response = http.post(path, token, &body);
            let is_done = (200..300).contains(&response.status);
            assert!(is_done, "{path}: {response:?}");
            response
        };
        let create = |token: &str, name: &str| {
            let body = json!({"name": name, "scope": "read_write", "expiresIn": 7_776_000});
            let created = post("/me/pats", token, body).json();
            (field(&created, "id"), field(&created, "token"))
        };
        let (_, member) = server.join_with_token(&admin.token, "grace@example.com");
        let (id, revoked) = create(&admin.token, "Überflüssig 🦀");
        let deleted = http.delete(&format!("/me/pats/{id}"), &admin.token);
        assert_eq!(deleted.status, 204);
        let (_, expired) = create(&admin.token, "soon");
        let expired_at = database.kind().just_expired();
        let moved = format!("UPDATE tokens SET expires_at = {expired_at} WHERE name = 'soon'");
        assert_eq!(database.execute(&moved), 1);
        let (_, reported) = create(&member, "leaked");
        let report = json!({"tokens": [&reported]}).to_string();
        let told = http.send("POST", "/credentials/revoke", &[JSON], Some(&report));
        assert_eq!(told.status, 202);
        let body = json!({"domain": "OPS", "title": "Fix it", "description": "a\n# 🦀\n"});
        let item = field(&post("/browse", &member, body).json(), "key");
        let body = json!({"agentId": "builder", "ttlSeconds": 3600, "workItemKey": item});
        let run = field(&post("/agent-runs", &member, body).json(), "token");
        post(&format!("/browse/{item}/claim"), &run, json!({}));
        let suspended = server.join(&admin.token, "eve@example.com");
        let suspend = format!("/admin/users/{suspended}/suspend");
        post(&suspend, &admin.token, json!({}));
        let gone = server.join(&admin.token, "gone@example.com");
        let gone = http.delete(&format!("/admin/users/{gone}"), &admin.token);
        assert_eq!(gone.status, 204);
        let invite = json!({"email": "joan@example.com", "role": "admin"});
        let invite = field(&post("/admin/invites", &admin.token, invite).json(), "code");
        let cookie = server.sign_in_by_link(database, "ada@example.com");
        let page = http.send("GET", "/settings/tokens/new", &[("cookie", &cookie)], None);
        let world = Self {
            admin,
            member,
            revoked,
            reported,
            expired,
            run,
            item,
            cookie,
            form: page.form().to_owned(),
            invite,
        };
        assert_eq!(world.submit(&server).status, 201);
        // Counted: one attempt with a wrong password.
        assert_ne!(Self::sign_in(&server, "wrong").status, 303);
        let seen = world.seen(&server);
        let (status, _) = server.stop();
        assert!(status.success());
        (world, seen)
    }

    /// Submits the form that creates a token.
    fn submit(&self, server: &Server) -> Response {
        let fields = format!("name=x&scope=read_write&expiry=never&form={}", self.form);
        let headers = [FORM[0], FORM[1], ("cookie", &*self.cookie)];
        let path = "/settings/tokens/new";
        server.http.send("POST", path, &headers, Some(&fields))
    }

    fn sign_in(server: &Server, password: &str) -> Response {
        let fields = format!("email=ada%40example.com&password={password}");
        server.http.send("POST", "/sign-in", &FORM, Some(&fields))
    }

    /// Returns everything that clients see, without what differs between servers and visits.
    pub(crate) fn seen(&self, server: &Server) -> Vec<String> {
        let mut seen = Vec::new();
        let item = format!("/browse/{}", self.item);
        for path in [
            "/me",
            "/me/pats?limit=100",
            "/agent-runs",
            "/browse",
            "/browse?q=FIX",
            "/browse/queue",
            &item,
            "/admin/users",
            "/admin/pats?limit=100",
            "/admin/invites",
            "/audit?limit=100",
            "/stats",
        ] {
            // A denied request would be in the audit log.
            let is_for_admins = ["/admin", "/audit", "/stats"]
                .iter()
                .any(|it| path.starts_with(it));
            let member = (!is_for_admins).then_some(&self.member);
            for token in [&self.admin.token].into_iter().chain(member) {
                let response = server.http.get(path, token);
                let mut shown = response.json();
                forget_visits(&mut shown);
                seen.push(format!("{path} {} {shown}", response.status).replace(&server.url, ""));
            }
        }
        seen
    }

    /// Asserts that every credential works, or is rejected, as before.
    pub(crate) fn assert_works(&self, server: &Server) {
        let http = &server.http;
        for token in [&self.admin.token, &self.member, &self.run] {
            assert_eq!(http.get("/me", token).status, 200);
        }
        for (token, code) in [
            (&self.revoked, "token_revoked"),
            (&self.reported, "token_revoked"),
            (&self.expired, "token_expired"),
        ] {
            assert_eq!(http.get("/me", token).outcome(), (401, code.to_owned()));
        }
        let page = http.send(
            "GET",
            "/settings/tokens",
            &[("cookie", &*self.cookie)],
            None,
        );
        assert_eq!(page.status, 200, "{page:?}");
        assert_ne!(self.submit(server).status, 201, "a form is used once");
        let signed_in = Self::sign_in(server, "five+words+that+nobody+says");
        assert_eq!(signed_in.status, 303, "{signed_in:?}");
    }
}

fn field(value: &Value, name: &str) -> String {
    let text = value[name].as_str();
    text.unwrap_or_else(|| panic!("{name} of {value}"))
        .to_owned()
}

/// Removes when and from where credentials were used, which looking changes.
fn forget_visits(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !name.starts_with("lastUsed") && !name.starts_with("lastSeen"));
            fields.values_mut().for_each(forget_visits);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_visits),
        _ => {}
    }
}
