use openindex_domain::token::TokenKind;
use serde_json::json;

use crate::stub::Stub;
use crate::support::{Home, environment_token, profile_token, secret};

fn server() -> Stub {
    let discovery = r#"{"apiUrl":"BASE/api","version":"0.1.0"}"#;
    Stub::new(&[("GET /.well-known/openindex.json", 200, discovery)])
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path)
        .expect("a file")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn a_profile_is_set_from_standard_input_and_shown_masked() {
    let server = server();
    let home = Home::new();
    let arguments = [
        "profile",
        "set",
        "--app-url",
        &server.url,
        "--token",
        "-",
        "--agent-id",
        "a1",
    ];
    let ran = home.run_with(&arguments, &format!("{}\n", profile_token()));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let output = ran.json();
    assert_eq!(output["profile"], "default");
    assert_eq!(output["current"], true);
    assert_eq!(output["resolvedApiUrl"], format!("{}/api", server.url));
    assert_eq!(output["apiResolutionSource"], "discovery");
    let masked = format!("oi_pat_…{}", &profile_token()[51..]);
    assert_eq!(output["token"], masked);
    assert_eq!(output["agentId"], "a1");
    assert_eq!(
        server.received()[0].authorization,
        None,
        "the token stays at home"
    );

    assert_eq!(
        home.config()["profiles"]["default"]["token"],
        profile_token()
    );
    assert_eq!(mode(&home.config_file()), 0o600);
    assert_eq!(mode(home.config_file().parent().unwrap()), 0o700);

    let shown = home.run(&["profile", "show"]).json();
    assert_eq!(shown["token"], masked);
    assert_eq!(shown["apiUrl"], format!("{}/api", server.url));
    assert_eq!(
        home.run(&["profile", "list"]).json()["items"][0]["token"],
        masked
    );
}

#[test]
fn settings_stay_unless_they_are_set_or_cleared() {
    let server = server();
    let home = Home::with_profile(&server.url);
    let output = home.run(&["profile", "set", "--agent-id", "a1"]).json();
    assert_eq!(output["resolvedApiUrl"], server.url);
    assert_eq!(output["apiResolutionSource"], "profile");
    assert!(server.requests().is_empty());
    assert_eq!(
        home.config()["profiles"]["default"]["token"],
        profile_token()
    );
    let clear = [
        "profile",
        "set",
        "--clear-app-url",
        "--clear-token",
        "--clear-agent-id",
    ];
    let output = home.run(&clear).json();
    for key in ["appUrl", "token", "agentId"] {
        assert_eq!(output[key], json!(null), "{key}");
    }
    assert_eq!(output["resolvedApiUrl"], "http://127.0.0.1:8080");
    assert_eq!(output["apiResolutionSource"], "default");
    assert_eq!(home.config()["profiles"]["default"], json!({}));
}

#[test]
fn without_discovery_the_api_is_at_the_servers_url() {
    let home = Home::new();
    let ran = home.run(&["profile", "set", "--app-url", "http://127.0.0.1:1/"]);
    assert_eq!(ran.status, 0);
    let output = ran.json();
    assert_eq!(output["resolvedApiUrl"], "http://127.0.0.1:1");
    assert_eq!(output["apiResolutionSource"], "app_url");
    assert!(ran.stderr.starts_with("note: "), "{ran:?}");
}

#[test]
fn a_token_as_an_argument_works_with_a_note() {
    let home = Home::new();
    let ran = home.run(&["profile", "set", "--token", &environment_token()]);
    assert_eq!(ran.status, 0);
    assert!(ran.stderr.contains("--token -"), "{ran:?}");
    assert_eq!(
        home.config()["profiles"]["default"]["token"],
        environment_token()
    );
}

#[test]
fn a_malformed_token_is_rejected_with_the_reason_and_not_saved() {
    let home = Home::new();
    let whole = profile_token();
    let flipped = format!("{}~", &whole[..54]);
    for (token, reason) in [
        (&whole[..54], "55 characters"),
        (&flipped, "letters, digits"),
        ("hunter2", "begins with oi_pat_"),
        ("", "the input is empty"),
        (&format!("\"{whole}\""), "remove the quotes"),
        (&format!("Bearer {whole}"), "remove the word Bearer"),
        (&format!("{whole} {whole}"), "more than one token"),
    ] {
        let ran = home.run_with(&["profile", "set", "--token", "-"], token);
        let document = ran.assert_failed(2, "token_malformed");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{message}");
    }
    assert!(!home.config_file().exists());
}

