//! Tables that list the tests of every sentence of a page: `docs/specification.md` for the
//! specification, `docs/security-statements.md` for `SECURITY.md` and `docs/postgresql.md`.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;

use crate::page::PAGE;

const SPECIFICATION: &str = include_str!("../../../docs/specification.md");
const SECURITY: &str = include_str!("../../../SECURITY.md");
const POSTGRESQL: &str = include_str!("../../../docs/postgresql.md");
const STATEMENTS: &str = include_str!("../../../docs/security-statements.md");

/// A statement in the words of its page, and the other cell of its row.
struct Row {
    statement: String,
    tests: &'static str,
}

fn rows(table: &'static str) -> impl Iterator<Item = Row> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(|line| {
        let (statement, tests) = line[2..]
            .trim_end_matches('|')
            .rsplit_once(" | ")
            .expect("two columns");
        Row {
            statement: words(&statement.replace("\\|", "|")),
            tests: tests.trim(),
        }
    })
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the differences between the page and the table, and every row without a test for which
/// `may_be_untested` is false.
fn faults(page: &str, table: &'static str, may_be_untested: fn(&Row) -> bool) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = words(page);
    let mut rest = page.clone();
    let mut faults = Vec::new();
    let mut rows: Vec<Row> = rows(table).collect();
    rows.sort_by_key(|row| Reverse(row.statement.len()));
    for row in rows {
        let Row { statement, tests } = &row;
        if !page.contains(statement.as_str()) {
            faults.push(format!("not on the page: {statement}"));
        }
        rest = rest.replace(statement.as_str(), "");
        // Each has the form `folder/file.rs`: `test`.
        let quoted: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        for pair in quoted.chunks(2) {
            let [file, test] = pair else {
                panic!("a file and a test: {tests}");
            };
            let source = fs::read_to_string(root.join(file)).unwrap_or_default();
            if !["(", "<"]
                .iter()
                .any(|end| source.contains(&format!("fn {test}{end}")))
            {
                faults.push(format!("no such test: {file}: {test}"));
            }
        }
        if quoted.is_empty() && !may_be_untested(&row) {
            faults.push(format!("without a test: {statement}"));
        }
    }
    // Only rules of tables, list markers and code fences may be left.
    let left = rest.split_whitespace();
    let left = left.filter(|word| !word.chars().all(|c| "|-`".contains(c)));
    faults.extend(left.map(|word| format!("without a row: {word}")));
    faults
}

/// Returns whether the row is a heading, which needs no test.
fn is_heading(row: &Row) -> bool {
    !row.statement.ends_with(['.', ':', '"', '}']) && !row.statement.starts_with("oi ")
}

fn is_advice(row: &Row) -> bool {
    row.tests == "advice"
}

/// Returns a Markdown page without its headings and table heads.
fn sentences(page: &str) -> String {
    let lines: Vec<&str> = page.lines().collect();
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|-"));
    let kept = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !line.starts_with('#') && !is_head(*at));
    kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
}

/// Returns `SECURITY.md` after "Reporting a vulnerability", and its table.
fn security() -> (String, &'static str) {
    let start = SECURITY.find("## What is guarded").expect("the section");
    (sentences(&SECURITY[start..]), tables()[0])
}

/// Returns the tables of `SECURITY.md` and of `docs/postgresql.md`.
fn tables() -> [&'static str; 2] {
    let (security, postgresql) = STATEMENTS
        .split_once("## docs/postgresql.md")
        .expect("two tables");
    [security, postgresql]
}

#[test]
fn every_sentence_of_the_specification_has_a_row_with_tests_that_exist() {
    assert_eq!(faults(PAGE, SPECIFICATION, is_heading), [""; 0]);
}

#[test]
fn every_sentence_of_security_md_has_a_test_or_is_advice() {
    let (page, table) = security();
    assert_eq!(faults(&page, table, is_advice), [""; 0]);
}

#[test]
fn every_sentence_on_postgresql_has_a_test_or_is_advice() {
    // Another test runs the code blocks.
    let page: String = POSTGRESQL.split("```").step_by(2).collect();
    assert_eq!(faults(&sentences(&page), tables()[1], is_advice), [""; 0]);
}

#[test]
fn the_table_shows_a_new_sentence_a_lost_one_and_an_untested_one() {
    let (page, table) = security();
    let found = faults(&format!("{page}\nUntested."), table, is_advice);
    assert_eq!(found, ["without a row: Untested."]);
    let found = faults("", table, |_| false).join("\n");
    assert!(found.contains("not on the page: "), "{found}");
    assert!(found.contains("without a test: "), "{found}");
    let table = "| a | b |\n|---|---|\n| x | `SECURITY.md`: `not_there` |\n";
    let found = faults("x", table, is_advice);
    assert_eq!(found, ["no such test: SECURITY.md: not_there"]);
}

#[test]
fn no_crate_has_unsafe_code_or_openssl() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &Path| fs::read_to_string(path).expect("a file");
    let workspace = read(&root.join("Cargo.toml"));
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let locked = read(&root.join("Cargo.lock"));
    for name in ["openssl", "openssl-sys"] {
        assert!(!locked.contains(&format!("name = \"{name}\"")), "{name}");
    }
    let (_, members) = workspace.split_once("members = [").expect("members");
    let (members, _) = members.split_once(']').expect("an end");
    for member in members.split('"').skip(1).step_by(2) {
        let manifest = read(&root.join(member).join("Cargo.toml"));
        // Examples name it themselves, since other repositories copy them.
        let own = member.starts_with("examples/") && manifest.contains("unsafe_code = \"forbid\"");
        assert!(
            own || manifest.contains("[lints]\nworkspace = true"),
            "{member}"
        );
    }
}
