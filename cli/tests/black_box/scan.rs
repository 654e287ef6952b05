//! `oi scan`.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use openindex_domain::token::TokenKind;
use serde_json::{Value, json};

use crate::stub::{Stub, problem};
use crate::support::{Home, Ran, new_token, run_token, secret};

const REVOKE: &str = "POST /credentials/revoke";

/// Runs a scan, and asserts that no token is printed.
fn scan(home: &Home, arguments: &[&str], stdin: &str) -> Ran {
    let ran = home.run_with(&[&["scan"], arguments].concat(), stdin);
    let part = &new_token()[7..40];
    assert!(!ran.stdout.contains(part) && !ran.stderr.contains(part));
    ran
}

fn places(ran: &Ran) -> Vec<String> {
    let findings = ran.json()["findings"].as_array().cloned().expect("a list");
    let place = |it: &Value| {
        let path = it["path"].as_str().expect("text");
        format!("{path}:{}:{}", it["line"], it["column"])
    };
    findings.iter().map(place).collect()
}

fn mistyped() -> String {
    let mut token = new_token();
    let other = if token.pop() == Some('a') { 'b' } else { 'a' };
    token.push(other);
    token
}

/// Creates a tree with two tokens in text, and with files that are skipped.
fn tree() -> Home {
    let home = Home::new();
    let root = home.directory().join("tree");
    fs::create_dir_all(root.join("a/b")).expect("done");
    fs::create_dir_all(root.join(".git")).expect("done");
    fs::write(root.join(".git/config"), new_token()).expect("done");
    fs::write(root.join(".gitignore"), "ignored.env\n").expect("done");
    fs::write(
        root.join("ignored.env"),
        format!("A=1\n  T={}\n", new_token()),
    )
    .expect("done");
    fs::write(root.join("a/b/c.log"), format!("é {}", run_token())).expect("done");
    fs::write(root.join("a/mistyped"), mistyped()).expect("done");
    fs::write(root.join("a/image"), format!("\0{}", new_token())).expect("done");
    symlink("ignored.env", root.join("link")).expect("done");
    home
}

#[test]
fn a_directory_is_scanned_whole_and_what_is_skipped_is_listed() {
    let home = tree();
    let ran = scan(&home, &["tree"], "");
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert_eq!(places(&ran), ["tree/a/b/c.log:1:3", "tree/ignored.env:2:5"]);
    let output = ran.json();
    let run = run_token();
    let first = json!({
        "path": "tree/a/b/c.log", "line": 1, "column": 3, "kind": "agent_run",
        "lastFour": &run[51..], "commit": null, "change": null,
    });
    assert_eq!(output["findings"][0], first);
    assert_eq!(output["findings"][1]["kind"], "personal");
    assert_eq!(output["scanned"], 4);
    let skipped = json!([
        {"path": "tree/.git", "reason": "git"},
        {"path": "tree/a/image", "reason": "binary"},
        {"path": "tree/link", "reason": "symbolic_link"},
    ]);
    assert_eq!(output["skipped"], skipped);
    // What the command line names is read, whatever it is.
    for path in ["tree/.git", "tree/a/image", "tree/link"] {
        assert_eq!(scan(&home, &[path], "").status, 1, "{path}");
    }
    let ran = scan(&home, &["tree/a/mistyped", "tree/.gitignore"], "");
    assert_eq!((ran.status, ran.json()["findings"].clone()), (0, json!([])));
}

#[test]
fn a_file_that_cannot_be_read_is_a_failure_after_the_rest() {
    let home = tree();
    let ran = scan(&home, &["missing", "tree"], "");
    assert_eq!((ran.status, places(&ran).len()), (1, 2));
    assert_eq!(ran.json()["unreadable"][0]["path"], "missing");
    assert!(
        ran.stderr.starts_with("warning: cannot read missing: "),
        "{ran:?}"
    );
    let ran = scan(&home, &["missing", "tree/.gitignore"], "");
    assert_eq!(ran.status, 1, "{ran:?}");
}

