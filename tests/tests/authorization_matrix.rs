//! Every route × every kind of credential: exact status, challenge and code. The routes are read
//! from the server's own description; the test fails if one is missing here.

use std::cell::Cell;
use std::collections::BTreeSet;

use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Secret, TokenKind};
use openindex_tests::{Bootstrapped, Database, Kind, Response, Server, both_stores};
use serde_json::json;

both_stores! { every_route_returns_the_right_status_for_every_credential }

/// What a route requires. `Human` routes reject the token of an agent run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    Nothing,
    AnyToken,
    Human,
    HumanAdmin,
}

/// Method, path, requirement, and the status for a credential that meets it.
const MATRIX: &[(&str, &str, Requirement, u16)] = &[
    ("GET", "/health", Requirement::Nothing, 200),
    ("GET", "/ready", Requirement::Nothing, 200),
    (
        "GET",
        "/.well-known/openindex.json",
        Requirement::Nothing,
        200,
    ),
    (
        "GET",
        "/.well-known/oauth-authorization-server",
        Requirement::Nothing,
        200,
    ),
    ("GET", "/openapi.json", Requirement::Nothing, 200),
    ("GET", "/me", Requirement::AnyToken, 200),
    ("PATCH", "/me", Requirement::Human, 200),
    ("GET", "/me/pats", Requirement::Human, 200),
    ("POST", "/me/pats", Requirement::Human, 201),
    ("GET", "/me/pats/{id}", Requirement::Human, 200),
    ("DELETE", "/me/pats/{id}", Requirement::Human, 204),
    ("POST", "/me/pats/{id}/rotate", Requirement::Human, 201),
    ("GET", "/me/token", Requirement::AnyToken, 200),
    ("DELETE", "/me/token", Requirement::AnyToken, 204),
    ("POST", "/me/token/rotate", Requirement::Human, 201),
    ("GET", "/auth/verify", Requirement::AnyToken, 200),
    ("POST", "/auth/introspect", Requirement::AnyToken, 200),
    ("GET", "/agent-runs", Requirement::Human, 200),
    ("POST", "/agent-runs", Requirement::Human, 201),
    ("GET", "/agent-runs/{id}", Requirement::Human, 200),
    ("DELETE", "/agent-runs/{id}", Requirement::Human, 204),
    ("GET", "/browse", Requirement::AnyToken, 200),
    ("POST", "/browse", Requirement::AnyToken, 201),
    ("GET", "/browse/queue", Requirement::AnyToken, 200),
    ("GET", "/browse/{key}", Requirement::AnyToken, 200),
    ("PATCH", "/browse/{key}", Requirement::AnyToken, 200),
    ("DELETE", "/browse/{key}", Requirement::AnyToken, 204),
    ("POST", "/browse/{key}/claim", Requirement::AnyToken, 200),
    ("POST", "/browse/{key}/release", Requirement::AnyToken, 200),
    ("POST", "/browse/{key}/complete", Requirement::AnyToken, 200),
    ("GET", "/admin/users", Requirement::HumanAdmin, 200),
    ("GET", "/admin/users/{id}", Requirement::HumanAdmin, 200),
    ("PATCH", "/admin/users/{id}", Requirement::HumanAdmin, 200),
    ("DELETE", "/admin/users/{id}", Requirement::HumanAdmin, 204),
    (
        "POST",
        "/admin/users/{id}/suspend",
        Requirement::HumanAdmin,
        200,
    ),
    (
        "POST",
        "/admin/users/{id}/unsuspend",
        Requirement::HumanAdmin,
        200,
    ),
    (
        "POST",
        "/admin/users/{id}/sign-in-link",
        Requirement::HumanAdmin,
        201,
    ),
    ("GET", "/admin/invites", Requirement::HumanAdmin, 200),
    ("POST", "/admin/invites", Requirement::HumanAdmin, 201),
    (
        "DELETE",
        "/admin/invites/{id}",
        Requirement::HumanAdmin,
        204,
    ),
    ("GET", "/admin/pats", Requirement::HumanAdmin, 200),
    ("POST", "/admin/pats/revoke", Requirement::HumanAdmin, 200),
    ("DELETE", "/admin/pats/{id}", Requirement::HumanAdmin, 204),
    ("GET", "/stats", Requirement::HumanAdmin, 200),
    ("GET", "/audit", Requirement::HumanAdmin, 200),
    ("GET", "/audit/export", Requirement::HumanAdmin, 200),
    // Sent without a body: what these routes require is in the body.
    ("POST", "/auth/invites/claim", Requirement::Nothing, 400),
    ("POST", "/credentials/revoke", Requirement::Nothing, 400),
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
    /// The cookie of the administrator's browser session; no API route accepts it.
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

    /// Returns the error that a route with this requirement returns (status, code and challenge),
    /// or `None` if the credential suffices.
    fn rejection(self, requirement: Requirement) -> Option<(u16, &'static str, &'static str)> {
        if requirement == Requirement::Nothing {
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
                (requirement != Requirement::AnyToken).then_some((403, "human_token_required", ""))
            }
            Self::ReadWrite | Self::AdminScopeOfMember => (requirement == Requirement::HumanAdmin)
                .then_some((
                    403,
                    "insufficient_scope",
                    r#"error="insufficient_scope", scope="admin""#,
                )),
            Self::Admin => None,
        }
    }
}

