//! `docs/specification.md` covers the whole page, and the tests that it names are there.

use std::fs;
use std::path::Path;

use crate::page::PAGE;

const TABLE: &str = include_str!("../../../docs/specification.md");

/// What is in the table: a statement as the page has it, and the tests that hold it.
fn rows() -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| "));
    rows.skip(1)
        .map(|line| {
            let (statement, tests) = line[2..]
                .trim_end_matches('|')
                .rsplit_once(" | ")
                .expect("two columns");
            // Each as `folder/file.rs`: `test`.
            let quoted: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
            let pairs = quoted.chunks(2).map(|pair| match pair {
                [file, test] => (*file, *test),
                _ => panic!("a file and a test: {tests}"),
            });
            (statement.trim().replace("\\|", "|"), pairs.collect())
        })
        .collect()
}

#[test]
fn every_sentence_of_the_page_has_a_row() {
    let mut statements: Vec<String> = rows().into_iter().map(|(statement, _)| statement).collect();
    statements.sort_by_key(|statement| std::cmp::Reverse(statement.len()));
    let page = PAGE.lines().collect::<Vec<_>>().join(" ");
    let mut rest = page.clone();
    for statement in &statements {
        assert!(
            page.contains(statement.as_str()),
            "{statement:?} is of the page"
        );
        rest = rest.replace(statement.as_str(), "");
    }
    // What is left are the rules of its tables and the marks of its lists.
    let left: Vec<&str> = rest
        .split_whitespace()
        .filter(|word| !word.chars().all(|c| "|-".contains(c)))
        .collect();
    assert!(left.is_empty(), "without a row: {left:?}");
}

#[test]
fn every_test_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut held = 0;
    for (statement, tests) in rows() {
        for (file, test) in &tests {
            let text = fs::read_to_string(root.join(file));
            let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(&format!("fn {test}(")), "{file} has {test}");
        }
        held += usize::from(!tests.is_empty());
        // Only a heading says nothing that could be held.
        let says = statement.ends_with(['.', ':', '"', '}']) || statement.starts_with("oi ");
        assert!(!says || !tests.is_empty(), "{statement}");
    }
    assert!(held >= 40, "only {held} statements are held");
}
