//! Every route × every kind of credential: exact status, challenge and code. The routes are read
//! from the server's own description, and one that is missing here fails the test.

use std::cell::Cell;
use std::collections::BTreeSet;

use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Secret, TokenKind};
use openindex_tests::{Bootstrapped, Database, Kind, Response, Server, both_stores};
use serde_json::json;

both_stores! { every_route_returns_the_right_status_for_every_credential }

/// What a route needs. `Human` routes are those where an agent run's token would be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    AnyToken,
    Human,
    HumanAdmin,
}

/// Method, path, what it needs, and what it answers to a credential that suffices.
const MATRIX: &[(&str, &str, Needs, u16)] = &[
    ("GET", "/health", Needs::Nothing, 200),
    ("GET", "/ready", Needs::Nothing, 200),
    ("GET", "/.well-known/openindex.json", Needs::Nothing, 200),
    ("GET", "/openapi.json", Needs::Nothing, 200),
    ("GET", "/me", Needs::AnyToken, 200),
    ("PATCH", "/me", Needs::Human, 200),
    ("GET", "/me/pats", Needs::Human, 200),
    ("POST", "/me/pats", Needs::Human, 201),
    ("GET", "/me/pats/{id}", Needs::Human, 200),
    ("DELETE", "/me/pats/{id}", Needs::Human, 204),
    ("POST", "/me/pats/{id}/rotate", Needs::Human, 201),
    ("GET", "/agent-runs", Needs::Human, 200),
    ("POST", "/agent-runs", Needs::Human, 201),
    ("GET", "/agent-runs/{id}", Needs::Human, 200),
    ("DELETE", "/agent-runs/{id}", Needs::Human, 204),
    ("GET", "/browse", Needs::AnyToken, 200),
    ("POST", "/browse", Needs::AnyToken, 201),
    ("GET", "/browse/queue", Needs::AnyToken, 200),
    ("GET", "/browse/{key}", Needs::AnyToken, 200),
    ("PATCH", "/browse/{key}", Needs::AnyToken, 200),
    ("DELETE", "/browse/{key}", Needs::AnyToken, 204),
    ("POST", "/browse/{key}/claim", Needs::AnyToken, 200),
    ("POST", "/browse/{key}/release", Needs::AnyToken, 200),
    ("POST", "/browse/{key}/complete", Needs::AnyToken, 200),
    ("GET", "/admin/users", Needs::HumanAdmin, 200),
    ("GET", "/admin/users/{id}", Needs::HumanAdmin, 200),
    ("PATCH", "/admin/users/{id}", Needs::HumanAdmin, 200),
    ("DELETE", "/admin/users/{id}", Needs::HumanAdmin, 204),
    ("POST", "/admin/users/{id}/suspend", Needs::HumanAdmin, 200),
    (
        "POST",
        "/admin/users/{id}/unsuspend",
        Needs::HumanAdmin,
        200,
    ),
    (
        "POST",
        "/admin/users/{id}/sign-in-link",
        Needs::HumanAdmin,
        201,
    ),
    ("GET", "/admin/invites", Needs::HumanAdmin, 200),
    ("POST", "/admin/invites", Needs::HumanAdmin, 201),
    ("DELETE", "/admin/invites/{id}", Needs::HumanAdmin, 204),
    ("GET", "/admin/pats", Needs::HumanAdmin, 200),
    ("POST", "/admin/pats/revoke", Needs::HumanAdmin, 200),
    ("DELETE", "/admin/pats/{id}", Needs::HumanAdmin, 204),
    ("GET", "/stats", Needs::HumanAdmin, 200),
    ("GET", "/audit", Needs::HumanAdmin, 200),
    ("GET", "/audit/export", Needs::HumanAdmin, 200),
    // Without a body, whoever asks: what these need is in it.
    ("POST", "/auth/invites/claim", Needs::Nothing, 400),
    ("POST", "/credentials/revoke", Needs::Nothing, 400),
];

#[derive(Debug, Clone, Copy)]
enum Credential {
    None,
    Malformed,
    Unknown,
    Expired,
    Revoked,
    SuspendedOwner,
    AgentRun,
    EndedAgentRun,
    ReadWrite,
    AdminScopeOfMember,
    Admin,
    /// A browser session of the administrator's, in its cookie: no route of the API takes it.
    BrowserSession,
}

impl Credential {
    const ALL: [Self; 12] = [
        Self::None,
        Self::BrowserSession,
        Self::Malformed,
        Self::Unknown,
        Self::Expired,
        Self::Revoked,
        Self::SuspendedOwner,
        Self::AgentRun,
        Self::EndedAgentRun,
        Self::ReadWrite,
        Self::AdminScopeOfMember,
        Self::Admin,
    ];

