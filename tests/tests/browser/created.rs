//! The page that shows a new token once: its commands work, and leaving it early asks first.

use std::io::Write as _;
use std::process::{Command, Stdio};

use openindex_tests::binary;
use serde_json::json;

use super::once::Person;

#[test]
fn copying_has_the_focus_and_leaving_without_it_requires_confirmation() {
    let person = Person::new(true);
    person.create();
    let browser = &person.browser;
    let focused = "return document.activeElement.dataset.copy;";
    assert_eq!(browser.script(focused, &json!([])), "secret");
    let asks = "
        const leaving = new Event('beforeunload', { cancelable: true });
        dispatchEvent(leaving);
        return leaving.defaultPrevented;";
    assert_eq!(browser.script(asks, &json!([])), true);
    browser.grant_clipboard();
    // The button has the focus, so one key copies.
    browser.keys("\u{e007}");
    browser.wait("the copy", || browser.text("main").contains("Copied"));
    assert_eq!(browser.script(asks, &json!([])), false);
}

#[test]
fn the_commands_beside_a_new_token_work_on_a_machine_that_has_never_seen_the_server() {
    let person = Person::new(true);
    let secret = person.create();
    let commands = "return [...document.querySelectorAll('pre')].map((pre) => pre.textContent);";
    let commands = person.browser.script(commands, &json!([]));
    let [oi, curl] = commands.as_array().expect("a list").as_slice() else {
        panic!("two blocks: {commands}");
    };
    let home = tempfile::tempdir().expect("a home");
    let programs = binary("oi");
    let programs = programs.parent().expect("a directory").display();
    let path = format!("{programs}:{}", std::env::var("PATH").expect("a path"));
    let run = |script: &str| {
        let mut shell = Command::new("bash")
            .args(["-euc", script])
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", &path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash runs");
        let mut input = shell.stdin.take().expect("standard input");
        writeln!(input, "{secret}").expect("written");
        drop(input);
        let output = shell.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{script}");
        String::from_utf8(output.stdout).expect("text")
    };
    let me = run(curl.as_str().expect("text"));
    assert!(me.contains("grace@example.com"), "{me}");
    run(oi.as_str().expect("text"));
    let me = run("oi --json auth check");
    assert!(me.contains("grace@example.com"), "{me}");
}
