use std::io::Write as _;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::stub::{PAT_ID, Stub, page, problem, user, user_id};
use crate::support::{Home, Ran};

fn admin<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["settings", "admin"][..], arguments].concat()
}

fn run(server: &Stub, arguments: &[&str]) -> Ran {
    Home::with_profile(&server.url).run(&admin(arguments))
}

fn event() -> Value {
    json!({
        "id": "evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e1", "at": "2026-11-24T05:58:12.345Z",
        "actor": {"kind": "operator", "userId": null, "credentialId": null,
                  "userName": null, "credentialName": null},
        "action": "token.revoked", "subject": PAT_ID, "related": null,
        "subjectName": "ci", "relatedName": null, "emailChange": null,
        "requestId": "r1", "clientAddress": null,
    })
}

#[test]
fn events_are_filtered_by_actor_action_subject_and_time() {
    let list = page(&[event()], Some("c"));
    let users = page(&[user(1, "a@b.example")], None);
    let path = format!(
        "GET /audit?action=token.revoked&actor={}&since=2026-01-01T00%3A00%3A00.000Z\
         &subject={PAT_ID}&until=2026-12-31T00%3A00%3A00.000Z&limit=50",
        user_id(1)
    );
    let server = Stub::new(&[
        ("GET /admin/users?limit=200", 200, &users),
        (path.leak(), 200, &list),
    ]);
    let ran = run(
        &server,
        &[
            "audit",
            "list",
            "--actor",
            "a@b.example",
            "--action",
            "token.revoked",
            "--subject",
            PAT_ID,
            "--since",
            "2026-01-01",
            "--until",
            "2026-12-31T00:00:00Z",
        ],
    );
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&list).unwrap());
    assert!(ran.stderr.starts_with("note: there are more"));
}

#[test]
fn an_export_is_written_to_standard_output_byte_for_byte() {
    let csv = "id,at\r\nevt_1,2026\u{9b}\r\n";
    let server = Stub::new(&[
        ("GET /audit/export?format=csv", 200, csv),
        (
            "GET /audit/export?format=json&since=2026-01-01T00%3A00%3A00.000Z",
            200,
            "[]",
        ),
    ]);
    for dash in [&[][..], &["-o", "-"], &["--output", "-"], &["--output=-"]] {
        let line = [&["audit", "export", "--format", "csv"][..], dash].concat();
        let ran = run(&server, &line);
        assert_eq!((ran.status, ran.stdout.as_str()), (0, csv), "{dash:?}");
    }
    let ran = run(&server, &["audit", "export", "--since", "2026-01-01"]);
    assert_eq!((ran.status, ran.json()), (0, json!([])));
}

#[test]
fn an_exported_file_is_only_readable_by_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let text = format!("[{}]", event());
    let server = Stub::new(&[("GET /audit/export?format=json", 200, &text)]);
    let home = Home::with_profile(&server.url);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit.json");
    std::fs::write(&file, "an older one, readable by all").unwrap();
    let path = file.display().to_string();
    let ran = home.run(&admin(&["audit", "export", "--output", &path]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let path = std::fs::canonicalize(&file).unwrap().display().to_string();
    assert_eq!(
        ran.json(),
        json!({"format": "json", "path": path, "bytes": text.len()})
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A server that closes the connection in the middle of an export.
fn breaking_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4_096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[{}\r\n");
        }
    });
    url
}

#[test]
fn an_interrupted_export_fails_and_leaves_no_file() {
    let home = Home::with_profile(&breaking_server());
    let ran = home.run(&admin(&["audit", "export"]));
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (1, "[{}"),
        "and no second document behind it"
    );
    assert!(ran.stderr.contains("the export is incomplete"), "{ran:?}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.json").display().to_string();
    let ran = home.run(&admin(&["audit", "export", "--output", &path]));
    ran.assert_failed(1, "unreachable");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_export_can_be_written_to_a_device_or_a_pipe() {
    let text = format!("[{}]", event());
    let server = Stub::new(&[("GET /audit/export?format=json", 200, &text)]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&admin(&["audit", "export", "-o", "/dev/null"]));
    assert_eq!(ran.status, 0, "{ran:?}");
    assert_eq!(ran.json()["bytes"], text.len());
    // As bash passes it for `-o >(cat)`; the output follows the export.
    let ran = home.run(&admin(&["audit", "export", "-o", "/dev/fd/1"]));
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.stdout.starts_with(&text), "{ran:?}");
    let full = home.run(&admin(&["audit", "export", "-o", "/dev/full"]));
    full.assert_failed(1, "output_failed");
}

#[test]
fn an_unwritable_export_names_the_file_and_leaves_nothing() {
    let server = Stub::new(&[("GET /audit/export?format=json", 200, "[]")]);
    let home = Home::with_profile(&server.url);
    std::fs::write(home.directory().join("file"), "").unwrap();
    for path in ["nowhere/audit.json", "file/audit.json"] {
        let ran = home.run(&admin(&["audit", "export", "-o", path]));
        assert!(matches!(ran.status, 1 | 2), "{ran:?}");
        let error = ran.json()["error"]["message"].to_string();
        assert!(error.contains(path), "{error}");
    }
    let left = std::fs::read_dir(home.directory()).unwrap();
    let left = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("export")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_rejected_export_is_reported_like_any_failure() {
    let body = problem(403, "insufficient_scope", "the scope admin is required");
    let server = Stub::new(&[("GET /audit/export?format=json", 403, &body)]);
    run(&server, &["audit", "export"]).assert_failed(4, "insufficient_scope");
}

#[test]
fn a_closed_pipe_ends_an_export_without_an_error() {
    let text = format!("[{}]", event());
    let server = Stub::new(&[("GET /audit/export?format=json", 200, &text)]);
    let home = Home::with_profile(&server.url);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home
        .command(&admin(&["audit", "export"]))
        .stdin(std::process::Stdio::null())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn stats_are_printed_unchanged() {
    let stats = json!({
        "usersActive": 2, "usersSuspended": 0, "adminsActive": 1, "tokensLive": 3,
        "tokensLiveAdmin": 1, "tokensExpiring": 0, "tokensExpired": 0, "tokensRevoked": 4,
        "invitesOpen": 1,
    });
    let server = Stub::new(&[("GET /stats", 200, &stats.to_string())]);
    let ran = run(&server, &["stats"]);
    assert_eq!((ran.status, ran.json()), (0, stats));
}

#[test]
fn an_invalid_command_line_exits_with_2_and_sends_nothing() {
    let server = Stub::new(&[]);
    for arguments in [
        &["audit", "list", "--action", "token.eaten"][..],
        &["audit", "list", "--since", "yesterday"],
        &["audit", "list", "--since", "2026-01-01", "--last", "1d"],
        &[
            "audit",
            "list",
            "--since",
            "2026-02-01",
            "--until",
            "2026-01-01",
        ],
        &["audit", "list", "--subject", "evt_1"],
        &["audit", "export", "--format", "xml"],
        &["audit", "export", "--format", "csv", "--json"],
        &["audit", "export", "--output", "/"],
        &[
            "audit", "export", "--format", "csv", "--json", "--output", "-",
        ],
    ] {
        run(&server, arguments).assert_failed(2, "usage");
    }
    assert!(server.requests().is_empty());
}