    /// The refusal that it meets on a route with these needs: status, code, and challenge, or
    /// `None` when it suffices.
    fn refusal(self, needs: Needs) -> Option<(u16, &'static str, &'static str)> {
        if needs == Needs::Nothing {
            return None;
        }
        let invalid = r#"error="invalid_token""#;
        match self {
            Self::None | Self::BrowserSession => Some((
                401,
                "authentication_required",
                r#"Bearer realm="openindex""#,
            )),
            Self::Malformed => Some((401, "token_malformed", invalid)),
            Self::Unknown => Some((401, "token_unknown", invalid)),
            Self::Expired => Some((401, "token_expired", invalid)),
            Self::Revoked | Self::EndedAgentRun => Some((401, "token_revoked", invalid)),
            Self::SuspendedOwner => Some((401, "owner_suspended", invalid)),
            Self::AgentRun => {
                (needs != Needs::AnyToken).then_some((403, "human_token_required", ""))
            }
            Self::ReadWrite | Self::AdminScopeOfMember => (needs == Needs::HumanAdmin).then_some((
                403,
                "insufficient_scope",
                r#"error="insufficient_scope", scope="admin""#,
            )),
            Self::Admin => None,
        }
    }
}

/// The administrator, as SQL says it.
const ADA: &str = "email_key = 'ada@example.com'";

struct World {
    database: Database,
    server: Server,
    admin: Bootstrapped,
    /// Another user, for the routes that are about one.
    other: String,
    /// The cookie of a browser session of the administrator's.
    cookie: String,
    /// How many users joined to be deleted.
    joined: Cell<u32>,
}

fn every_route_returns_the_right_status_for_every_credential(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start_with(&database, &["--token-quota", "1000"]);
    let admin = Server::bootstrap(&database);
    let other = server.join(&admin.token, "grace@example.com");
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    let me = [("cookie", cookie.as_str())];
    let page = server.http.send("GET", "/settings/tokens", &me, None);
    assert_eq!(
        page.status, 200,
        "the cookie is good where it counts: {page:?}"
    );
    let world = World {
        database,
        server,
        admin,
        other,
        cookie,
        joined: Cell::new(0),
    };
    world.assert_complete();
    for (method, path, needs, success) in MATRIX {
        for credential in Credential::ALL {
            let answer = world.ask(method, path, credential);
            let context = format!("{method} {path} with {credential:?}: {answer:?}");
            match credential.refusal(*needs) {
                None => assert_eq!(answer.status, *success, "{context}"),
                Some((status, code, challenge)) => {
                    assert_eq!(answer.outcome(), (status, code.to_owned()), "{context}");
                    let sent = answer.header("www-authenticate");
                    if matches!(credential, Credential::None | Credential::BrowserSession) {
                        assert_eq!(sent, challenge, "{context}");
                    } else {
                        assert!(sent.contains(challenge), "{context}");
                    }
                    assert_eq!(answer.header("cache-control"), "no-store", "{context}");
                }
            }
        }
    }
}

