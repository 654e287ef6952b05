//! A change whose secret is not delivered is undone.

use std::fs::OpenOptions;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::stub::{ME, PAT_ID, RUN_ID, Stub, agent_run, created, user, user_id};
use crate::support::{Home, environment_token, new_token, run_token};

const CREATE: [&str; 5] = ["settings", "personal", "tokens", "create", "ci"];
const REVOKE: &str = "DELETE /me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
const END_RUN: &str = "DELETE /agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3";
const INVITE_ID: &str = "inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e4";

fn run_into(home: &Home, arguments: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let output: Output = home
        .command(arguments)
        .stdin(Stdio::null())
        .stdout(stdout)
        .output()
        .expect("oi ends");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!stderr.contains(&new_token()[7..40]), "{stderr}");
    (output.status.code(), stderr)
}

fn into_full(home: &Home, arguments: &[&str]) -> (Option<i32>, String) {
    let full = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux");
    run_into(home, arguments, full)
}

#[test]
fn an_undelivered_token_is_revoked_and_named() {
    let response = created(&new_token());
    let server = Stub::new(&[("POST /me/pats", 201, &response), (REVOKE, 204, "")]);
    let home = Home::with_profile(&server.url);
    for more in [&["--token-only"][..], &["--json"], &[]] {
        let (status, stderr) = into_full(&home, &[&CREATE[..], more].concat());
        assert_eq!(status, Some(1), "{stderr}");
        assert!(stderr.contains("No space left"), "{stderr}");
        assert!(
            stderr.contains(&format!("token {PAT_ID} was revoked")),
            "{stderr}"
        );
        let undone = server.received().pop().unwrap();
        assert_eq!(undone.what, REVOKE);
        assert_eq!(
            undone.authorization,
            Some(format!("Bearer {}", new_token()))
        );
    }
}

#[test]
fn a_token_that_cannot_be_revoked_is_named_with_the_command_to_do_it() {
    let response = created(&new_token());
    let server = Stub::new(&[("POST /me/pats", 201, &response), (REVOKE, 502, "")]);
    let (status, stderr) = into_full(&Home::with_profile(&server.url), &CREATE);
    assert_eq!(status, Some(1));
    assert!(
        stderr.contains(&format!("token {PAT_ID} is still valid")),
        "{stderr}"
    );
    let next = format!("next: oi settings personal tokens delete {PAT_ID}\n");
    assert!(stderr.ends_with(&next), "{stderr}");
}

#[test]
fn unwritable_output_fails_before_anything_is_created() {
    let server = Stub::new(&[("GET /me", 200, ME)]);
    let home = Home::with_profile(&server.url);
    let other = PAT_ID.replace('9', "8");
    for arguments in [
        &CREATE[..],
        &["settings", "personal", "tokens", "rotate", &other],
        &["agent-run", "start", "--agent-id", "a"],
        &["settings", "admin", "invites", "create", "a@example.com"],
        &["settings", "admin", "users", "sign-in-link", &user_id(1)],
        &["invite", "claim", "x", "--name", "Ada", "--token-name", "t"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (status, stderr) = run_into(&home, arguments, writer);
        assert_eq!(status, Some(1), "{arguments:?} {stderr}");
        assert!(
            stderr.contains("nothing was changed"),
            "{arguments:?} {stderr}"
        );
        // As a shell closes it: `>&-`.
        let mut shell = std::process::Command::new("/bin/sh");
        let oi = home.command(arguments);
        shell
            .args(["-c", "exec \"$0\" \"$@\" >&-"])
            .arg(oi.get_program())
            .args(oi.get_args());
        shell.env_clear();
        shell.envs(
            oi.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let output = shell.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {stderr}");
        assert!(
            stderr.contains("it is closed; nothing was changed"),
            "{arguments:?} {stderr}"
        );
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.starts_with("GET "))
    );
}

#[test]
fn a_token_is_revoked_if_the_pipe_closes_before_it_is_written() {
    let response = created(&new_token());
    let (reader, writer) = std::io::pipe().unwrap();
    let reader = std::sync::Mutex::new(Some(reader));
    // It closes the pipe when the request arrives.
    let gone = move |request: &str| {
        if request.starts_with("POST ") {
            drop(reader.lock().unwrap().take());
        }
    };
    let responses = [("POST /me/pats", 201, response.as_str()), (REVOKE, 204, "")];
    let server = Stub::watched(&responses, gone);
    let (status, stderr) = run_into(&Home::with_profile(&server.url), &CREATE, writer);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.contains("was revoked"), "{stderr}");
    assert_eq!(server.requests(), ["POST /me/pats", REVOKE]);
}

#[test]
fn an_undelivered_run_or_invite_is_undone() {
    let mut run = agent_run();
    run["token"] = run_token().into();
    let invite = json!({
        "id": INVITE_ID, "email": "a@example.com", "role": "member", "status": "open",
        "createdBy": null, "createdAt": "2026-11-01T00:00:00.000Z",
        "expiresAt": "2026-11-08T00:00:00.000Z", "claimedAt": null, "claimedBy": null, "mixedScripts": [],
        "url": "https://oi.example/join/x", "code": "x",
    });
    let withdraw = format!("DELETE /admin/invites/{INVITE_ID}");
    let server = Stub::new(&[
        ("POST /agent-runs", 201, &run.to_string()),
        (END_RUN, 204, ""),
        ("POST /admin/invites", 201, &invite.to_string()),
        (withdraw.clone().leak(), 204, ""),
    ]);
    let home = Home::with_profile(&server.url);
    let (status, stderr) = into_full(&home, &["agent-run", "start", "--agent-id", "a"]);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains(&format!("run {RUN_ID} was ended")),
        "{stderr}"
    );
    assert_eq!(server.requests().last().unwrap(), END_RUN);
    let create = [
        "settings",
        "admin",
        "invites",
        "create",
        "a@example.com",
        "--url-only",
    ];
    let (status, stderr) = into_full(&home, &create);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains(&format!("invite {INVITE_ID} was withdrawn")),
        "{stderr}"
    );
    assert_eq!(*server.requests().last().unwrap(), withdraw);
}

