//! What the product says, held against the words that it does not use (`tests/words.txt`).

use std::fs;
use std::path::Path;

use openindex_tests::texts::{self, Text};

/// The words and what to write instead.
fn words() -> Vec<(String, String)> {
    let list = include_str!("../words.txt");
    let entries = list.lines().filter(|line| !line.starts_with('#'));
    entries
        .map(|line| line.split_once(" | ").expect("WORD | reason"))
        .map(|(word, reason)| (word.to_owned(), reason.to_owned()))
        .collect()
}

/// Returns a line for each use of a word.
fn uses(texts: &[Text]) -> Vec<String> {
    let words = words();
    let mut found = Vec::new();
    for Text { source, text } in texts {
        let plain = format!(" {} ", plain(text));
        for (word, instead) in &words {
            if plain.contains(&format!(" {word} ")) {
                found.push(format!("{source}: {word}: {instead}\n    {text}"));
            }
        }
    }
    found
}

/// Returns the words in lower case, each followed by one blank.
fn plain(text: &str) -> String {
    let split = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let words = split.filter(|word| !word.is_empty()).map(str::to_lowercase);
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_word_is_found_whole_and_in_any_case() {
    let text = |text: &str| Text {
        source: "here".to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(
        uses(&[text("The server Answers."), text("It works\nat it.")]).len(),
        2
    );
    assert!(uses(&[text("answers_with"), text("trailing")]).is_empty());
}

#[test]
fn no_text_of_the_product_uses_a_word_of_the_list() {
    let found = uses(&texts::all());
    assert!(
        found.is_empty(),
        "{} uses:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn no_document_uses_a_word_of_the_list() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut documents = vec![];
    for folder in [".", "docs", "bench"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            // The guide quotes what it advises against.
            let is_document = path.extension().is_some_and(|found| found == "md")
                && !path.ends_with("docs/style.md");
            if is_document {
                let text = fs::read_to_string(&path).expect("a readable file");
                documents.extend(text.lines().enumerate().map(|(at, line)| Text {
                    source: format!("{}:{}", path.display(), at + 1),
                    text: line.to_owned(),
                }));
            }
        }
    }
    let found = uses(&documents);
    assert!(
        found.is_empty(),
        "{} uses:\n{}",
        found.len(),
        found.join("\n")
    );
}
