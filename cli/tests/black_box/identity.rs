//! Which token and server `oi` chooses from variables, flags and files, and that secrets are not
//! repeated.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use crate::stub::{ME, Stub};
use crate::support::{Home, environment_token, profile_token};

fn me() -> Stub {
    Stub::new(&[("GET /me", 200, ME)])
}

/// Asserts that no part of the secret is shown.
fn assert_hides(said: &str, secret: &str) {
    assert!(!said.contains(secret), "{said}");
}

#[test]
fn no_usage_error_repeats_a_secret() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let token = profile_token();
    let url = format!("https://{token}@x.example");
    for arguments in [
        &[token.as_str()][..],
        &[&token[..30]],
        &["me", &token],
        &["me", &token[..40]],
        &["--profile", &token, "me"],
        &["--app-url", &url, "me"],
        &["profile", "set", "--agent-id", &token],
        &["profile", "use", &token],
        &["profile", "use", &token[..20], &token[20..]],
        &["agent-run", "start", "--agent-id", &token],
        &["settings", "personal", "tokens", "delete", "--yes", &token],
        &["settings", "personal", "tokens", "create", &token],
        &["hunter2"],
        &["me", "hunter2"],
        &["--tokn=hunter2", "me"],
        &["completions", &token[7..]],
        &["work-item", "get", "https://u:hunter2@x.example"],
        &["work-item", "list", "--status", &token[..20]],
        &["agent-run", "end", "--yes", &token[20..45]],
        &["--app-url", "https://u:hunter2@x.example", "me"],
        &["profile", "set", "--app-url", "https://u:hunter2@x.example"],
        &["profile", "set", "--token", "hunter2"],
        &[
            "invite",
            "claim",
            "https://u:hunter2@x/join/1",
            "--name",
            "A",
            "--use",
        ],
        &[
            "invite",
            "claim",
            "x",
            "--name",
            "A",
            "--password",
            "hunter2",
        ],
    ] {
        let ran = home.run(arguments);
        assert_eq!(ran.status, 2, "{ran:?}");
        for said in [&ran.stdout, &ran.stderr] {
            assert_hides(said, "hunter2");
            assert_hides(said, &token[20..40]);
        }
    }
    // The second half of a token must not be repeated as a name.
    let ran = home.run(&["profile", "use", &token[7..]]);
    assert_hides(&(ran.stdout + &ran.stderr), &token[7..]);
}

#[test]
fn secrets_in_variables_or_misplaced_in_the_file_are_not_shown() {
    let token = environment_token();
    for (name, value) in [
        ("OPENINDEX_APP_URL", "https://u:hunter2@x.example"),
        ("OPENINDEX_AGENT_ID", "hunter2 hunter2"),
        ("OPENINDEX_TOKEN", "hunter2"),
        ("OPENINDEX_ALLOW_INSECURE_HTTP", "hunter2"),
    ] {
        let home = Home::with_profile("http://x.invalid").set(name, value);
        let arguments = match name {
            "OPENINDEX_AGENT_ID" => &["agent-run", "start"][..],
            _ => &["me"],
        };
        let ran = home.run(arguments);
        assert_ne!(ran.status, 0, "{ran:?}");
        assert!(ran.stderr.contains(name), "{ran:?}");
        assert_hides(&(ran.stdout + &ran.stderr), "hunter2");
    }
    let home = Home::new();
    home.write_config(&serde_json::json!({
        "current_profile": token,
        "profiles": {"work": {"app_url": "https://u:hunter2@x.example", "agent_id": token}, &token: {}},
    }));
    for arguments in [
        &["profile", "list"][..],
        &["profile", "show"],
        &["profile", "show", "work"],
        &["doctor"],
    ] {
        let ran = home.run(arguments);
        assert_hides(&(ran.stdout + &ran.stderr), "hunter2");
    }
}

