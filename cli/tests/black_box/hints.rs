//! Errors with a hint: what is wrong, where it comes from, and what to do.

use std::fs::File;

use serde_json::{Value, json};

use crate::stub::{ME, PAT_ID, Stub, problem};
use crate::support::{Home, environment_token, new_token};

fn message(document: &Value) -> &str {
    document["error"]["message"].as_str().expect("a message")
}

#[test]
fn a_missing_server_is_reported_with_the_url_and_its_source() {
    let ours = problem(
        404,
        "not_found",
        "no route matches GET /me; /openapi.json lists the routes",
    );
    for body in [ours.as_str(), "not a problem", "<html>"] {
        let server = Stub::new(&[("GET /api/me", 404, body), ("POST /api/browse", 404, body)]);
        let address = format!("{}/api", server.url);
        let home = Home::with_profile(&server.url).set("OPENINDEX_APP_URL", &address);
        for (arguments, path) in [
            (&["me"][..], "/me"),
            (
                &["work-item", "create", "--title", "x", "--domain", "OPS"],
                "/browse",
            ),
        ] {
            let ran = home.run(arguments);
            assert_eq!(ran.status, 1, "{ran:?}");
            let hint = format!(
                "requested {address}{path}; check the server URL {address} (from OPENINDEX_APP_URL)"
            );
            assert!(ran.stderr.contains(&hint), "{ran:?}");
            let document = ran.json();
            assert_eq!(document["requestedUrl"], format!("{address}{path}"));
            assert_eq!(document["appUrlSource"], "OPENINDEX_APP_URL");
        }
        // Also for a URL from a flag or a profile.
        let flag = Home::with_profile(&server.url).run(&["me", "--app-url", &address]);
        assert!(flag.stderr.contains("(from --app-url)"), "{flag:?}");
        let profile = Home::with_profile(&address).run(&["me"]);
        assert!(profile.stderr.contains("(from profile)"), "{profile:?}");
    }
    // So is a page of another program, but not a gateway's.
    for (status, expected) in [(200, true), (405, true), (502, false)] {
        let server = Stub::new(&[("GET /ui/me", status, "<html>")]);
        let address = format!("{}/ui", server.url);
        let ran = Home::with_profile(&address).run(&["me"]);
        assert_eq!(
            ran.stderr.contains(&format!("requested {address}/me")),
            expected,
            "{ran:?}"
        );
    }
    // A missing resource is not a missing server.
    let body = problem(404, "not_found", "no such work item");
    let server = Stub::new(&[("GET /browse/OPS-1", 404, &body)]);
    let ran = Home::with_profile(&server.url).run(&["work-item", "get", "OPS-1"]);
    assert!(!ran.stderr.contains("requested"), "{ran:?}");
}

#[test]
fn an_unreadable_2xx_response_says_that_the_change_was_applied() {
    let path: &str = format!("DELETE /me/pats/{PAT_ID}").leak();
    for (status, body) in [(200, "<html>"), (202, ""), (200, "{}")] {
        let server = Stub::new(&[(path, status, body), ("GET /me", 200, "<html>")]);
        let home = Home::with_profile(&server.url);
        let delete = ["settings", "personal", "tokens", "delete", "--yes", PAT_ID];
        let document = home.run(&delete).assert_failed(1, "unexpected_response");
        assert_eq!(document["mayHaveArrived"], true, "{status} {body}");
        let document = home.run(&["me"]).assert_failed(1, "unexpected_response");
        assert!(document.get("mayHaveArrived").is_none(), "{document}");
    }
}

#[test]
fn a_server_error_names_the_flag_that_was_typed() {
    let mut body: Value = serde_json::from_str(&problem(
        400,
        "invalid_field",
        "expiresAt must be in the future",
    ))
    .expect("JSON");
    body["errors"] = json!([{"field": "expiresAt", "message": "must be in the future"}]);
    let server = Stub::new(&[("POST /me/pats", 400, &body.to_string())]);
    let home = Home::with_profile(&server.url);
    for flag in ["--expires", "--expires-at"] {
        let create = [
            "settings",
            "personal",
            "tokens",
            "create",
            "ci",
            flag,
            "2020-01-01",
        ];
        let document = home.run(&create).assert_failed(1, "invalid_field");
        assert_eq!(message(&document), format!("{flag} must be in the future"));
        // The document for programs contains the API's names.
        assert_eq!(document["errors"][0]["field"], "expiresAt");
    }
}

