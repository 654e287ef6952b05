//! Helpers of these tests.

use std::process::{Command, Output, Stdio};

use openindex_tests::{Database, binary};

/// Returns `oi-server` with these arguments, and without the database of the tests.
pub(crate) fn oi_server(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("oi-server"));
    command
        .args(arguments)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null());
    command
}

/// Returns the command that copies between these URLs.
pub(crate) fn command(from: &str, to: &str) -> Command {
    oi_server(&["copy", "--from", from, "--to", to])
}

/// Creates the tables, and nothing else.
pub(crate) fn migrate(database: &Database) {
    let output = oi_server(&["migrate", "--database-url", database.url()]).output();
    let output = output.expect("oi-server runs");
    assert!(output.status.success(), "{output:?}");
}

/// Copies and returns the output.
pub(crate) fn run(from: &Database, to: &Database) -> Output {
    let output = command(from.url(), to.url()).output();
    output.expect("oi-server runs")
}

/// Copies and returns the digest that is printed, and the tables with their numbers of rows.
pub(crate) fn copied(from: &Database, to: &Database) -> (String, Vec<(String, u64)>) {
    let output = run(from, to);
    let (out, said) = (text(&output.stdout), said(&output));
    assert!(output.status.success(), "{said}");
    let (_, digest) = out.trim().split_once("SHA-256 ").expect("a digest");
    let lines = said.lines().filter_map(|line| line.strip_prefix("copied "));
    let tables = lines.map(|line| {
        let (table, rows) = line.split_once(": ").expect("a table");
        let rows = rows.strip_suffix(" rows").expect("rows");
        (table.to_owned(), rows.parse().expect("a number"))
    });
    (digest.to_owned(), tables.collect())
}

/// Returns standard error.
pub(crate) fn said(output: &Output) -> String {
    text(&output.stderr)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
