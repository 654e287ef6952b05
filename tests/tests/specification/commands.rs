//! The commands of the specification, as a shell runs them.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use openindex_tests::{Bootstrapped, Database, Kind, Server, binary, both_stores};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::page::{bodies, command, rows};

both_stores! {
    the_profile_stores_a_token_and_the_variable_overrides_it,
    the_request_of_the_page_succeeds,
    the_commands_of_the_page_list_and_create_tokens,
    the_variable_alone_is_enough_and_writes_no_file,
    read_write_is_enough_for_the_standard_commands,
    the_check_reports_what_is_wrong_with_a_token,
}

/// A server with its first administrator, and a shell whose `oi` uses it.
pub(crate) struct Shell {
    home: TempDir,
    pub(crate) server: Server,
    pub(crate) admin: Bootstrapped,
    pub(crate) database: Database,
}

impl Shell {
    pub(crate) fn new(kind: Kind) -> Self {
        let database = Database::new(kind);
        let server = Server::start(&database);
        let admin = Server::bootstrap(&database);
        let home = tempfile::tempdir().expect("a directory");
        Self {
            home,
            server,
            admin,
            database,
        }
    }

    /// Returns a command of the page with this token.
    pub(crate) fn of_page(&self, start: &str, token: &str) -> String {
        command(start, token, &self.server.url)
    }

    /// Runs lines in one shell; only the server's address, which the page assumes, is set.
    pub(crate) fn run(&self, lines: &[&str]) -> Output {
        let programs = binary("oi");
        let programs = programs.parent().expect("a directory").display();
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .args(["-euo", "pipefail", "-c", &lines.join("\n")])
            .env_clear()
            .env("PATH", format!("{programs}:{path}"))
            .env("HOME", self.home.path())
            .env("OPENINDEX_APP_URL", &self.server.url)
            .output()
            .expect("bash runs")
    }

