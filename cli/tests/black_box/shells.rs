//! Completions as bash, zsh and fish request them, and the manual pages.

use std::path::Path;
use std::process::Command;

use openindex_domain::token::TokenKind;
use serde_json::json;

use crate::support::{Home, secret};

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// A home with two profiles, one of which has a token.
fn home() -> Home {
    let home = Home::new();
    home.write_config(&json!({"profiles": {
        "work": {"app_url": "https://x.example", "token": secret(TokenKind::Personal, 1)},
        "play.ground": {"app_url": "https://y.example"},
    }}));
    for shell in SHELLS {
        let ran = home.run(&["completions", shell]);
        assert_eq!(ran.status, 0, "{ran:?}");
        // zsh loads the file by this name.
        let file = home.directory().join(shell).join("_oi");
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
        std::fs::write(file, ran.stdout).expect("written");
    }
    home
}

/// Returns the completions that a shell offers for the last word of a line.
fn offered(home: &Home, shell: &str, line: &str) -> Vec<String> {
    let script = home.directory().join(shell).join("_oi");
    let script = script.display();
    let words: Vec<&str> = line.split(' ').collect();
    let code = match shell {
        // Calls the registered function as readline does.
        "bash" => format!(
            "source {script}\n\
             function_of=$(complete -p oi | sed 's/.*-F \\([^ ]*\\) .*/\\1/')\n\
             COMP_WORDS=({words}); COMP_CWORD={index}; COMP_TYPE=9\n\
             $function_of oi \"${{COMP_WORDS[COMP_CWORD]}}\" ''\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words = words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(" "),
            index = words.len() - 1,
        ),
        // Loads the script from $fpath at the first completion, and prints the candidates.
        "zsh" => format!(
            "fpath=({directory} $fpath)\n\
             compdef() {{ : }}\n\
             _describe() {{ print -rl -- \"${{(@P)3}}\" }}\n\
             [[ $(head -n 1 {script}) == '#compdef oi' ]] || exit 1\n\
             words=({words}); CURRENT={index}\n\
             autoload -Uz _oi; _oi",
            directory = home.directory().join(shell).display(),
            words = words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(" "),
            index = words.len(),
        ),
        _ => format!("source {script}; complete -C '{line}'"),
    };
    let programs = Path::new(env!("CARGO_BIN_EXE_oi"))
        .parent()
        .expect("a directory");
    let no_startup: &[&str] = match shell {
        "bash" => &["--norc", "--noprofile"],
        "zsh" => &["-f"],
        _ => &["--no-config"],
    };
    let output = Command::new(shell)
        .args(no_startup)
        .args(["-c", &code])
        .env_clear()
        .env("HOME", home.directory())
        .env("XDG_CONFIG_HOME", home.directory())
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .current_dir(home.directory())
        .output()
        .unwrap_or_else(|error| panic!("{shell}, which scripts/test installs: {error}"));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(
        output.stderr.is_empty(),
        "{shell}: {line}: {:?}",
        String::from_utf8_lossy(&output.stderr)
    );
    // zsh and fish add descriptions after a colon or a tab; bash separates by vertical tabs.
    text.split(['\n', '\u{b}'])
        .map(|one| one.split(['\t', ':']).next().unwrap_or_default().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

#[test]
fn every_shell_completes_commands_and_values() {
    let home = home();
    for shell in SHELLS {
        for (line, expected) in [
            ("oi ", vec!["auth", "profile", "settings", "work-item"]),
            ("oi settings ", vec!["personal", "admin"]),
            ("oi settings personal ", vec!["tokens"]),
            (
                "oi settings personal tokens ",
                vec!["create", "delete", "list", "rotate"],
            ),
            ("oi settings personal tokens cr", vec!["create"]),
            ("oi settings admin audit ", vec!["export", "list"]),
            ("oi settings personal tokens create --na", vec!["--name"]),
            (
                "oi settings personal tokens create --scope ",
                vec!["read_write", "admin"],
            ),
            (
                "oi settings admin invites create --role ",
                vec!["member", "admin"],
            ),
            (
                "oi settings admin users set-role --role ",
                vec!["member", "admin"],
            ),
            (
                "oi settings admin tokens list --status ",
                vec!["live", "expired", "revoked"],
            ),
            (
                "oi settings admin audit list --action token.rev",
                vec!["token.revoked"],
            ),
            (
                "oi work-item update OPS-1 --priority ",
                vec!["low", "medium", "high", "urgent"],
            ),
            (
                "oi work-item list --status ",
                vec!["todo", "in_progress", "done", "cancelled"],
            ),
            (
                "oi work-item list --execution-target ",
                vec!["human", "agent", "either"],
            ),
            ("oi profile use ", vec!["work", "play.ground"]),
            ("oi profile use wo", vec!["work"]),
            ("oi profile show --name ", vec!["work", "play.ground"]),
            ("oi --profile ", vec!["work", "play.ground"]),
            ("oi queue list --profile ", vec!["work", "play.ground"]),
        ] {
            let offered = offered(&home, shell, line);
            for candidate in expected {
                assert!(
                    offered.iter().any(|one| one == candidate),
                    "{shell}: {line}{candidate}: {offered:?}"
                );
            }
        }
    }
}

#[test]
fn tokens_are_not_offered_as_completions() {
    let home = home();
    for shell in SHELLS {
        for line in [
            "oi profile set --token ",
            "oi profile set --token oi_",
            "oi settings personal tokens delete ",
            "oi invite claim ",
        ] {
            let offered = offered(&home, shell, line).join(" ");
            assert!(!offered.contains("oi_pat_"), "{shell}: {line}: {offered}");
        }
    }
}

#[test]
fn an_unreadable_config_does_not_break_completion() {
    let home = home();
    std::fs::write(home.config_file(), "{").expect("written");
    for shell in SHELLS {
        assert!(
            offered(&home, shell, "oi profile us").contains(&"use".to_owned()),
            "{shell}"
        );
        let offered = offered(&home, shell, "oi profile use ");
        assert!(!offered.contains(&"work".to_owned()), "{shell}");
    }
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let home = Home::new();
    let ran = home.run(&["man", "share/man1"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let written = ran.json()["written"].clone();
    let schema = home.run(&["schema"]).json();
    for command in schema["commands"].as_array().expect("commands") {
        let command = command["command"].as_str().expect("a name");
        let name = format!("{}.1", command.replace(' ', "-"));
        assert!(
            written.as_array().expect("names").contains(&json!(name)),
            "{name}"
        );
        let page = std::fs::read_to_string(home.directory().join("share/man1").join(&name));
        let page = page.expect("a page");
        assert!(
            page.starts_with(".ie") && page.contains(".TH "),
            "{name}: {page}"
        );
        assert!(page.contains(".SH EXAMPLES\n.nf"), "{name}");
    }
    let page = home.run(&["man"]).stdout;
    for section in ["EXIT STATUS", "ENVIRONMENT", "FILES"] {
        assert!(page.contains(section), "{section}: {page}");
    }
    assert!(page.contains(".TH oi 1"), "{page}");
    assert!(!page.contains("help(1)") && !written.to_string().contains("help"));
    assert_eq!(home.run(&["man", "-"]).stdout, page);
    std::fs::write(home.directory().join("file"), "").expect("written");
    let failed = home.run(&["man", "file/man1"]);
    failed.assert_failed(1, "output_failed");
}
