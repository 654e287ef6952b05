use std::process::Stdio;

use crate::stub::{ME, Stub};
use crate::support::{Home, profile_token};

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let server = Stub::new(&[("GET /me", 200, ME)]);
    let home = Home::with_profile(&server.url);
    for arguments in [
        &["me"][..],
        &["completions", "bash"],
        &["schema"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = home
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn unwritable_output_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let output = Home::new()
        .command(&["schema"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: cannot write the output"));
}

#[test]
fn help_and_version_succeed() {
    let home = Home::new();
    for arguments in [
        &["--help"][..],
        &["profile", "set", "--help"],
        &["help", "doctor"],
    ] {
        let ran = home.run(arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains("Examples:"), "{arguments:?}");
    }
    let version = format!("oi {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(home.run(&["--version"]).stdout, version);
}

#[test]
fn the_help_of_the_main_commands() {
    let home = Home::new();
    for (name, arguments) in [
        ("help", &["--help"][..]),
        ("help_profile_set", &["profile", "set", "--help"]),
        ("help_auth_check", &["auth", "check", "--help"]),
        ("help_auth_revoke", &["auth", "revoke", "--help"]),
        ("help_auth_rotate", &["auth", "rotate", "--help"]),
        ("help_tokens", &["settings", "personal", "tokens", "--help"]),
        (
            "help_tokens_create",
            &["settings", "personal", "tokens", "create", "--help"],
        ),
        (
            "help_tokens_rotate",
            &["settings", "personal", "tokens", "rotate", "--help"],
        ),
        ("help_agent_run", &["agent-run", "--help"]),
        ("help_agent_run_start", &["agent-run", "start", "--help"]),
        ("help_agent_run_list", &["agent-run", "list", "--help"]),
        ("help_agent_run_end", &["agent-run", "end", "--help"]),
        ("help_queue_list", &["queue", "list", "--help"]),
        ("help_work_item", &["work-item", "--help"]),
        ("help_work_item_list", &["work-item", "list", "--help"]),
        ("help_work_item_create", &["work-item", "create", "--help"]),
        ("help_work_item_update", &["work-item", "update", "--help"]),
        ("help_work_item_claim", &["work-item", "claim", "--help"]),
        (
            "help_work_item_complete",
            &["work-item", "complete", "--help"],
        ),
        ("help_work_item_delete", &["work-item", "delete", "--help"]),
        ("help_doctor", &["doctor", "--help"]),
        ("help_admin", &["settings", "admin", "--help"]),
        (
            "help_admin_users",
            &["settings", "admin", "users", "--help"],
        ),
        (
            "help_admin_users_list",
            &["settings", "admin", "users", "list", "--help"],
        ),
        (
            "help_admin_invites_create",
            &["settings", "admin", "invites", "create", "--help"],
        ),
        (
            "help_admin_tokens_revoke_matching",
            &["settings", "admin", "tokens", "revoke-matching", "--help"],
        ),
        (
            "help_admin_audit_export",
            &["settings", "admin", "audit", "export", "--help"],
        ),
        ("help_invite_claim", &["invite", "claim", "--help"]),
        ("help_report_leak", &["report-leak", "--help"]),
        ("help_scan", &["scan", "--help"]),
    ] {
        insta::assert_snapshot!(name, home.run(arguments).stdout);
    }
}

#[test]
fn an_invalid_command_line_prints_usage_and_a_document() {
    let ran = Home::new().run(&["me", "--frobnicate"]);
    let document = ran.assert_failed(2, "usage");
    assert_eq!(
        document["error"]["message"],
        "unexpected argument '--frobnicate' found"
    );
    assert!(ran.stderr.contains("Usage: oi me"), "{ran:?}");
}

#[test]
fn a_misplaced_secret_is_not_repeated() {
    let home = Home::new();
    let token = profile_token();
    // `run` looks for the token in all that is printed.
    for arguments in [
        &[token.as_str()][..],
        &["me", &token],
        &["profile", "use", &token],
        &["profile", "show", &token],
        &["completions", &token],
        &["me", "--profile", &token],
        &["me", "--app-url", &token],
    ] {
        assert_ne!(home.run(arguments).status, 0);
    }
}

#[test]
fn the_schema_describes_the_command_line_and_the_api() {
    let schema = Home::new().run(&["schema"]).json();
    let commands = schema["commands"].as_array().unwrap();
    let names: Vec<_> = commands.iter().map(|command| &command["command"]).collect();
    assert!(names.contains(&&"oi settings personal tokens rotate".into()));
    assert_eq!(schema["exitCodes"][3]["code"], 4);
    let server = Stub::new(&[("GET /openapi.json", 200, r#"{"openapi":"3.1.0"}"#)]);
    let api = Home::with_profile(&server.url)
        .run(&["schema", "--api"])
        .json();
    assert_eq!(api["openapi"], "3.1.0");
    assert_eq!(server.received()[0].authorization, None);
}

#[test]
fn an_unreachable_server_is_reported() {
    let ran = Home::with_profile("http://127.0.0.1:1").run(&["me", "--json"]);
    let document = ran.assert_failed(1, "unreachable");
    assert_eq!(document["error"]["nextCommand"], "oi doctor");
    assert_eq!(
        document["error"]["message"],
        "cannot reach http://127.0.0.1:1: connection refused"
    );
}
