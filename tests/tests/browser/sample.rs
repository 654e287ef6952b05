//! An instance with users, tokens and a history, and the paths of all its pages.

use openindex_tests::{Bootstrapped, Client, Database, Kind, Server};
use serde_json::{Value, json};

use super::driver::Browser;

pub(crate) const PASSWORD: &str = "five words that nobody says";

/// A running server with content on every page, and a browser where Ada, its administrator, is signed
/// in.
pub(crate) struct Sample {
    pub(crate) browser: Browser,
    pub(crate) server: Server,
    pub(crate) admin: Bootstrapped,
    #[expect(dead_code, reason = "it lives as long as the server does")]
    database: Database,
    token: String,
    run: String,
    user: String,
    invite: String,
    open_link: String,
    open_invite: String,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let database = Database::new(Kind::Sqlite);
        let server = Server::start(&database);
        let admin = Server::bootstrap(&database);
        let http = &server.http;
        let by = admin.token.as_str();
        let create = |name: &str, scope: &str, expires: Value| {
            let body = json!({"name": name, "scope": scope, "expiresAt": expires});
            let created = http.post("/me/pats", by, &body);
            assert_eq!(created.status, 201, "{created:?}");
            created.json()
        };
        create("nightly export", "read_write", json!("2027-03-01"));
        create("terraform", "admin", json!(null));
        let token = create("ci", "read_write", json!("2099-12-31"));
        let leaked = create("old laptop", "read_write", json!(null));
        let report = json!({"tokens": [leaked["token"]]}).to_string();
        let headers = [("content-type", "application/json")];
        let reported = http.send("POST", "/credentials/revoke", &headers, Some(&report));
        assert_eq!(reported.status, 202);
        let run = work(http, by);
        let user = server.join(by, "grace@example.com");
        let linus = server.join(by, "linus@example.com");
        let path = format!("/admin/users/{linus}/suspend");
        assert_eq!(http.post(&path, by, &json!({})).status, 200);
        let link = format!("/admin/users/{user}/sign-in-link");
        let open_link = text(&http.post(&link, by, &json!({})).json()["url"]);
        let invite = invite(http, by, "margaret@example.com");
        let withdrawn = self::invite(http, by, "nobody@example.com");
        let path = format!("/admin/invites/{}", text(&withdrawn["id"]));
        assert_eq!(http.delete(&path, by).status, 204);
        let browser = Browser::new(&server.url);
        let own = format!("/admin/users/{}/sign-in-link", admin.user_id());
        let own = text(&http.post(&own, by, &json!({})).json()["url"]);
        browser.open(&own);
        browser.fill("password", PASSWORD);
        browser.press("Set password and sign in");
        browser.wait_for_heading("Personal access tokens");
        Self {
            token: text(&token["id"]),
            run,
            invite: text(&invite["id"]),
            open_invite: text(&invite["url"]),
            browser,
            server,
            admin,
            database,
            user,
            open_link,
        }
    }

    /// The name and path of every page for a signed-in administrator.
    pub(crate) fn pages(&self) -> Vec<(&'static str, String)> {
        let Self {
            token,
            run,
            user,
            invite,
            ..
        } = self;
        let pages = [
            ("tokens", "/settings/tokens".to_owned()),
            ("token-new", "/settings/tokens/new".to_owned()),
            ("tokens-sorted", "/settings/tokens?sort=expiry".to_owned()),
            (
                "tokens-revoked",
                "/settings/tokens?status=revoked&sort=name".to_owned(),
            ),
            (
                "tokens-none-match",
                "/settings/tokens?search=nothing".to_owned(),
            ),
            ("token", format!("/settings/tokens/{token}")),
            ("token-rotate", format!("/settings/tokens/{token}/rotate")),
            ("token-delete", format!("/settings/tokens/{token}/delete")),
            ("agent-runs", "/settings/agent-runs?status=all".to_owned()),
            ("agent-run-new", "/settings/agent-runs/new".to_owned()),
            ("agent-run", format!("/settings/agent-runs/{run}")),
            ("agent-run-end", format!("/settings/agent-runs/{run}/end")),
            ("agent-runs-end", "/settings/agent-runs/end-all".to_owned()),
            ("work", "/work?status=all".to_owned()),
            ("work-none", "/work?q=nothing+has+this".to_owned()),
            ("work-queue", "/work/queue".to_owned()),
            (
                "work-queue-agents",
                "/work/queue?for=agents&agent=builder-7".to_owned(),
            ),
            ("work-new", "/work/new".to_owned()),
            ("work-item", "/work/OPS-1".to_owned()),
            ("work-item-edit", "/work/OPS-1/edit".to_owned()),
            ("work-item-delete", "/work/OPS-1/delete".to_owned()),
            ("account", "/settings/account".to_owned()),
            ("activity", "/settings/account/activity".to_owned()),
            ("admin-users", "/settings/admin/users".to_owned()),
            ("admin-user", format!("/settings/admin/users/{user}")),
            (
                "admin-user-email",
                format!("/settings/admin/users/{user}/email"),
            ),
            (
                "admin-user-delete",
                format!("/settings/admin/users/{user}/delete"),
            ),
            ("admin-invites", "/settings/admin/invites".to_owned()),
            (
                "admin-invite-withdraw",
                format!("/settings/admin/invites/{invite}/withdraw"),
            ),
            ("admin-tokens", "/settings/admin/tokens".to_owned()),
            (
                "admin-tokens-revoke",
                "/settings/admin/tokens/revoke?status=live".to_owned(),
            ),
            ("admin-audit", "/settings/admin/audit".to_owned()),
            (
                "admin-audit-wrong",
                "/settings/admin/audit?actor=example&from=x".to_owned(),
            ),
            (
                "admin-users-none",
                "/settings/admin/users?search=zzz".to_owned(),
            ),
            ("admin-token", format!("/settings/admin/tokens/{token}")),
            ("not-found", "/settings/nothing".to_owned()),
            ("docs", "/docs".to_owned()),
        ];
        pages.into()
    }

    /// The name and path of every page for visitors who are not signed in.
    pub(crate) fn public_pages(&self) -> Vec<(&'static str, String)> {
        vec![
            ("sign-in", "/sign-in".to_owned()),
            ("docs", "/docs".to_owned()),
            ("join", self.open_invite.clone()),
            ("sign-in-link", self.open_link.clone()),
            ("link-void", format!("/sign-in/link/{}", "A".repeat(43))),
        ]
    }

    /// Another browser for the same server, without a session.
    pub(crate) fn stranger(&self) -> Browser {
        Browser::new(&self.server.url)
    }
}

