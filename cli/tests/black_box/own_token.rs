//! `oi auth rotate` and `oi auth revoke`.

use serde_json::{Value, json};

use crate::stub::{ME, PAT, PAT_ID, RUN_ID, Stub, created, problem};
use crate::support::{Home, environment_token, new_token, profile_token, run_token};

const ROTATE: &str = "POST /me/token/rotate";
const REVOKE: &str = "DELETE /me/token";
const UNDO: &str = "DELETE /me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";

fn rotating() -> Stub {
    let response = created(&new_token());
    Stub::new(&[
        ("GET /me", 200, ME),
        (ROTATE, 201, &response),
        (UNDO, 204, ""),
    ])
}

fn revoking() -> Stub {
    Stub::new(&[("GET /me", 200, ME), (REVOKE, 204, "")])
}

fn saved(home: &Home) -> Value {
    home.config()["profiles"]["default"]["token"].clone()
}

/// Puts a directory in place of the lock file, which even root cannot open for writing.
fn block_config(home: &Home) {
    std::fs::create_dir(home.config_file().with_file_name("config.json.lock"))
        .expect("a directory");
}

#[test]
fn a_rotation_saves_the_new_token_in_the_profile_and_does_not_show_it() {
    let server = rotating();
    let home = Home::with_profile(&server.url);
    let ran = home.run(&["auth", "rotate", "--overlap", "1h", "--expires-in", "90d"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let mut expected: Value = serde_json::from_str(PAT).unwrap();
    expected["token"] = Value::Null;
    expected["profile"] = "default".into();
    expected["replaced"] = json!({"id": PAT_ID, "expiresAt": "2026-11-01T01:00:00.000Z"});
    assert_eq!(ran.json(), expected);
    assert_eq!(ran.stderr, "note: profile default now uses the new token\n");
    assert_eq!(saved(&home), new_token());
    let sent = server.last_body();
    assert_eq!(
        sent,
        json!({"expiresIn": 7_776_000, "overlapSeconds": 3600})
    );
    assert_eq!(server.requests(), ["GET /me", ROTATE]);
}

#[test]
fn a_rotation_prints_the_new_token_if_the_old_one_is_from_the_environment() {
    let server = rotating();
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", environment_token());
    let ran = home.run(&["auth", "rotate"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json()["token"], new_token());
    assert_eq!(ran.json()["profile"], Value::Null);
    assert!(ran.stderr.contains("set the variable"), "{ran:?}");
    assert_eq!(saved(&home), profile_token());
    let ran = home.run(&["auth", "rotate", "--token-only"]);
    assert_eq!(ran.stdout, format!("{}\n", new_token()));
}

#[test]
fn token_only_prints_a_token_that_is_saved_as_well() {
    let server = rotating();
    let home = Home::with_profile(&server.url);
    let ran = home.run(&["auth", "rotate", "--token-only"]);
    assert_eq!((ran.status, ran.stdout), (0, format!("{}\n", new_token())));
    assert_eq!(saved(&home), new_token());
}

#[test]
fn nothing_is_rotated_if_the_profile_or_the_output_cannot_be_written() {
    let server = rotating();
    let home = Home::with_profile(&server.url);
    block_config(&home);
    let ran = home.run(&["auth", "rotate"]);
    ran.assert_failed(1, "config_unwritable");
    assert!(ran.stderr.contains("nothing was changed"), "{ran:?}");
    let home = Home::with_profile(&server.url);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home
        .command(&["auth", "rotate"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(server.requests(), ["GET /me", "GET /me"]);
    assert_eq!(saved(&home), profile_token());
}

#[test]
fn a_new_token_that_cannot_be_saved_is_shown_instead() {
    let response = created(&new_token());
    let responses = [("GET /me", 200, ME), (ROTATE, 201, response.as_str())];
    // Between the check and the response, another process rotates the token, or the directory is
    // made read-only.
    for is_blocked in [true, false] {
        let home = Home::new();
        let file = home.config_file();
        let other = environment_token();
        let server = Stub::watched(&responses, move |request| {
            if request == ROTATE && is_blocked {
                let lock = file.with_file_name("config.json.lock");
                std::fs::remove_file(&lock).unwrap();
                std::fs::create_dir(lock).unwrap();
            } else if request == ROTATE {
                let text = std::fs::read_to_string(&file).unwrap();
                std::fs::write(&file, text.replace(&profile_token(), &other)).unwrap();
            }
        });
        home.write_config(&json!({"profiles": {"default": {
            "app_url": server.url, "api_url": server.url, "token": profile_token(),
        }}}));
        let ran = home.run(&["auth", "rotate"]);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert_eq!(ran.json()["token"], new_token());
        assert_eq!(ran.json()["profile"], Value::Null);
        let warning = "warning: the profile still has the old token";
        assert!(ran.stderr.contains(warning), "{ran:?}");
        let kept = if is_blocked {
            profile_token()
        } else {
            environment_token()
        };
        assert_eq!(saved(&home), kept);
    }
}

#[test]
fn a_new_token_that_can_neither_be_saved_nor_shown_is_revoked() {
    let server = rotating();
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", environment_token());
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = home
        .command(&["auth", "rotate"])
        .stdout(full)
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("which you're using"), "{stderr}");
    let last = server.received().pop().unwrap();
    assert_eq!(last.what, UNDO);
    assert_eq!(last.authorization, Some(format!("Bearer {}", new_token())));
    // In a profile, it is not lost.
    let home = Home::with_profile(&server.url);
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = home.command(&["auth", "rotate", "--token-only"]);
    let output = command.stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("saved in the profile"), "{stderr}");
    assert_eq!(saved(&home), new_token());
    assert_eq!(server.requests().last().unwrap(), ROTATE);
}

#[test]
fn revoking_removes_the_token_from_its_profile_and_says_how_to_continue() {
    let server = revoking();
    let home = Home::with_agent(&server.url, "builder-7");
    let ran = home.run(&["auth", "revoke", "--yes"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let expected = json!({
        "revoked": PAT_ID, "source": "profile:default", "profile": "default",
    });
    assert_eq!(ran.json(), expected);
    let next = format!("create a token at {}/settings/tokens", server.url);
    for expected in [next.as_str(), "oi profile set default --token -"] {
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    let profile = &home.config()["profiles"]["default"];
    assert_eq!(profile.get("token"), None);
    assert_eq!(profile["agent_id"], "builder-7");
    assert_eq!(server.requests(), ["GET /me", REVOKE]);
    let sent = server.received().pop().unwrap().authorization;
    assert_eq!(sent, Some(format!("Bearer {}", profile_token())));
    home.run(&["auth", "check"])
        .assert_failed(4, "authentication_required");
}

#[test]
fn a_run_revokes_its_own_token_and_leaves_the_profile_alone() {
    let me = ME
        .replace(PAT_ID, RUN_ID)
        .replace("\"personal\"", "\"agent_run\"");
    let server = Stub::new(&[("GET /me", 200, &me), (REVOKE, 204, "")]);
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", run_token());
    let ran = home.run(&["auth", "revoke", "-y"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let expected = json!({"revoked": RUN_ID, "source": "OPENINDEX_TOKEN", "profile": null});
    assert_eq!(ran.json(), expected);
    for expected in ["unset OPENINDEX_TOKEN", "oi agent-run start"] {
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
    assert_eq!(saved(&home), profile_token());
}

#[test]
fn revoking_without_a_terminal_requires_yes_and_sends_nothing() {
    let server = revoking();
    let home = Home::with_profile(&server.url);
    let document = home.run(&["auth", "revoke"]).assert_failed(2, "usage");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(message.contains("--yes"), "{message}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_revoked_token_that_stays_in_the_profile_is_a_failure_with_the_command_to_remove_it() {
    let server = revoking();
    let home = Home::with_profile(&server.url);
    block_config(&home);
    let ran = home.run(&["auth", "revoke", "--yes"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert_eq!(ran.json()["revoked"], PAT_ID);
    assert_eq!(ran.json()["profile"], Value::Null);
    let command = "oi profile set default --clear-token";
    assert!(ran.stderr.contains(command), "{ran:?}");
}

#[test]
fn a_token_that_another_process_saved_meanwhile_stays_in_the_profile() {
    let home = Home::new();
    let file = home.config_file();
    let server = Stub::watched(&[("GET /me", 200, ME), (REVOKE, 204, "")], move |request| {
        if request == REVOKE {
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replace(&profile_token(), &new_token())).unwrap();
        }
    });
    home.write_config(&json!({"profiles": {"default": {
        "app_url": server.url, "api_url": server.url, "token": profile_token(),
    }}}));
    let ran = home.run(&["auth", "revoke", "--yes"]);
    assert_eq!(
        (ran.status, &ran.json()["profile"]),
        (0, &Value::Null),
        "{ran:?}"
    );
    assert_eq!(saved(&home), new_token());
}

#[test]
fn a_rejected_revocation_changes_nothing() {
    let body = problem(503, "unavailable", "the database is unavailable");
    let server = Stub::new(&[("GET /me", 200, ME), (REVOKE, 503, &body)]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&["auth", "revoke", "--yes"]);
    ran.assert_failed(1, "unavailable");
    assert_eq!(saved(&home), profile_token());
}