#[test]
fn an_invalid_command_line_changes_nothing() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let before = home.config();
    let token = profile_token();
    for arguments in [
        &["set"][..],
        &["set", "a b", "--use"],
        &["set", &token, "--use"],
        &["set", "a", "--profile", "b", "--use"],
        &["set", "--app-url", "ftp://x"],
        &["set", "--app-url", "http://x", "--clear-app-url"],
        &["set", "--token", "-", "--clear-token"],
        &["set", "--agent-id", " "],
        &["set", "--agent-id", "two words"],
    ] {
        home.run(&[&["profile"], arguments].concat())
            .assert_failed(2, "usage");
    }
    home.run(&["profile", "use", "nobody"])
        .assert_failed(1, "profile_not_found");
    home.run(&["profile", "show", "nobody"])
        .assert_failed(1, "profile_not_found");
    home.run(&["me", "--profile", "nobody"])
        .assert_failed(1, "profile_not_found");
    assert_eq!(home.config(), before);
}

#[test]
fn use_sets_the_current_profile() {
    let home = Home::with_profile("http://127.0.0.1:1");
    home.run(&[
        "profile",
        "set",
        "work",
        "--token",
        &secret(TokenKind::Personal, 9),
    ]);
    assert_eq!(
        home.run(&["profile", "list"]).json()["currentProfile"],
        "default"
    );
    assert_eq!(
        home.run(&["profile", "use", "work"]).json(),
        json!({"currentProfile": "work"})
    );
    assert_eq!(home.run(&["profile", "show"]).json()["name"], "work");
    let output = home.run(&["profile", "set", "default", "--use"]).json();
    assert_eq!(output["current"], true);
    assert_eq!(home.config()["current_profile"], "default");
}

#[test]
fn a_config_file_that_others_can_read_is_a_warning_with_a_fix() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with_profile("http://127.0.0.1:1");
    let file = home.config_file();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let ran = home.run(&["profile", "show"]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.stderr
            .contains(&format!("chmod 600 {}", file.display())),
        "{ran:?}"
    );
}

#[test]
fn an_invalid_config_file_is_named() {
    let home = Home::with_profile("http://127.0.0.1:1");
    std::fs::write(
        home.config_file(),
        format!("{{\"x\": \"{}", profile_token()),
    )
    .unwrap();
    for arguments in [
        &["me"][..],
        &["profile", "list"],
        &["profile", "set", "--use"],
    ] {
        let document = home.run(arguments).assert_failed(1, "config_invalid");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains(&home.config_file().display().to_string()));
    }
    assert_eq!(home.run(&["doctor"]).status, 1);
}

#[test]
fn a_config_file_of_a_newer_version_is_never_overwritten() {
    let home = Home::new();
    let newer = serde_json::json!({"version": 99, "servers": ["in another form"]});
    home.write_config(&newer);
    for arguments in [
        &["profile", "set", "work", "--app-url", "http://127.0.0.1:1"][..],
        &["profile", "use", "work"],
        &["profile", "delete", "work", "--yes"],
        &["profile", "list"],
        &["me"],
    ] {
        let ran = home.run(arguments);
        let document = ran.assert_failed(1, "config_version");
        let message = document["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("has version 99, but this oi supports version 1"),
            "{message}"
        );
        assert_eq!(home.config(), newer, "{arguments:?}");
    }
}

#[test]
fn an_empty_pipe_gets_a_hint_and_leaves_the_profile_unchanged() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let before = home.config();
    let ran = home.run(&["profile", "set", "--token", "-"]);
    ran.assert_failed(2, "token_malformed");
    assert!(
        ran.stderr
            .contains("see the error of the command before it"),
        "{ran:?}"
    );
    assert_eq!(home.config(), before);
}
