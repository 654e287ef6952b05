use serde_json::{Value, json};

use crate::stub::{ME, PAT_ID, RUN_ID, Stub, problem};
use crate::support::{Home, environment_token, profile_token, run_token};

#[test]
fn the_environment_token_overrides_the_profiles_and_is_named() {
    let server = Stub::new(&[("GET /me", 200, ME)]);
    let home = Home::with_profile(&server.url);
    let before = home.config();
    assert_eq!(
        home.run(&["auth", "check"]).json()["source"],
        "profile:default"
    );
    let home = home.set("OPENINDEX_TOKEN", format!("{}\n", environment_token()));
    let ran = home.run(&["auth", "check"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.stderr, "");
    let output = ran.json();
    assert_eq!(output["source"], "OPENINDEX_TOKEN");
    assert_eq!(output["user"]["email"], "ada@example.com");
    assert_eq!(output["token"]["effectiveScope"], "read_write");
    assert_eq!(output["expiresInSeconds"], serde_json::Value::Null);
    assert_eq!(home.config(), before);
    let sent: Vec<_> = server
        .received()
        .into_iter()
        .map(|request| request.authorization)
        .collect();
    let bearer = |token| Some(format!("Bearer {token}"));
    assert_eq!(sent, [bearer(profile_token()), bearer(environment_token())]);
    let agent = server.received().remove(0).user_agent;
    assert_eq!(
        agent.as_deref(),
        Some(concat!("oi/", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn a_rejected_token_exits_with_4_and_names_its_reason_and_source() {
    let body = problem(401, "token_revoked", "this token was revoked");
    let server = Stub::new(&[("GET /me", 401, &body)]);
    let ran = Home::with_profile(&server.url).run(&["auth", "check"]);
    let document = ran.assert_failed(4, "token_revoked");
    assert_eq!(document["error"]["status"], 401);
    assert_eq!(document["error"]["message"], "this token was revoked");
    let next = &document["error"]["nextCommand"];
    assert_eq!(
        next, "oi profile set --token -",
        "and not where one is already"
    );
    assert_eq!(document["source"], "profile:default");
}

#[test]
fn without_a_token_the_exit_status_is_4_and_the_next_command_sets_one() {
    let server = Stub::new(&[]);
    let ran = Home::new().run(&["--app-url", &server.url, "auth", "check"]);
    let document = ran.assert_failed(4, "authentication_required");
    assert_eq!(document["error"]["nextCommand"], "oi profile set --token -");
    assert!(server.requests().is_empty());
}

#[test]
fn a_malformed_token_is_rejected_before_anything_is_sent() {
    let server = Stub::new(&[("GET /me", 200, ME)]);
    let mut token = environment_token();
    token.pop();
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", token);
    let document = home.run(&["me"]).assert_failed(4, "token_malformed");
    assert_eq!(document["source"], "OPENINDEX_TOKEN");
    assert!(server.requests().is_empty());
}

#[test]
fn an_agent_run_token_is_rejected_for_settings_before_anything_is_sent() {
    let server = Stub::new(&[("GET /me", 200, ME)]);
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", run_token());
    for arguments in [
        &["settings", "personal", "tokens", "list"][..],
        &["settings", "personal", "tokens", "create", "x"],
        &["settings", "personal", "tokens", "delete", "--yes", PAT_ID],
        &["settings", "personal", "tokens", "rotate", PAT_ID],
        &["auth", "rotate"],
        &["settings", "admin", "users", "list"],
        &["settings", "admin", "users", "get", "ada@example.com"],
        &[
            "settings",
            "admin",
            "users",
            "suspend",
            "--yes",
            "a@b.example",
        ],
        &["settings", "admin", "users", "unsuspend", "a@b.example"],
        &[
            "settings",
            "admin",
            "users",
            "set-role",
            "--yes",
            "a@b.example",
            "admin",
        ],
        &["settings", "admin", "users", "sign-in-link", "a@b.example"],
        &["settings", "admin", "invites", "list"],
        &["settings", "admin", "invites", "create", "a@b.example"],
        &[
            "settings",
            "admin",
            "invites",
            "withdraw",
            "--yes",
            "a@b.example",
        ],
        &["settings", "admin", "tokens", "list"],
        &["settings", "admin", "tokens", "revoke", "--yes", PAT_ID],
        &[
            "settings",
            "admin",
            "tokens",
            "revoke-matching",
            "--scope",
            "admin",
            "--dry-run",
        ],
        &["settings", "admin", "audit", "list"],
        &["settings", "admin", "audit", "export"],
        &["settings", "admin", "stats"],
        &["agent-run", "start", "--agent-id", "builder-7"],
        &["agent-run", "list"],
        &["agent-run", "end", "--yes", RUN_ID],
    ] {
        let document = home.run(arguments).assert_failed(4, "human_token_required");
        assert_eq!(document["error"]["status"], Value::Null, "nothing was sent");
        assert_eq!(document["error"]["nextCommand"], "oi queue list");
        assert_eq!(document["source"], "OPENINDEX_TOKEN");
    }
    assert!(server.requests().is_empty());
    assert_eq!(home.run(&["me"]).status, 0);
}

#[test]
fn the_hint_for_a_run_token_depends_on_its_source() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let mut config = home.config();
    config["profiles"]["default"]["token"] = run_token().into();
    home.write_config(&config);
    let arguments = ["settings", "personal", "tokens", "list", "--json"];
    let ran = home.run(&arguments);
    let document = ran.assert_failed(4, "human_token_required");
    assert_eq!(document["source"], "profile:default");
    assert!(ran.stderr.contains("oi profile use NAME"), "{ran:?}");
    let ran = home.set("OPENINDEX_TOKEN", run_token()).run(&arguments);
    ran.assert_failed(4, "human_token_required");
    assert!(ran.stderr.contains("unset OPENINDEX_TOKEN"), "{ran:?}");
}

#[test]
fn a_run_token_is_shown_with_its_agent() {
    let me = ME
        .replace(PAT_ID, RUN_ID)
        .replace("\"personal\"", "\"agent_run\"")
        .replace(
            "\"expiresAt\":null",
            r#""expiresAt":"2000-01-01T00:00:00.000Z",
            "run":{"agentId":"builder-7","workItemKey":"OPS-42"}"#,
        );
    let server = Stub::new(&[("GET /me", 200, &me)]);
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", run_token());
    for arguments in [&["me"][..], &["auth", "check"]] {
        let output = home.run(arguments).json();
        assert_eq!(output["token"]["kind"], "agent_run");
        assert_eq!(
            output["token"]["run"],
            json!({"agentId": "builder-7", "workItemKey": "OPS-42"})
        );
    }
    let output = home.run(&["auth", "check"]).json();
    assert!(output["expiresInSeconds"].as_i64().unwrap() < 0);
    assert_eq!(output["source"], "OPENINDEX_TOKEN");
}

#[test]
fn a_token_is_not_sent_over_plain_http_to_another_machine() {
    let home = Home::new().set("OPENINDEX_TOKEN", environment_token());
    let ran = home.run(&["me", "--app-url", "http://openindex.example"]);
    ran.assert_failed(1, "insecure_transport");
    assert!(ran.stderr.contains("OPENINDEX_ALLOW_INSECURE_HTTP=1"));
}

#[test]
fn a_redirect_is_not_followed() {
    let server = Stub::new(&[("GET /me", 307, "")]);
    let ran = Home::with_profile(&server.url).run(&["me"]);
    let document = ran.assert_failed(1, "unexpected_response");
    assert_eq!(document["error"]["status"], 307);
    assert_eq!(server.requests(), ["GET /me"]);
}

#[test]
fn sending_a_profiles_token_to_another_server_is_a_warning() {
    let server = Stub::new(&[("GET /me", 200, ME)]);
    let home =
        Home::with_profile("https://openindex.example").set("OPENINDEX_APP_URL", &server.url);
    let ran = home.run(&["me"]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.stderr
            .starts_with("warning: sending the token of profile default to")
    );
    let ran = home.run(&["me", "--app-url", &server.url]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}

#[test]
fn doctor_exits_with_4_only_for_failures_of_the_token() {
    let discovery = r#"{"apiUrl":"BASE","version":"0.1.0"}"#;
    let ok = r#"{"status":"ok"}"#;
    let healthy = [
        ("GET /health", 200, ok),
        ("GET /ready", 200, ok),
        ("GET /.well-known/openindex.json", 200, discovery),
    ];
    let server = Stub::new(&[&healthy[..], &[("GET /me", 200, ME)]].concat());
    let ran = Home::with_profile(&server.url).run(&["doctor"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json()["ok"], true);

    let revoked = problem(401, "token_revoked", "revoked");
    let server = Stub::new(&[&healthy[..], &[("GET /me", 401, &revoked)]].concat());
    let ran = Home::with_profile(&server.url).run(&["doctor"]);
    assert_eq!(ran.status, 4);
    let checks = ran.json()["checks"].clone();
    let check = |name: &str| {
        let found = checks
            .as_array()
            .into_iter()
            .flatten()
            .find(|check| check["name"] == name);
        found.map(|check| check["status"].clone())
    };
    assert_eq!(check("config file"), Some("ok".into()));
    assert_eq!(check("token"), Some("fail".into()));
    // Only /me was requested with the token.
    let with_token = server
        .received()
        .into_iter()
        .filter(|request| request.authorization.is_some());
    assert_eq!(
        with_token.map(|request| request.what).collect::<Vec<_>>(),
        ["GET /me"]
    );

    assert_eq!(
        Home::with_profile("http://127.0.0.1:1")
            .run(&["doctor"])
            .status,
        1
    );
}
