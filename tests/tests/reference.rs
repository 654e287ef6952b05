//! The examples of the API reference work as shown.

use std::process::Command;

use openindex_tests::{Database, Kind, Server};
use serde_json::Value;

/// Returns the curl command of an operation, as a browser shows it.
fn example(page: &str, operation: &str) -> String {
    let mark = format!("<code data-operation=\"{operation}\">");
    let (_, rest) = page.split_once(&mark).expect("an example");
    let (line, _) = rest.split_once("</code>").expect("its end");
    let line = line.replace("&#34;", "\"").replace("&#39;", "'");
    line.replace("&#60;", "<").replace("&#38;", "&")
}

fn run(line: &str, token: &str) -> Value {
    let output = Command::new("sh")
        .args(["-euc", line])
        .env("OPENINDEX_TOKEN", token)
        .env("no_proxy", "*")
        .output()
        .expect("a shell");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{line}: {output:?}"))
}

#[test]
fn the_curl_lines_of_the_reference_work_as_they_are_shown() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let page = server.http.send("GET", "/docs", &[], None);
    assert_eq!(page.status, 200);
    let page = page.text;
    let created = run(&example(&page, "createPat"), &admin.token);
    let token = created["token"].as_str().expect("a secret");
    let renamed = run(&example(&page, "updateMe"), token);
    assert_eq!(renamed["user"]["name"], "Ada King");
    assert_eq!(run(&example(&page, "getMe"), token), renamed);
    assert_eq!(run(&example(&page, "getHealth"), "")["status"], "ok");
}