    /// Runs lines and returns the one JSON document that they print.
    pub(crate) fn json(&self, lines: &[&str]) -> Value {
        let output = self.run(lines);
        assert!(output.status.success(), "{lines:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Runs lines that fail with this exit code and returns the error document.
    fn error(&self, lines: &[&str], status: i32) -> Value {
        let output = self.run(lines);
        assert_eq!(output.status.code(), Some(status), "{lines:?}: {output:?}");
        let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        document["error"].clone()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.home.path().join(".config/openindex-agent/config.json")
    }

    /// Creates a token of the administrator and returns the API's response.
    pub(crate) fn create(&self, body: &Value) -> Value {
        let created = self.server.http.post("/me/pats", &self.admin.token, body);
        assert_eq!(created.status, 201, "{created:?}");
        created.json()
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn the_profile_stores_a_token_and_the_variable_overrides_it(kind: Kind) {
    let shell = Shell::new(kind);
    let first = shell.create(&json!({"name": "of the profile", "scope": "read_write"}));
    let second = shell.create(&json!({"name": "of the variable", "scope": "read_write"}));
    let set = shell.of_page("oi profile set", text(&first["token"]));
    let export = shell.of_page("export", text(&second["token"]));

    let set = shell.run(&[&set]);
    assert!(set.status.success(), "{set:?}");
    assert!(!String::from_utf8_lossy(&set.stdout).contains(text(&first["token"])));
    let file = fs::read(shell.config()).expect("a config file");
    let check = shell.json(&["oi auth check"]);
    assert_eq!(check["token"]["name"], "of the profile");
    assert_eq!(check["source"], "profile:default");

    let check = shell.json(&[&export, "oi auth check"]);
    assert_eq!(check["token"]["name"], "of the variable");
    assert_eq!(check["source"], "OPENINDEX_TOKEN");
    assert_eq!(
        fs::read(shell.config()).expect("a config file"),
        file,
        "the file is not modified"
    );
    let shown = shell.json(&[&export, "oi profile show"]).to_string();
    for secret in [&first["token"], &second["token"]] {
        assert!(!shown.contains(text(secret)), "{shown}");
    }
}

fn the_request_of_the_page_succeeds(kind: Kind) {
    let shell = Shell::new(kind);
    let curl = shell.of_page("curl", &shell.admin.token);
    let me = shell.json(&[&curl.replacen("curl", "curl --silent", 1)]);
    assert_eq!(me["user"]["email"], "ada@example.com");
    assert_eq!(me["token"]["kind"], "personal");
}

fn the_commands_of_the_page_list_and_create_tokens(kind: Kind) {
    let shell = Shell::new(kind);
    let export = shell.of_page("export", &shell.admin.token);
    let create = shell.of_page("oi settings personal tokens create", "");
    let list = shell.of_page("oi settings personal tokens list", "");

    let created = shell.json(&[&export, &create]);
    let wanted = &bodies()[0];
    assert_eq!(created["name"], wanted["name"]);
    assert_eq!(created["scope"], wanted["scope"]);
    assert_eq!(created["expiresAt"], json!(null));
    let secret = text(&created["token"]);
    assert!(secret.starts_with("oi_pat_"), "{created}");
    assert_eq!(shell.server.http.get("/me", secret).status, 200);

    let listed = shell.json(&[&export, &list]);
    let listed_text = listed.to_string();
    assert!(!listed_text.contains(secret) && !listed_text.contains(&shell.admin.token));
    let items = listed["items"].as_array().expect("items");
    assert_eq!(items.len(), 2, "{listed}");
    for key in ["name", "scope", "expiresAt"] {
        assert!(items[0].get(key).is_some(), "{key}: {listed}");
    }
}

fn the_variable_alone_is_enough_and_writes_no_file(kind: Kind) {
    let shell = Shell::new(kind);
    let export = shell.of_page("export", &shell.admin.token);
    let check = shell.json(&[&export, "oi auth check"]);
    assert_eq!(check["source"], "OPENINDEX_TOKEN");
    assert!(!shell.config().exists(), "nothing is stored");
}

fn read_write_is_enough_for_the_standard_commands(kind: Kind) {
    let shell = Shell::new(kind);
    let scopes = rows("| Scope | Access |");
    for scope in scopes.iter().map(|row| row[0]) {
        let created = shell.create(&json!({"name": scope, "scope": scope}));
        let export = shell.of_page("export", text(&created["token"]));
        let made = shell.json(&[
            &export,
            "oi work-item create --domain OPS --title 'Rotate the certificates'",
        ]);
        let key = text(&made["key"]);
        for line in [
            "oi me",
            "oi auth check",
            "oi queue list",
            "oi work-item list",
            &format!("oi work-item get {key}"),
            &format!("oi work-item claim {key}"),
            &format!("oi work-item release {key}"),
            "oi agent-run list",
            "oi settings personal tokens list",
        ] {
            shell.json(&[&export, line]);
        }
        let stats = "oi settings admin stats";
        if scope == "admin" {
            shell.json(&[&export, stats]);
        } else {
            let error = shell.error(&[&export, stats], 4);
            assert_eq!(error["status"], 403, "{error}");
            assert_eq!(error["code"], "insufficient_scope", "{error}");
        }
    }
}

fn the_check_reports_what_is_wrong_with_a_token(kind: Kind) {
    let shell = Shell::new(kind);
    let created = shell.create(&json!({"name": "x", "scope": "admin"}));
    let secret = text(&created["token"]).to_owned();
    let set = shell.of_page("oi profile set", &secret);
    assert!(shell.run(&[&set]).status.success());
    let check = shell.json(&["oi auth check"]);
    assert_eq!(check["token"]["effectiveScope"], "admin", "{check}");
    let path = format!("/me/pats/{}", text(&created["id"]));
    let http = &shell.server.http;
    assert_eq!(http.delete(&path, &shell.admin.token).status, 204);
    let error = shell.error(&["oi auth check"], 4);
    assert_eq!(
        (&error["status"], text(&error["code"])),
        (&json!(401), "token_revoked")
    );
    assert!(!error.to_string().contains(&secret));
    let shown = shell.json(&["oi profile show"]);
    assert!(text(&shown["token"]).starts_with("oi_pat_"), "{shown}");
    assert!(!shown.to_string().contains(&secret), "masked: {shown}");
}