impl World {
    /// Every route that the server describes is in the matrix with the same needs, and the other
    /// way round.
    fn assert_complete(&self) {
        let document = self
            .server
            .http
            .send("GET", "/openapi.json", &[], None)
            .json();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let needs = operation["x-openindex-needs"].as_str().expect("needs");
                described.insert(format!("{} {path} {needs}", method.to_uppercase()));
            }
        }
        let matrix: BTreeSet<String> = MATRIX
            .iter()
            .map(|(method, path, needs, _)| {
                let needs = match needs {
                    Needs::Nothing => "nothing",
                    Needs::AnyToken => "any_token",
                    Needs::Human => "human",
                    Needs::HumanAdmin => "human_admin",
                };
                format!("{method} {path} {needs}")
            })
            .collect();
        assert_eq!(described, matrix);
    }

    /// Sends the request with a credential of this kind, on a token of its owner where the path
    /// names one.
    fn ask(&self, method: &str, path: &str, credential: Credential) -> Response {
        let secret = self.secret();
        let subject = self.subject(method, path, &secret);
        let path = path.replace("{id}", &subject).replace("{key}", &subject);
        let body = match (method, path.as_str()) {
            ("POST", "/me/pats") => json!({"name": "new", "scope": "read_write"}),
            ("POST", "/agent-runs") => json!({"agentId": "new", "ttlSeconds": 60}),
            ("POST", "/browse") => json!({"domain": "OPS", "title": "new"}),
            ("PATCH", path) if path.starts_with("/browse/") => json!({"title": "changed"}),
            ("PATCH", "/me") => json!({"name": "Ada King"}),
            ("PATCH", _) => json!({"role": "member"}),
            ("POST", "/admin/invites") => json!({"email": "new@example.com"}),
            ("POST", "/admin/pats/revoke") => json!({"status": "expired", "dryRun": false}),
            _ => json!({}),
        };
        let body = (method != "GET" && method != "DELETE").then(|| body.to_string());
        let token = self.prepare(credential, &secret);
        let deletes = method == "DELETE" && path.starts_with("/browse/");
        if (deletes || path.ends_with("/complete"))
            && let (Credential::AgentRun, Some(token)) = (credential, &token)
        {
            // An agent claims what it completes or deletes.
            let claim = format!("{}/claim", path.trim_end_matches("/complete"));
            assert_eq!(self.server.http.post(&claim, token, &json!({})).status, 200);
        }
        let authorization = token.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("content-type", "application/json")];
        if let Some(value) = &authorization {
            headers.push(("authorization", value));
        }
        if matches!(credential, Credential::BrowserSession) {
            headers.push(("cookie", &self.cookie));
        }
        let answer = self
            .server
            .http
            .send(method, &path, &headers, body.as_deref());
        self.restore();
        answer
    }

    /// What a path is about: something that is there, and may be gone afterwards.
    fn subject(&self, method: &str, path: &str, secret: &str) -> String {
        let id = |answer: Response| answer.json()["id"].as_str().expect("an id").to_owned();
        if (method, path) == ("DELETE", "/admin/users/{id}") {
            // The address is free again after each deletion, and taken where there was none.
            self.joined.set(self.joined.get() + 1);
            let email = format!("subject{}@example.com", self.joined.get());
            self.server.join(&self.admin.token, &email)
        } else if path.starts_with("/admin/users") {
            self.other.clone()
        } else if path.starts_with("/admin/invites") {
            let body = json!({"email": "subject@example.com"});
            id(self.server.http.post("/admin/invites", secret, &body))
        } else if path.starts_with("/agent-runs") {
            let body = json!({"agentId": "subject", "ttlSeconds": 60});
            id(self.server.http.post("/agent-runs", secret, &body))
        } else if path.starts_with("/browse") {
            let body = json!({"domain": "OPS", "title": "subject"});
            let created = self.server.http.post("/browse", secret, &body).json();
            created["key"].as_str().expect("a key").to_owned()
        } else {
            let body = json!({"name": "subject", "scope": "read_write"});
            id(self.server.http.post("/me/pats", secret, &body))
        }
    }

    /// A fresh `admin` token of the administrator.
    fn secret(&self) -> String {
        let body = json!({"name": "acting", "scope": "admin", "expiresAt": "2099-01-01"});
        let created = self.server.http.post("/me/pats", &self.admin.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
        let created = created.json();
        created["token"].as_str().expect("a secret").to_owned()
    }

    /// Turns a live `admin` token into a credential of this kind. What no route does yet is done
    /// in the database.
    fn prepare(&self, credential: Credential, secret: &str) -> Option<String> {
        let id = self.server.http.get("/me", secret).json()["token"]["id"].clone();
        let id = id.as_str().expect("an id").to_owned();
        let past = self.database.kind().just_expired();
        let uuid = match self.database.kind() {
            Kind::Sqlite => format!("x'{}'", &id[4..]),
            Kind::Postgres => format!("'{}'", &id[4..]),
        };
        let change = |set: String| {
            assert_eq!(self.database.execute(&set), 1, "{set}");
        };
        match credential {
            Credential::None | Credential::BrowserSession => return None,
            Credential::Malformed => return Some(secret[..54].to_owned()),
            Credential::Unknown => {
                // Well-formed and of this format, but of nobody.
                let kind = TokenKind::Personal;
                let secret = Secret::generate(kind, &SeededEntropy::new(0)).expect("entropy");
                return Some(secret.expose().to_owned());
            }
            Credential::Expired => change(format!(
                "UPDATE tokens SET expires_at = {past} WHERE id = {uuid}"
            )),
            Credential::Revoked => {
                let path = format!("/me/pats/{id}");
                assert_eq!(
                    self.server.http.delete(&path, &self.admin.token).status,
                    204
                );
            }
            Credential::SuspendedOwner => {
                change(format!(
                    "UPDATE users SET suspended_at = {past} WHERE {ADA}"
                ));
            }
            Credential::AgentRun => return Some(self.start_run(secret).1),
            Credential::EndedAgentRun => {
                let (id, run) = self.start_run(secret);
                let path = format!("/agent-runs/{id}");
                assert_eq!(self.server.http.delete(&path, secret).status, 204);
                return Some(run);
            }
            Credential::ReadWrite => change(format!(
                "UPDATE tokens SET scope = 'read_write' WHERE id = {uuid}"
            )),
            Credential::AdminScopeOfMember => {
                change(format!("UPDATE users SET role = 'member' WHERE {ADA}"));
            }
            Credential::Admin => {}
        }
        Some(secret.to_owned())
    }

    /// A run of the administrator's, not bound to anything: its id and its secret.
    fn start_run(&self, secret: &str) -> (String, String) {
        let body = json!({"agentId": "matrix", "ttlSeconds": 3600});
        let started = self.server.http.post("/agent-runs", secret, &body);
        assert_eq!(started.status, 201, "{started:?}");
        let started = started.json();
        let text = |field: &str| started[field].as_str().expect("text").to_owned();
        (text("id"), text("token"))
    }

    fn restore(&self) {
        let active = "UPDATE users SET suspended_at = NULL";
        assert!(self.database.execute(active) >= 2);
        let admin = format!("UPDATE users SET role = 'admin' WHERE {ADA}");
        assert_eq!(self.database.execute(&admin), 1);
    }
}