#[test]
fn an_undelivered_sign_in_link_is_named_with_the_command_to_replace_it() {
    let link = json!({
        "id": "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", "userId": user_id(1),
        "expiresAt": "2026-11-24T07:00:00.000Z", "url": "https://oi.example/x",
    });
    let path = format!("POST /admin/users/{}/sign-in-link", user_id(1));
    let server = Stub::new(&[(path.leak(), 201, &link.to_string())]);
    let again = ["settings", "admin", "users", "sign-in-link", &user_id(1)];
    let (status, stderr) = into_full(&Home::with_profile(&server.url), &again);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains("lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 is still valid"),
        "{stderr}"
    );
    assert!(
        stderr.ends_with(&format!("next: oi {}\n", again.join(" "))),
        "{stderr}"
    );
}

#[test]
fn an_undelivered_rotation_describes_the_old_token() {
    let other = PAT_ID.replace('9', "8");
    let response = created(&new_token());
    let [own, another] = [PAT_ID, &other].map(|id| format!("POST /me/pats/{id}/rotate"));
    let server = Stub::new(&[
        ("GET /me", 200, ME),
        (own.leak(), 201, &response),
        (another.leak(), 201, &response),
        (REVOKE, 204, ""),
    ]);
    let rotate = |home: &Home, more: &[&str]| {
        let arguments = [&["settings", "personal", "tokens", "rotate"], more].concat();
        let (status, stderr) = into_full(home, &arguments);
        assert_eq!(status, Some(1), "{stderr}");
        stderr
    };
    let home = Home::with_profile(&server.url);
    let stderr = rotate(&home, &[&other]);
    assert!(
        stderr.contains(&format!("the old token {other} was revoked")),
        "{stderr}"
    );
    let stderr = rotate(&home, &[&other, "--overlap", "1h"]);
    assert!(
        stderr.contains(&format!("{other} keeps working for up to 1 hour")),
        "{stderr}"
    );
    assert_eq!(server.requests().last().unwrap(), REVOKE);
    // The token is saved in the profile, so it is not lost.
    let before = server.requests().len();
    let stderr = rotate(&home, &[PAT_ID]);
    assert!(stderr.contains("saved in the profile"), "{stderr}");
    assert!(!server.requests()[before..].contains(&REVOKE.to_owned()));
    assert_eq!(home.config()["profiles"]["default"]["token"], new_token());
    let home = Home::with_profile(&server.url).set("OPENINDEX_TOKEN", environment_token());
    let stderr = rotate(&home, &[PAT_ID]);
    assert!(stderr.contains("which you're using"), "{stderr}");
    assert_eq!(server.requests().last().unwrap(), REVOKE);
}

#[test]
fn an_undelivered_first_token_is_revoked_and_the_account_named() {
    let pat: serde_json::Value = serde_json::from_str(crate::stub::PAT).unwrap();
    let claimed = json!({"user": user(1, "ada@example.com"), "pat": pat, "token": new_token()});
    let server = Stub::new(&[
        ("POST /auth/invites/claim", 201, &claimed.to_string()),
        (REVOKE, 204, ""),
    ]);
    let link = format!("{}/join/{}", server.url, crate::invite::CODE);
    let claim = [
        "invite",
        "claim",
        &link,
        "--name",
        "Ada",
        "--token-name",
        "t",
        "--token-only",
    ];
    let (status, stderr) = into_full(&Home::new(), &claim);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(
        stderr.contains(&format!("token {PAT_ID} was revoked")),
        "{stderr}"
    );
    assert!(
        stderr.contains("the account ada@example.com was created"),
        "{stderr}"
    );
}

#[test]
fn a_change_is_undone_after_a_signal() {
    for signal in ["INT", "TERM", "HUP"] {
        let (send_id, receive_id) = std::sync::mpsc::channel::<u32>();
        let receive_id = std::sync::Mutex::new(receive_id);
        // The request has arrived, but the response has not been sent.
        let interrupt = move |request: &str| {
            if request.starts_with("POST ") {
                let process = receive_id.lock().unwrap().recv().unwrap().to_string();
                let sent = std::process::Command::new("kill")
                    .args([&format!("-{signal}"), &process])
                    .status();
                assert!(sent.unwrap().success());
            }
        };
        let response = created(&new_token());
        let responses = [("POST /me/pats", 201, response.as_str()), (REVOKE, 204, "")];
        let server = Stub::watched(&responses, interrupt);
        let home = Home::with_profile(&server.url);
        let mut child = home
            .command(&CREATE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        send_id.send(child.id()).unwrap();
        let status = child.wait().unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(status.code(), Some(130), "{signal}: {stderr}");
        assert!(stderr.contains("was revoked"), "{stderr}");
        assert!(output.stdout.is_empty());
        assert_eq!(server.requests(), ["POST /me/pats", REVOKE]);
    }
}