#[test]
fn a_rejected_token_gets_a_hint_how_to_replace_it() {
    for (code, said) in [
        ("token_revoked", "/settings/tokens, then "),
        ("token_expired", "/settings/tokens, then "),
        ("token_unknown", "/settings/tokens, then "),
        ("owner_suspended", "oi settings admin users unsuspend"),
    ] {
        let body = problem(401, code, "it is not accepted");
        let server = Stub::new(&[("GET /me", 401, &body)]);
        for arguments in [&["me"][..], &["auth", "check"]] {
            let home = Home::with_profile(&server.url);
            let ran = home.run(arguments);
            ran.assert_failed(4, code);
            assert!(ran.stderr.contains(said), "{ran:?}");
            let ran = home
                .set("OPENINDEX_TOKEN", environment_token())
                .run(arguments);
            assert!(ran.stderr.contains(said), "{ran:?}");
            assert_eq!(
                ran.stderr.contains("then set OPENINDEX_TOKEN"),
                said.contains("then"),
                "{ran:?}"
            );
            assert_eq!(
                ran.stderr.contains("if your account was deleted"),
                code == "token_revoked",
                "{ran:?}"
            );
        }
    }
}

#[test]
fn replacing_a_profiles_token_is_noted_once() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let set = ["profile", "set", "--token", "-"];
    let expected = "replaced the token of profile default";
    let ran = home.run_with(&set, &new_token());
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.contains(expected), "{ran:?}");
    assert!(!home.run_with(&set, &new_token()).stderr.contains(expected));
    let fresh = Home::new().run_with(&set, &new_token());
    assert!(!fresh.stderr.contains(expected), "{fresh:?}");
}

#[test]
fn deleting_the_token_in_use_is_a_warning() {
    let other = PAT_ID.replace('9', "8");
    let paths = [PAT_ID, &other].map(|id| -> &str { format!("DELETE /me/pats/{id}").leak() });
    let server = Stub::new(&[
        ("GET /me", 200, ME),
        (paths[0], 204, ""),
        (paths[1], 204, ""),
    ]);
    let home = Home::with_profile(&server.url);
    let delete = |home: &Home, id: &str| {
        let ran = home.run(&["settings", "personal", "tokens", "delete", "--yes", id]);
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.stderr
    };
    assert_eq!(delete(&home, &other), "");
    let stderr = delete(&home, PAT_ID);
    for expected in [
        "the token of profile default, which can no longer authenticate",
        "oi profile set default --token -",
    ] {
        assert!(stderr.contains(expected), "{stderr}");
    }
    let home = home.set("OPENINDEX_TOKEN", environment_token());
    let stderr = delete(&home, PAT_ID);
    assert!(stderr.contains("the token in OPENINDEX_TOKEN"), "{stderr}");
    let page = format!("{}/settings/tokens, ", server.url);
    assert!(stderr.contains(&page), "{stderr}");
}

#[test]
fn a_malformed_id_is_reported_with_the_expected_format() {
    let home = Home::with_profile("http://127.0.0.1:1");
    for (arguments, prefix) in [
        (
            &[
                "settings", "personal", "tokens", "delete", "--yes", "--id", "pat_123",
            ][..],
            "pat_",
        ),
        (
            &["settings", "admin", "tokens", "revoke", "--yes", "pat_123"],
            "pat_",
        ),
        (&["settings", "admin", "users", "get", "usr_123"], "usr_"),
        (
            &["settings", "admin", "users", "get", "--id", "usr_123"],
            "usr_",
        ),
        (
            &[
                "settings", "admin", "invites", "withdraw", "--yes", "inv_123",
            ],
            "inv_",
        ),
        (&["agent-run", "end", "--yes", "run_123"], "run_"),
        (&["work-item", "list", "--assignee", "usr_123"], "usr_"),
    ] {
        let ran = home.run(arguments);
        assert_eq!(ran.status, 2, "{ran:?}");
        let form = format!("{prefix} and 32 hexadecimal digits");
        assert!(ran.stderr.contains(&form), "{ran:?}");
        let shown = format!("'{}'", arguments[arguments.len() - 1]);
        assert!(ran.stderr.contains(&shown), "{ran:?}");
    }
    let list = json!({"items": []}).to_string();
    let server = Stub::new(&[("GET /me/pats?name=pat_123&limit=20", 200, &list)]);
    let rotate = ["settings", "personal", "tokens", "rotate", "pat_123"];
    let ran = Home::with_profile(&server.url).run(&rotate);
    ran.assert_failed(1, "not_found");
    assert!(
        ran.stderr.contains("pat_ and 32 hexadecimal digits"),
        "{ran:?}"
    );
}