#[test]
fn an_empty_variable_does_not_fall_back_to_the_profile() {
    let server = me();
    for (name, exit) in [
        ("OPENINDEX_TOKEN", 4),
        ("OPENINDEX_PROFILE", 2),
        ("OPENINDEX_APP_URL", 2),
        ("OPENINDEX_CONFIG", 2),
        ("OPENINDEX_CONFIG_DIR", 2),
    ] {
        for blank in ["", " \n"] {
            let home = Home::with_profile(&server.url).set(name, blank);
            let ran = home.run(&["me"]);
            assert_eq!(ran.status, exit, "{ran:?}");
            assert!(
                ran.stderr
                    .contains(&format!("{name} is set but empty; unset it")),
                "{ran:?}"
            );
            for arguments in [
                &["--help"][..],
                &["--version"],
                &["schema"],
                &["completions", "bash"],
            ] {
                assert_eq!(home.run(arguments).status, 0, "{name} {arguments:?}");
            }
            let ran = home.run(&["doctor"]);
            assert!(ran.stdout.contains(name), "{ran:?}");
        }
    }
    let home = Home::with_profile(&server.url).set("OPENINDEX_AGENT_ID", "");
    let ran = home.run(&["agent-run", "start"]);
    assert!(
        ran.stderr.contains("OPENINDEX_AGENT_ID is set but empty"),
        "{ran:?}"
    );
    let home = Home::with_profile("https://127.0.0.1:1").set("SSL_CERT_FILE", "");
    assert!(
        home.run(&["me"])
            .stderr
            .contains("SSL_CERT_FILE is set but empty")
    );
    let requests = server.received();
    assert!(
        requests
            .iter()
            .all(|request| request.authorization.is_none()),
        "doctor alone asks"
    );
    let home = Home::with_profile(&server.url);
    for flags in [&["--profile", ""][..], &["--app-url", " "], &["--profile="]] {
        home.run(&[flags, &["me"]].concat())
            .assert_failed(2, "usage");
    }
    let ran = home.run(&["profile", "set", "--token", ""]);
    assert_eq!(ran.status, 2, "{ran:?}");
    assert_eq!(ran.json()["error"]["code"], "token_malformed");
}

#[test]
fn profiles_can_be_shown_and_set_with_any_environment() {
    for name in ["OPENINDEX_TOKEN", "OPENINDEX_PROFILE", "OPENINDEX_APP_URL"] {
        let home = Home::with_profile("http://127.0.0.1:1").set(name, "");
        for arguments in [
            &["profile", "list"][..],
            &["profile", "show", "default"],
            &["profile", "set", "work", "--agent-id", "a1"],
            &["profile", "use", "default"],
        ] {
            assert_eq!(home.run(arguments).status, 0, "{name} {arguments:?}");
        }
    }
}

