//! An instance with a bit of everything, and what its users know.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::fixture::{disguised, revealed};
use crate::{Database, Response, Server};

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: [(&str, &str); 2] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("sec-fetch-site", "same-origin"),
];
/// Tokens and agent runs that are accepted.
const LIVE: [&str; 8] = [
    "admin",
    "personal",
    "member",
    "second administrator",
    "successor",
    "in an overlap",
    "run",
    "free run",
];
/// Those that are rejected, and the code of the problem.
const REJECTED: [(&str, &str); 9] = [
    ("revoked", "token_revoked"),
    ("revoked by an administrator", "token_revoked"),
    ("reported", "token_revoked"),
    ("rotated", "token_revoked"),
    ("expired", "token_expired"),
    ("suspended owner", "owner_suspended"),
    ("ended run", "token_revoked"),
    ("run of a revoked token", "token_revoked"),
    ("run of a completed item", "token_revoked"),
];

/// An instance with rows in every table, and the secrets of its users.
#[derive(Debug)]
pub struct World(BTreeMap<String, String>);

impl World {
    /// Fills a database by using a server on it, and returns what a client then sees.
    #[must_use]
    pub fn fill(database: &Database) -> (Self, Vec<String>) {
        let server = Server::start(database);
        let mut world = Self(BTreeMap::new());
        world.keep("admin", Server::bootstrap(database).token);
        world.add_tokens(&server, database);
        world.add_runs(&server);
        world.add_users(&server);
        let http = &server.http;
        let cookie = server.sign_in_by_link(database, "ada@example.com");
        let page = http.send("GET", "/settings/tokens/new", &[("cookie", &cookie)], None);
        world.keep("form", page.form().to_owned());
        world.keep("cookie", cookie);
        assert_eq!(world.submit(&server).status, 201);
        // Counted: one attempt with a wrong password.
        assert_ne!(sign_in(&server, "wrong").status, 303);
        let seen = world.seen(&server);
        let (status, _) = server.stop();
        assert!(status.success());
        (world, seen)
    }

