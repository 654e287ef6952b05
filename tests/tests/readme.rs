//! The README's tour works word for word: the test runs its blocks with bash.

use std::process::Command;

use openindex_tests::{Database, Kind, Server, binary, both_stores};

both_stores! { the_tour_works_word_for_word }

const README: &str = include_str!("../../README.md");
/// Items that exist before the agent's day, are more urgent than its own, and must not be changed.
const OTHERS: &str =
    "oi work-item create --domain OPS --title 'Of somebody else' --priority urgent";
const AFTERWARDS: &str =
    "echo; echo '== afterwards'; oi work-item list; oi settings personal tokens list";
const AGENT_DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/agent-day");

/// Returns the fenced blocks marked `sh tour`, in order.
fn tour() -> Vec<&'static str> {
    README
        .split("```sh tour\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

#[test]
fn a_service_is_embedded_with_five_dependencies_all_of_which_it_uses() {
    let block = |fence: &str| {
        let (_, rest) = README.split_once(fence).expect("a block");
        rest.split("```").next().unwrap_or_default()
    };
    let dependencies: Vec<_> = block("```toml\n").lines().collect();
    assert_eq!(dependencies.len(), 5, "{dependencies:?}");
    let code = block("```rust,no_run\n");
    for line in dependencies {
        let (name, source) = line.split_once(" = ").expect("a dependency");
        assert!(
            code.contains(&format!("{}::", name.replace('-', "_"))),
            "{name}"
        );
        if let Some(path) = source.split("../openindex-pats/").nth(1) {
            let folder = path.trim_end_matches("\" }");
            let manifest = format!("{}/../{folder}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
            let manifest = std::fs::read_to_string(&manifest).expect(&manifest);
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
    }
}

fn the_tour_works_word_for_word(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let home = tempfile::tempdir().expect("a directory");
    let blocks = tour();
    assert_eq!(blocks.len(), 6, "a block was added or lost its mark");
    // Another port, since 8080 may be taken, and another directory than a clone's.
    let script = blocks
        .join("echo; echo '---'\n")
        .replace("http://127.0.0.1:8080", &server.url)
        .replace(
            "examples/agent-day",
            &format!("{OTHERS}\n{AGENT_DAY}\n{AFTERWARDS}"),
        );
    let programs = binary("oi");
    let programs = programs.parent().expect("a directory").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("PATH", format!("{programs}:{path}"))
        .env("DATABASE_URL", database.url())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("bash runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{stdout}\n{output:?}");
    let shown: Vec<&str> = stdout.split("---\n").collect();
    assert!(shown[0].contains("\"profile:local\""), "{stdout}");
    assert!(
        shown[1].contains("\"effectiveScope\":\"read_write\""),
        "{stdout}"
    );
    assert!(shown[2].contains("403 Forbidden"), "{stdout}");
    assert!(shown[2].contains("insufficient_scope"), "{stdout}");
    assert!(shown[3].contains("401 Unauthorized"), "{stdout}");
    assert!(shown[3].contains("token_revoked"), "{stdout}");
    let day = shown[4];
    let (day, afterwards) = day.split_once("== afterwards").expect("its end");
    for told in ["Of somebody else", "\"version\": 1", "\"status\": \"todo\""] {
        assert!(afterwards.contains(told), "{told}: {afterwards}");
    }
    for left in ["DEMO-", "agent-day"] {
        assert!(!afterwards.contains(left), "{left}: {afterwards}");
    }
    for told in [
        "\"kind\": \"agent_run\"",
        "human_token_required",
        "token_revoked",
    ] {
        assert!(day.contains(told), "{told}: {day}");
    }
    assert!(shown[5].contains("/sign-in/link/"), "{stdout}");
}

#[test]
fn each_block_pasted_twice_works_or_says_what_to_do() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let home = tempfile::tempdir().expect("a directory");
    let blocks = tour().into_iter();
    // The agent's day cleans up after itself, so it can be run at any time.
    let twice: Vec<String> = blocks
        .filter(|block| !block.contains("examples/"))
        .map(|block| format!("{block}echo ---\n{block}echo ---\n"))
        .collect();
    let script = twice.concat().replace("http://127.0.0.1:8080", &server.url);
    let programs = binary("oi");
    let programs = programs.parent().expect("a directory").display();
    let path = std::env::var("PATH").unwrap_or_default();
    // As at a prompt: a failing command does not end the shell.
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("PATH", format!("{programs}:{path}"))
        .env("DATABASE_URL", database.url())
        .env("OPENINDEX_PUBLIC_URL", &server.url)
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("bash runs");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    for said in [
        "the instance already has users, so nothing was changed",
        "oi-server sign-in-link --email ada@example.com",
        "see the error of the command before it",
        "2 tokens are named ci; pass the ID of one",
    ] {
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
    let shown: Vec<&str> = stdout.split("---\n").collect();
    for (at, said) in [
        (1, "\"profile:local\""),
        (3, "\"effectiveScope\":\"read_write\""),
        (5, "403 Forbidden"),
        (9, &*format!("{}/sign-in/link/", server.url)),
    ] {
        assert!(shown[at - 1].contains(said), "{at}: {stdout}");
        assert!(shown[at].contains(said), "{at}: {stdout}");
    }
}