#[test]
fn a_token_is_read_with_whitespace_and_invisible_characters() {
    let server = me();
    let token = environment_token();
    for (before, after) in [
        ("", "\n\n"),
        (" ", "\t\r\n"),
        ("\u{feff}", ""),
        ("\u{a0}", "\u{200b}"),
    ] {
        let text = format!("{before}{token}{after}");
        let home = Home::new()
            .set("OPENINDEX_TOKEN", text.clone())
            .set("OPENINDEX_APP_URL", &server.url);
        assert_eq!(home.run(&["me"]).status, 0, "{text:?}");
        let home = Home::new();
        assert_eq!(
            home.run_with(&["profile", "set", "--token", "-"], &text)
                .status,
            0
        );
        assert_eq!(
            home.run(&["profile", "set", "work", "--token", &text])
                .status,
            0
        );
        for profile in ["default", "work"] {
            assert_eq!(home.config()["profiles"][profile]["token"], token);
        }
    }
    let sent = server
        .received()
        .iter()
        .all(|request| request.authorization.as_deref() == Some(&format!("Bearer {token}")));
    assert!(sent);
    for (text, expected) in [
        (format!("\"{token}\""), "remove the quotes"),
        (format!("bearer {token}"), "remove the word Bearer"),
        (
            format!("export OPENINDEX_TOKEN={token}"),
            "remove the name before it",
        ),
    ] {
        let home = Home::new()
            .set("OPENINDEX_TOKEN", text.clone())
            .set("OPENINDEX_APP_URL", &server.url);
        let ran = home.run(&["me"]);
        ran.assert_failed(4, "token_malformed");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}

/// Runs `oi profile set --token -` with the bytes, or with `stdin`.
fn set_from(home: &Home, stdin: Stdio, bytes: &[u8]) -> (i32, String) {
    let mut command = home.command(&["profile", "set", "--token", "-"]);
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("oi starts");
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(bytes);
    }
    let output = child.wait_with_output().expect("oi ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("no signal"), said)
}

#[test]
fn unreadable_input_is_reported_as_such() {
    let home = Home::new();
    let token = environment_token();
    let utf16: Vec<u8> = format!("\u{feff}{token}\r\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let (status, said) = set_from(&home, Stdio::piped(), &utf16);
    assert_eq!(status, 0, "{said}");
    assert_eq!(home.config()["profiles"]["default"]["token"], token);
    for (bytes, expected) in [
        (
            b"oi_pat_\xff".to_vec(),
            "cannot read standard input: not UTF-8 text",
        ),
        (
            vec![b'a'; 20_000],
            "cannot read standard input: larger than 16 KiB",
        ),
    ] {
        let (status, said) = set_from(&home, Stdio::piped(), &bytes);
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let directory = std::fs::File::open("/").unwrap();
    let (status, said) = set_from(&home, directory.into(), b"");
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("cannot read standard input: Is a directory"),
        "{said}"
    );
    let (status, said) = set_from(&home, Stdio::null(), b"");
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("the input is empty"), "{said}");
}

#[test]
fn a_config_file_is_read_in_the_encodings_of_editors() {
    let server = me();
    let home = Home::with_profile(&server.url);
    let config = home.config().to_string();
    let text = format!("\u{feff}{}\r\n \r\n", config.replace(',', ",\r\n"));
    let utf16 = text
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect::<Vec<u8>>();
    for bytes in [text.as_bytes().to_vec(), utf16] {
        std::fs::write(home.config_file(), bytes).unwrap();
        let ran = home.run(&["me"]);
        assert_eq!(ran.status, 0, "{ran:?}");
    }
}

#[test]
fn an_invalid_config_file_is_ignored_if_the_environment_has_everything() {
    let server = me();
    let home = Home::with_profile(&server.url)
        .set("OPENINDEX_TOKEN", environment_token())
        .set("OPENINDEX_APP_URL", &server.url);
    std::fs::write(home.config_file(), "{").unwrap();
    let ran = home.run(&["me"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stderr.starts_with("warning: "), "{ran:?}");
    // The agent would come from the profile.
    home.run(&["agent-run", "start"])
        .assert_failed(1, "config_invalid");
}

#[test]
fn a_config_path_that_is_not_a_file_is_neither_read_nor_replaced() {
    let home = Home::new();
    let directory = home.config_file().parent().unwrap().to_owned();
    std::fs::create_dir_all(&directory).unwrap();
    let pipe = directory.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for (path, expected) in [
        (pipe.display().to_string(), "not a regular file"),
        (directory.display().to_string(), "is a directory"),
        ("/dev/null".to_owned(), "not a regular file"),
    ] {
        let home = Home::new().set("OPENINDEX_CONFIG", path.clone());
        let ran = home.run(&["profile", "set", "--agent-id", "a1"]);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
        assert!(std::fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()));
    }
}

#[test]
fn without_a_server_the_default_one_is_used_and_noted() {
    let home = Home::new();
    let ran = home.run(&["profile", "set", "--token", &environment_token()]);
    let output = ran.json();
    assert_eq!(output["appUrl"], serde_json::Value::Null);
    assert_eq!(output["resolvedApiUrl"], "http://127.0.0.1:8080");
    assert_eq!(output["apiResolutionSource"], "default");
    let shown = home.run(&["profile", "show"]).json();
    assert_eq!(shown["apiUrl"], "http://127.0.0.1:8080");
    assert_eq!(shown["apiResolutionSource"], "default");
    let doctor = home.run(&["doctor"]).stdout;
    assert!(
        doctor.contains("http://127.0.0.1:8080 (from default)"),
        "{doctor}"
    );
}

#[test]
fn deleting_a_profile_prints_the_new_current_profile() {
    let home = Home::with_profile("http://127.0.0.1:1");
    home.run(&["profile", "set", "work", "--agent-id", "a1", "--use"]);
    home.run(&["profile", "delete", "work"])
        .assert_failed(2, "usage");
    home.run(&["profile", "delete", "work", "wrok", "--yes"])
        .assert_failed(1, "profile_not_found");
    let ran = home.run(&["profile", "delete", "work", "--yes"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let expected = serde_json::json!({"deleted": ["work"], "currentProfile": "default"});
    assert_eq!(ran.json(), expected);
    let ran = home.run(&["profile", "delete", "default", "--yes"]);
    assert!(ran.stderr.contains("stays valid"), "{ran:?}");
    assert_eq!(home.config()["profiles"], serde_json::json!({}));
}

/// Runs a script in a namespace in which this user is root; `None` if that is not permitted.
fn unshare(home: &Home, script: &str) -> Option<std::process::Output> {
    let possible = Command::new("unshare").args(["-rm", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = home.command(&[]);
    let oi = command.get_program().to_owned();
    let mut unshared = Command::new("unshare");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            unshared.env(name, value);
        }
    }
    command.stdin(Stdio::null());
    let output = unshared
        .args(["-rm", "sh", "-c", script])
        .env("OI", oi)
        .env("CONFIG", home.config_file())
        .env("DIRECTORY", home.config_file().parent()?)
        .output()
        .expect("unshare runs");
    Some(output)
}

#[test]
fn a_mounted_config_file_is_changed_in_place() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let inode = std::fs::metadata(home.config_file()).unwrap().ino();
    let script = r#"mount --bind "$CONFIG" "$CONFIG" && "$OI" profile set --agent-id mounted"#;
    let Some(output) = unshare(&home, script) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(home.config()["profiles"]["default"]["agent_id"], "mounted");
    assert_eq!(
        home.config()["profiles"]["default"]["token"],
        profile_token()
    );
    assert_eq!(std::fs::metadata(home.config_file()).unwrap().ino(), inode);
}

#[test]
fn nothing_is_lost_on_a_full_or_read_only_disk() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let text = std::fs::read_to_string(home.config_file()).unwrap();
    for mount in [
        r#"mount -t tmpfs -o size=16k none "$DIRECTORY" && cp "$KEPT" "$CONFIG"; cat /dev/zero > "$DIRECTORY/full" 2>/dev/null"#,
        r#"mount -t tmpfs none "$DIRECTORY" && cp "$KEPT" "$CONFIG" && mount -o remount,ro "$DIRECTORY""#,
    ] {
        let script = format!(
            r#"KEPT=$(mktemp); cp "$CONFIG" "$KEPT"; {mount}; rm "$KEPT"
               "$OI" profile set --agent-id lost; echo $?; cat "$CONFIG""#
        );
        let Some(output) = unshare(&home, &script) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("config_unwritable"), "{output:?}");
        assert!(said.ends_with(&text), "{output:?}");
    }
}

#[test]
fn another_users_config_file_keeps_its_owner() {
    let home = Home::with_profile("http://127.0.0.1:1");
    let directory = home.config_file().parent().unwrap().to_owned();
    // Only root can change a file's owner.
    for path in [&directory, &home.config_file()] {
        if std::os::unix::fs::chown(path, Some(1234), Some(1234)).is_err() {
            return;
        }
    }
    assert_eq!(home.run(&["profile", "set", "--agent-id", "a1"]).status, 0);
    assert_eq!(home.config()["profiles"]["default"]["agent_id"], "a1");
    for entry in std::fs::read_dir(&directory).unwrap() {
        let metadata = entry.unwrap().metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (1234, 1234));
        assert_eq!(metadata.mode() & 0o777, 0o600);
    }
}