#[test]
fn the_history_of_a_repository_is_scanned_through_a_pipe() {
    let home = Home::new();
    let file = home.directory().join("a.env");
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .env("HOME", home.directory())
            .current_dir(home.directory())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "-q"]);
    let mut commits = Vec::new();
    for text in ["A=1\n", &format!("A=1\nB=2\nT={}\n", new_token()), "A=1\n"] {
        fs::write(&file, text).unwrap();
        git(&["add", "a.env"]);
        git(&["commit", "-q", "-m", "Change"]);
        commits.push(git(&["rev-parse", "HEAD"]).trim().to_owned());
    }
    let log = git(&["log", "-p"]);
    let ran = scan(&home, &["-"], &log);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert_eq!(places(&ran), ["a.env:3:3", "a.env:3:3"]);
    let findings = ran.json()["findings"].clone();
    for (finding, commit, change) in [
        (&findings[0], &commits[2], "removed"),
        (&findings[1], &commits[1], "added"),
    ] {
        assert_eq!(finding["commit"], *commit);
        assert_eq!(finding["change"], change);
    }
    // The commit that removes a token is not rejected by a hook.
    let ran = scan(&home, &["--added", "-"], &log);
    assert_eq!((ran.status, places(&ran).len()), (1, 1));
    assert_eq!(ran.json()["findings"][0], findings[1]);
    let ran = scan(&home, &["--added", "-"], &git(&["show"]));
    assert_eq!(ran.status, 0, "{ran:?}");
}

#[test]
fn reporting_sends_each_token_once_and_nothing_else() {
    let server = Stub::new(&[(REVOKE, 202, "")]);
    let home = Home::with_profile(&server.url);
    let tokens: Vec<String> = (100..1_350)
        .map(|seed| secret(TokenKind::Personal, seed))
        .collect();
    let text = tokens.join("\n").repeat(2);
    let ran = scan(&home, &["--report", "-"], &text);
    assert_eq!(
        (ran.status, ran.json()["reported"].clone()),
        (1, json!(1_250))
    );
    let requests = server.received();
    let counts = requests.iter().map(|request| {
        assert_eq!(
            (request.what.as_str(), &request.authorization),
            (REVOKE, &None)
        );
        let body: Value = serde_json::from_str(&request.body).unwrap();
        body["tokens"].as_array().unwrap().len()
    });
    assert_eq!(counts.collect::<Vec<_>>(), [1_000, 250]);
    // Without a token, or without --report, nothing is sent.
    assert_eq!(scan(&home, &["--report", "-"], "none").status, 0);
    assert_eq!(scan(&home, &["-"], &new_token()).status, 1);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn the_findings_are_printed_even_if_they_cannot_be_reported() {
    let body = problem(429, "rate_limited", "too many reports");
    let server = Stub::new(&[(REVOKE, 429, &body)]);
    let home = Home::with_profile(&server.url);
    let ran = scan(&home, &["--report", "-"], &new_token());
    assert_eq!((ran.status, places(&ran)), (1, vec!["-:1:1".to_owned()]));
    assert_eq!(ran.json()["reported"], 0);
    assert!(ran.stderr.contains("too many reports"), "{ran:?}");
    let arguments = ["--report", "-", "--app-url", "http://openindex.example"];
    scan(&home, &arguments, &new_token()).assert_failed(1, "insecure_transport");
}

#[test]
fn the_sarif_log_names_the_files_and_lines() {
    let home = tree();
    let ran = scan(&home, &["--sarif", "./tree"], "");
    assert_eq!(ran.status, 1, "{ran:?}");
    let log = ran.json();
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let location = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "tree/ignored.env");
    let region = json!({"startLine": 2, "startColumn": 5, "endColumn": 60});
    assert_eq!(location["region"], region);
    let rules = &log["runs"][0]["tool"]["driver"]["rules"];
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["message"]["text"].is_string());
    }
    assert_eq!(scan(&home, &["--sarif", "--json", "tree"], "").status, 2);
}

#[test]
fn a_closed_pipe_does_not_hide_a_finding() {
    let home = tree();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = home
        .command(&["scan", "tree"])
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}