/// The administrator, in SQL.
const ADA: &str = "email_key = 'ada@example.com'";

struct World {
    database: Database,
    server: Server,
    admin: Bootstrapped,
    /// Another user, for routes about one.
    other: String,
    /// The cookie of the administrator's browser session.
    cookie: String,
    /// Number of users who joined to be deleted.
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
    for (method, path, requirement, success) in MATRIX {
        for credential in Credential::ALL {
            let response = world.ask(method, path, credential);
            let context = format!("{method} {path} with {credential:?}: {response:?}");
            // An administrator's token that rotates itself needs its own scope.
            let requirement = match (*path, credential) {
                ("/me/token/rotate", Credential::AdminScopeOfMember) => Requirement::HumanAdmin,
                _ => *requirement,
            };
            match credential.rejection(requirement) {
                None => assert_eq!(response.status, *success, "{context}"),
                Some((status, code, challenge)) => {
                    assert_eq!(response.outcome(), (status, code.to_owned()), "{context}");
                    let sent = response.header("www-authenticate");
                    if matches!(credential, Credential::None | Credential::BrowserSession) {
                        assert_eq!(sent, challenge, "{context}");
                    } else {
                        assert!(sent.contains(challenge), "{context}");
                    }
                    assert_eq!(response.header("cache-control"), "no-store", "{context}");
                }
            }
        }
    }
}

impl World {
    /// Asserts that the matrix and the server's description list the same routes with the same
    /// requirements.
    fn assert_complete(&self) {
        let document = self
            .server
            .http
            .send("GET", "/openapi.json", &[], None)
            .json();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let requirement = operation["x-openindex-requires"]
                    .as_str()
                    .expect("a requirement");
                described.insert(format!("{} {path} {requirement}", method.to_uppercase()));
            }
        }
        let matrix: BTreeSet<String> = MATRIX
            .iter()
            .map(|(method, path, requirement, _)| {
                let requirement = match requirement {
                    Requirement::Nothing => "nothing",
                    Requirement::AnyToken => "any_token",
                    Requirement::Human => "human",
                    Requirement::HumanAdmin => "human_admin",
                };
                format!("{method} {path} {requirement}")
            })
            .collect();
        assert_eq!(described, matrix);
    }

    /// Sends the request with a credential of this kind, for a token of its owner if the path names
    /// one.
    fn ask(&self, method: &str, path: &str, credential: Credential) -> Response {
        let secret = self.secret();
        let subject = self.subject(method, path, &secret);
        let path = path.replace("{id}", &subject).replace("{key}", &subject);
        let body = match (method, path.as_str()) {
            ("POST", "/me/pats") => json!({"name": "new", "scope": "read_write"}),
            ("POST", "/auth/introspect") => json!({"tokens": [secret]}),
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
            // An agent must claim an item before it completes or deletes it.
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
        let response = self
            .server
            .http
            .send(method, &path, &headers, body.as_deref());
        self.restore();
        response
    }

    /// Creates the resource that a path names, which the request may delete.
    fn subject(&self, method: &str, path: &str, secret: &str) -> String {
        let id = |response: Response| response.json()["id"].as_str().expect("an id").to_owned();
        if (method, path) == ("DELETE", "/admin/users/{id}") {
            // The address becomes available after each deletion, and stays taken without one.
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

    /// Creates an `admin` token of the administrator.
    fn secret(&self) -> String {
        let body = json!({"name": "acting", "scope": "admin", "expiresAt": "2099-01-01"});
        let created = self.server.http.post("/me/pats", &self.admin.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
        let created = created.json();
        created["token"].as_str().expect("a secret").to_owned()
    }

    /// Turns a live `admin` token into a credential of this kind; in the database where no route
    /// can.
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
                // Well-formed, but not issued to any user.
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

    /// Starts a run of the administrator that is not bound to an item, and returns its id and
    /// secret.
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
