//! Workflow agent run tokens can only be used for work.

use openindex_tests::{Kind, both_stores};
use serde_json::{Value, json};

use crate::commands::{Shell, text};

both_stores! {
    an_agent_run_token_is_rejected_for_every_settings_command,
    an_agent_run_token_is_rejected_by_every_admin_endpoint,
}

const API: &str = include_str!("../../../docs/openapi.json");

/// Starts a run whose owner is an administrator and returns its token.
fn run_token(shell: &Shell) -> String {
    let body = json!({"agentId": "builder-7", "ttlSeconds": 3600});
    let started = shell
        .server
        .http
        .post("/agent-runs", &shell.admin.token, &body);
    assert_eq!(started.status, 201, "{started:?}");
    text(&started.json()["token"]).to_owned()
}

/// Returns the arguments that complete a settings command.
fn arguments(command: &str) -> &'static str {
    match command.rsplit(' ').next().expect("a name") {
        "create" if command.contains("invites") => "--email grace@example.com",
        "create" => "--name \"local cli\" --scope read_write",
        "delete" if command.contains("users") => "--yes --email ada@example.com",
        "update" if command.contains("account") => "--name Grace",
        "update" => "ada@example.com --email ada@example.org",
        "delete" | "revoke" => "--yes --id pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "rotate" => "--id pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "get" | "unsuspend" | "sign-in-link" => "--email ada@example.com",
        "suspend" => "--yes --email ada@example.com",
        "set-role" => "--yes --email ada@example.com --role member",
        "withdraw" => "--yes --id inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "revoke-matching" => "--yes --scope admin",
        _ => "",
    }
}

fn an_agent_run_token_is_rejected_for_every_settings_command(kind: Kind) {
    let shell = Shell::new(kind);
    let run = run_token(&shell);
    let export = format!("export OPENINDEX_TOKEN=\"{run}\"");
    let schema = shell.json(&["oi schema"]);
    let commands = schema["commands"].as_array().expect("commands").iter();
    let settings: Vec<&str> = commands
        .map(|command| text(&command["command"]))
        .filter(|command| command.starts_with("oi settings "))
        .collect();
    assert!(settings.len() > 15, "{settings:?}");
    for command in settings {
        let line = format!("{command} {}", arguments(command));
        let output = shell.run(&[&export, &line]);
        assert_eq!(output.status.code(), Some(4), "{line}: {output:?}");
        let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
        let error = &document["error"];
        assert_eq!(error["code"], "human_token_required", "{line}: {error}");
        assert!(
            text(&error["message"]).contains("oi_pat_"),
            "a human's is named: {error}"
        );
    }
    // The token itself is valid.
    shell.json(&[&export, "oi queue list"]);
}

fn an_agent_run_token_is_rejected_by_every_admin_endpoint(kind: Kind) {
    let shell = Shell::new(kind);
    let run = run_token(&shell);
    let api: Value = serde_json::from_str(API).expect("JSON");
    let mut tried = 0;
    for (path, methods) in api["paths"].as_object().expect("paths") {
        let is_of_admins = ["/admin/", "/stats", "/audit"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        let is_settings = path.starts_with("/me/pats") || path.starts_with("/agent-runs");
        if !is_of_admins && !is_settings {
            continue;
        }
        for method in methods.as_object().expect("methods").keys() {
            let path = path.replace("{id}", "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2");
            let authorization = format!("Bearer {run}");
            let headers = [
                ("authorization", authorization.as_str()),
                ("content-type", "application/json"),
            ];
            let body = (method != "get").then_some("{}");
            let method = method.to_uppercase();
            let response = shell.server.http.send(&method, &path, &headers, body);
            assert_eq!(
                response.outcome(),
                (403, "human_token_required".to_owned()),
                "{method} {path}"
            );
            tried += 1;
        }
    }
    assert!(tried > 15, "{tried}");
}