#[test]
fn inviting_an_existing_user_suggests_to_look_at_it() {
    let body = problem(
        409,
        "email_taken",
        "this email address already has an account",
    );
    let server = Stub::new(&[("POST /admin/invites", 409, &body)]);
    let create = [
        "settings",
        "admin",
        "invites",
        "create",
        "grace@example.com",
    ];
    let ran = Home::with_profile(&server.url).run(&create);
    let document = ran.assert_failed(1, "email_taken");
    assert_eq!(
        document["error"]["nextCommand"],
        "oi settings admin users get grace@example.com"
    );
    let link = "oi settings admin users sign-in-link grace@example.com";
    assert!(ran.stderr.contains(link), "{ran:?}");
}

/// Returns the checks of `oi doctor` that failed, and the whole output as text.
fn checked(home: &Home) -> (Vec<String>, String) {
    let document = home.run(&["doctor"]).json();
    let checks = document["checks"].as_array().expect("checks").clone();
    let failed = checks.iter().filter(|check| check["status"] == "fail");
    let name = |check: &Value| check["name"].as_str().expect("a name").to_owned();
    (failed.map(name).collect(), document.to_string())
}

#[test]
fn doctor_reports_a_fault_once_and_skips_dependent_checks() {
    let unreachable = Home::with_profile("http://127.0.0.1:1");
    let (failed, text) = checked(&unreachable);
    assert_eq!(failed, ["server"], "{text}");
    assert_eq!(
        text.matches("skipped (server unreachable)").count(),
        3,
        "{text}"
    );

    let broken = Home::with_profile("http://127.0.0.1:1");
    std::fs::write(broken.config_file(), "{").expect("written");
    let (failed, text) = checked(&broken);
    assert_eq!(failed, ["config file"], "{text}");
    assert!(text.contains("skipped (config file failed)"), "{text}");

    let nameless = Home::with_profile("http://127.0.0.1:1").set("OPENINDEX_PROFILE", "nobody");
    let (failed, text) = checked(&nameless);
    assert_eq!(failed, ["profile"], "{text}");
    assert!(text.contains("skipped (profile failed)"), "{text}");

    let elsewhere = Stub::new(&[]);
    let (failed, text) = checked(&Home::with_profile(&elsewhere.url));
    assert_eq!(failed, ["server"], "{text}");
    assert!(
        text.contains(&format!("{}/health with HTTP 404", elsewhere.url)),
        "{text}"
    );
}

#[test]
fn an_invalid_value_lists_the_valid_ones_without_a_suggestion() {
    let home = Home::new();
    for (arguments, accepted) in [
        (
            &["work-item", "list", "--status", "open"][..],
            "todo, in_progress, done, cancelled",
        ),
        (
            &["work-item", "list", "--priority", "hi"],
            "low, medium, high, urgent",
        ),
        (&["completions", "tcsh"], "bash, zsh, fish"),
        (
            &["settings", "admin", "tokens", "list", "--status", "dead"],
            "live, expired, revoked",
        ),
    ] {
        let ran = home.run(arguments);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert!(ran.stderr.contains(accepted), "{ran:?}");
        let shown = format!("invalid value '{}' for", arguments[arguments.len() - 1]);
        assert!(ran.stderr.contains(&shown), "{ran:?}");
        assert!(!ran.stderr.contains("similar value"), "{ran:?}");
    }
}

#[test]
fn each_manual_page_has_the_name_of_its_command() {
    let home = Home::new();
    home.run(&["man", "pages"]);
    for (page, title) in [
        ("oi.1", "oi"),
        ("oi-auth-check.1", "oi-auth-check"),
        (
            "oi-settings-personal-tokens-create.1",
            "oi-settings-personal-tokens-create",
        ),
    ] {
        let text = std::fs::read_to_string(home.directory().join("pages").join(page));
        let text = text.expect("a page");
        let header = text
            .lines()
            .find(|line| line.starts_with(".TH "))
            .expect("a header");
        assert!(header.starts_with(&format!(".TH {title} 1")), "{header}");
    }
}