/// Creates work items of every kind and status, and a run that has claimed one. Returns the run's ID.
fn work(http: &Client, by: &str) -> String {
    let create = |body: Value| {
        let created = http.post("/browse", by, &body);
        assert_eq!(created.status, 201, "{created:?}");
    };
    create(json!({
        "domain": "OPS", "kind": "project", "title": "Replace the nightly export", "priority": "high",
        "description": "It fails on the first day of a month.\n\n- find out why\n- write a test\n",
    }));
    create(
        json!({"parent": "OPS-1", "title": "Find out why it fails", "executionTarget": "agent"}),
    );
    create(
        json!({"parent": "OPS-1", "title": "Agree on a new schedule", "executionTarget": "human"}),
    );
    create(json!({"domain": "OPS", "title": "界".repeat(60), "priority": "low"}));
    create(json!({"domain": "WEB", "title": "Rotate the certificates", "priority": "urgent"}));
    let start = |agent: &str, item: Option<&str>| {
        let body = json!({"agentId": agent, "workItemKey": item, "ttlSeconds": 3600});
        let started = http.post("/agent-runs", by, &body);
        assert_eq!(started.status, 201, "{started:?}");
        started.json()
    };
    let ended = start(
        "eu-west/ci:nightly@a-rather-long-name-of-an-agent_2026.11.27",
        None,
    );
    let path = format!("/agent-runs/{}", text(&ended["id"]));
    assert_eq!(http.delete(&path, by).status, 204);
    start("reviewer", Some("WEB-1"));
    let run = start("builder-7", None);
    let secret = text(&run["token"]);
    for key in ["OPS-1", "OPS-1.1"] {
        let claimed = http.post(&format!("/browse/{key}/claim"), &secret, &json!({}));
        assert_eq!(claimed.status, 200, "{claimed:?}");
    }
    let done = http.post("/browse/OPS-1.1/complete", &secret, &json!({}));
    assert_eq!(done.status, 200, "{done:?}");
    text(&run["id"])
}

pub(crate) fn invite(http: &Client, by: &str, email: &str) -> Value {
    let body = json!({ "email": email });
    let created = http.post("/admin/invites", by, &body);
    assert_eq!(created.status, 201, "{created:?}");
    created.json()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}