    /// Reads what [`Self::to_json`] returned.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let secrets = value.as_object().expect("secrets").iter();
        let secrets = secrets.map(|(name, secret)| {
            let secret = secret.as_str().expect("a secret");
            (name.clone(), revealed(secret))
        });
        Self(secrets.collect())
    }

    /// Returns the secrets, in a form that no scanner reports.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let secrets = self.0.iter();
        let secrets = secrets.map(|(name, secret)| (name.clone(), disguised(secret).into()));
        Value::Object(secrets.collect::<Map<_, _>>())
    }

    /// Returns a secret, or the key of the work item `item`.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).expect(name)
    }

    fn keep(&mut self, name: &str, secret: String) {
        self.0.insert(name.to_owned(), secret);
    }

    fn add_tokens(&mut self, server: &Server, database: &Database) {
        let http = &server.http;
        let admin = self.get("admin").to_owned();
        let create = |token: &str, name: &str| {
            let body = json!({"name": name, "scope": "read_write", "expiresIn": 7_776_000});
            let created = post(server, "/me/pats", token, &body);
            (field(&created, "id"), field(&created, "token"))
        };
        let (_, member) = server.join_with_token(&admin, "grace@example.com");
        let (_, second) = http.join_as("admin", &admin, "lin@example.com");
        let body = json!({"name": "never expires", "scope": "admin"});
        post(server, "/me/pats", &second, &body);
        let (_, personal) = create(&admin, "personal");
        for (name, revoked, path) in [
            ("Überflüssig 🦀", "revoked", "/me/pats"),
            ("taken away", "revoked by an administrator", "/admin/pats"),
        ] {
            let (id, secret) = create(&admin, name);
            let deleted = http.delete(&format!("{path}/{id}"), &admin);
            assert_eq!(deleted.status, 204, "{deleted:?}");
            self.keep(revoked, secret);
        }
        for (name, successor, overlap) in [
            ("rotated", "successor", 0),
            ("in an overlap", "second successor", 86_400),
        ] {
            let (id, secret) = create(&member, name);
            let path = format!("/me/pats/{id}/rotate");
            let rotated = post(server, &path, &member, &json!({"overlapSeconds": overlap}));
            self.keep(name, secret);
            self.keep(successor, field(&rotated, "token"));
        }
        let (_, expired) = create(&admin, "soon");
        let expired_at = database.kind().just_expired();
        let moved = format!("UPDATE tokens SET expires_at = {expired_at} WHERE name = 'soon'");
        assert_eq!(database.execute(&moved), 1);
        let (_, reported) = create(&member, "leaked");
        let report = json!({"tokens": [&reported]}).to_string();
        let told = http.send("POST", "/credentials/revoke", &[JSON], Some(&report));
        assert_eq!(told.status, 202);
        self.keep("member", member);
        self.keep("second administrator", second);
        self.keep("personal", personal);
        self.keep("expired", expired);
        self.keep("reported", reported);
    }

    fn add_runs(&mut self, server: &Server) {
        let member = self.get("member").to_owned();
        let body = json!({"domain": "OPS", "title": "Fix it", "description": "a\n# 🦀\n"});
        let item = field(&post(server, "/browse", &member, &body), "key");
        let body = json!({"domain": "DONE", "title": "Completed"});
        let completed = field(&post(server, "/browse", &member, &body), "key");
        let start = |issuer: &str, item: Option<&str>| {
            let body = json!({"agentId": "builder", "ttlSeconds": 3600, "workItemKey": item});
            let run = post(server, "/agent-runs", issuer, &body);
            (field(&run, "id"), field(&run, "token"))
        };
        let (_, run) = start(&member, Some(&item));
        post(server, &format!("/browse/{item}/claim"), &run, &json!({}));
        let (_, free) = start(&member, None);
        let (id, ended) = start(&member, None);
        let deleted = server.http.delete(&format!("/agent-runs/{id}"), &member);
        assert_eq!(deleted.status, 204);
        let body = json!({"name": "issuer", "scope": "read_write"});
        let issuer = post(server, "/me/pats", &member, &body);
        let (_, orphan) = start(&field(&issuer, "token"), None);
        let path = format!("/me/pats/{}", field(&issuer, "id"));
        assert_eq!(server.http.delete(&path, &member).status, 204);
        let (_, of_completed) = start(&member, Some(&completed));
        let path = format!("/browse/{completed}/complete");
        post(server, &path, &member, &json!({}));
        for (name, secret) in [
            ("item", item),
            ("run", run),
            ("free run", free),
            ("ended run", ended),
            ("run of a revoked token", orphan),
            ("run of a completed item", of_completed),
        ] {
            self.keep(name, secret);
        }
    }

    fn add_users(&mut self, server: &Server) {
        let admin = self.get("admin").to_owned();
        let (suspended, secret) = server.join_with_token(&admin, "eve@example.com");
        let path = format!("/admin/users/{suspended}/suspend");
        post(server, &path, &admin, &json!({}));
        self.keep("suspended owner", secret);
        let gone = server.join(&admin, "gone@example.com");
        let gone = server.http.delete(&format!("/admin/users/{gone}"), &admin);
        assert_eq!(gone.status, 204);
        let invite = |email: &str| {
            let body = json!({"email": email, "role": "admin"});
            post(server, "/admin/invites", &admin, &body)
        };
        self.keep("invite", field(&invite("joan@example.com"), "code"));
        let withdrawn = field(&invite("nobody@example.com"), "id");
        let path = format!("/admin/invites/{withdrawn}");
        assert_eq!(server.http.delete(&path, &admin).status, 204);
    }

    /// Submits the form that creates a token.
    fn submit(&self, server: &Server) -> Response {
        let form = self.get("form");
        let fields = format!("name=x&scope=read_write&expiry=never&form={form}");
        let headers = [FORM[0], FORM[1], ("cookie", self.get("cookie"))];
        let path = "/settings/tokens/new";
        server.http.send("POST", path, &headers, Some(&fields))
    }

    /// Returns everything that clients see, without what differs between servers and visits.
    #[must_use]
    pub fn seen(&self, server: &Server) -> Vec<String> {
        let mut seen = Vec::new();
        let item = format!("/browse/{}", self.get("item"));
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
            let member = (!is_for_admins).then_some(self.get("member"));
            for token in [self.get("admin")].into_iter().chain(member) {
                let response = server.http.get(path, token);
                let mut shown = response.json();
                forget_visits(&mut shown);
                seen.push(format!("{path} {} {shown}", response.status).replace(&server.url, ""));
            }
        }
        seen
    }

    /// Asserts that every credential works, or is rejected, as before.
    pub fn assert_works(&self, server: &Server) {
        let http = &server.http;
        for live in LIVE {
            let response = http.get("/me", self.get(live));
            assert_eq!(response.status, 200, "{live}: {response:?}");
        }
        for (rejected, code) in REJECTED {
            let outcome = http.get("/me", self.get(rejected)).outcome();
            assert_eq!(outcome, (401, code.to_owned()), "{rejected}");
        }
        let cookie = [("cookie", self.get("cookie"))];
        let page = http.send("GET", "/settings/tokens", &cookie, None);
        assert_eq!(page.status, 200, "{page:?}");
        assert_ne!(self.submit(server).status, 201, "a form is used once");
        let signed_in = sign_in(server, "five+words+that+nobody+says");
        assert_eq!(signed_in.status, 303, "{signed_in:?}");
    }

    /// Asserts that an open invite can be claimed, and that new rows are added beside the others.
    pub fn assert_goes_on(&self, server: &Server) {
        let body = json!({"code": self.get("invite"), "name": "Joan", "tokenName": "first"});
        let body = body.to_string();
        let claimed = server
            .http
            .send("POST", "/auth/invites/claim", &[JSON], Some(&body));
        assert_eq!(claimed.status, 201, "{claimed:?}");
        let admin = self.get("admin");
        let body = json!({"domain": "OPS", "title": "beside the others"});
        let created = post(server, "/browse", admin, &body);
        assert_eq!(created["key"], "OPS-2", "the numbers continue");
        for words in ["beside", "fix"] {
            let found = server.http.get(&format!("/browse?q={words}"), admin).json();
            let found = found["items"].as_array().expect("items");
            assert_eq!(found.len(), 1, "the index of searches: {words}");
        }
        let body = json!({"name": "new", "scope": "admin"});
        let created = post(server, "/me/pats", admin, &body);
        let new = server.http.get("/me", &field(&created, "token"));
        assert_eq!(new.status, 200, "{new:?}");
    }
}

fn sign_in(server: &Server, password: &str) -> Response {
    let fields = format!("email=ada%40example.com&password={password}");
    server.http.send("POST", "/sign-in", &FORM, Some(&fields))
}

fn post(server: &Server, path: &str, token: &str, body: &Value) -> Value {
    let response = server.http.post(path, token, body);
    let is_done = (200..300).contains(&response.status);
    assert!(is_done, "{path}: {response:?}");
    if response.text.is_empty() {
        Value::Null
    } else {
        response.json()
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