#[test]
fn unwritable_output_is_a_failure_even_for_help() {
    let home = Home::new();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["help", "me"],
        &["completions", "bash"],
        &["man"],
        &["schema"],
    ] {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        let output = home
            .command(arguments)
            .stdout(full)
            .output()
            .expect("oi runs");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            text.contains("cannot write the output"),
            "{arguments:?}: {text}"
        );
    }
}

#[test]
fn an_unwritable_export_names_the_target_and_no_temporary_file() {
    let server = Stub::new(&[("GET /audit/export?format=json", 200, "[]")]);
    let home = Home::with_profile(&server.url);
    let target = home.directory().join("missing/audit.json");
    let target = target.to_str().expect("text");
    let ran = home.run(&["settings", "admin", "audit", "export", "-o", target]);
    ran.assert_failed(1, "output_failed");
    assert!(
        ran.stderr.contains(&format!("cannot write {target}: ")),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains(".oi-export-"), "{ran:?}");
}

#[test]
fn a_duplicate_key_in_the_config_file_is_named() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let token = r#"{"profiles": {"default": {"token": "a", "token": "b"}}}"#;
    for (text, key) in [
        (token, "token"),
        (r#"{"profiles": {}, "profiles": {}}"#, "profiles"),
        (r#"{"profiles": {"default": {}, "default": {}}}"#, "default"),
    ] {
        std::fs::write(home.config_file(), text).expect("written");
        let ran = home.run(&["me"]);
        let document = ran.assert_failed(1, "config_invalid");
        assert!(
            message(&document).contains(&format!("a duplicate key \"{key}\"")),
            "{document}"
        );
    }
}

#[test]
fn an_incomplete_command_is_suggested_with_its_full_path() {
    let home = Home::new();
    for (typed, expected) in [
        ("token list", "oi settings personal tokens"),
        ("tokens lst", "oi settings personal tokens"),
        (
            "settings personal tokens lst",
            "oi settings personal tokens list",
        ),
        ("settings tokens list", "oi settings personal tokens"),
        ("users list", "oi settings admin users"),
        ("user list", "oi settings admin users"),
        ("profiles", "oi profile"),
        ("work_item list", "oi work-item"),
        ("Profile list", "oi profile"),
        ("login", "oi profile set --app-url URL --token -"),
        ("auth login", "oi profile set --app-url URL --token -"),
        ("logout", "oi profile delete NAME"),
        ("whoami", "oi me"),
        ("status", "oi auth check"),
        ("version", "oi --version"),
        ("help tokens create", "oi settings personal tokens"),
    ] {
        let typed: Vec<&str> = typed.split(' ').collect();
        let ran = home.run(&typed);
        let document = ran.assert_failed(2, "usage");
        assert!(
            ran.stderr.contains(&format!("'{expected}'")),
            "{typed:?}: {ran:?}"
        );
        let next = document["error"]["nextCommand"].as_str().unwrap();
        assert!(next.ends_with(" --help"), "{next}");
    }
    for secret in ["swordfish", "correct-horse", "hunter", "kettle-bell"] {
        for typed in [&[secret][..], &["profile", secret], &["help", secret]] {
            let ran = home.run(typed);
            ran.assert_failed(2, "usage");
            assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
        }
    }
}

#[test]
fn quotes_and_paths_in_a_server_url_get_a_hint() {
    let ran = Home::with_profile("http://127.0.0.1:1")
        .set("OPENINDEX_APP_URL", "\"http://127.0.0.1:8080\"")
        .run(&["me"]);
    ran.assert_failed(2, "usage");
    let said = "OPENINDEX_APP_URL: remove the quotes around the URL";
    assert!(ran.stderr.contains(said), "{ran:?}");
    // The URL of a page instead of the server's.
    let page = problem(
        404,
        "not_found",
        "What you are looking for does not exist, or not any more.",
    );
    let server = Stub::new(&[("GET /settings/me", 404, &page)]);
    let ran = Home::with_profile(&format!("{}/settings", server.url)).run(&["me"]);
    let document = ran.assert_failed(1, "not_found");
    let requested = format!("{}/settings/me", server.url);
    assert_eq!(document["requestedUrl"], requested, "{ran:?}");
    assert!(ran.stderr.contains("including its path"), "{ran:?}");
}

#[test]
fn an_extra_argument_shows_an_example_of_the_command() {
    let ran = Home::new().run(&["work-item", "create", "Fix it", "--domain", "OPS"]);
    ran.assert_failed(2, "usage");
    assert!(
        ran.stderr.contains("tip: oi work-item create --domain"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("Fix it"), "{ran:?}");
}
