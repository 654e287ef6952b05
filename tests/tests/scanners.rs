//! The rules for secret scanners in `integrations/`, by their regular expressions, on the examples
//! beside them; and `oi scan` on the same. `scripts/scanners` runs gitleaks itself.

use std::collections::HashMap;
use std::path::PathBuf;

use openindex_domain::testing::SeededEntropy;
use openindex_domain::token::{Secret, TokenKind};
use openindex_tests::Oi;
use regex::{Regex, RegexBuilder};

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../integrations").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("a file of the repository")
}

/// A rule: what it matches, the keyword without which it is not tried, and the minimum entropy.
struct Rule {
    regex: Regex,
    keyword: String,
    entropy: f64,
}

impl Rule {
    /// Reads the rules of a file, each with its expression after `regex`.
    fn all(file: &str, regex: &str) -> Vec<Self> {
        let text = read(file);
        let after = |key: &str| {
            let lines = text.lines().map(str::trim);
            let values = lines
                .filter_map(|line| line.strip_prefix(key))
                .map(str::trim);
            values
                .map(|value| value.trim_matches(['\'', '"', '[', ']']).to_owned())
                .collect::<Vec<_>>()
        };
        let keywords = after("keywords = ")
            .into_iter()
            .chain(after("- oi_").into_iter().map(|rest| format!("oi_{rest}")));
        let entropies = after("entropy = ").into_iter().chain(after("entropy:"));
        let rules = after(regex).into_iter().zip(keywords).zip(entropies);
        let rules = rules.map(|((regex, keyword), entropy)| Self {
            // Go's expressions know ASCII only.
            regex: RegexBuilder::new(&regex.replace(r"\b", r"(?-u:\b)"))
                .build()
                .expect("an expression"),
            keyword,
            entropy: entropy.parse().expect("a number"),
        });
        rules.collect()
    }

    fn matches(&self, line: &str) -> bool {
        let found = self.regex.find(line);
        line.contains(&self.keyword)
            && found.is_some_and(|found| entropy(found.as_str()) > self.entropy)
    }
}

/// Returns the Shannon entropy in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = HashMap::new();
    for byte in text.bytes() {
        *counts.entry(byte).or_insert(0_u32) += 1;
    }
    let length = f64::from(u32::try_from(text.len()).expect("a short text"));
    let shares = counts.values().map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

fn rules() -> [Vec<Rule>; 2] {
    [
        Rule::all("gitleaks.toml", "regex = "),
        Rule::all("trufflehog.yaml", "token:"),
    ]
}

#[test]
fn each_rule_matches_the_leaks_and_nothing_else() {
    let (leaks, clean) = (read("examples/leaks.txt"), read("examples/clean.txt"));
    for rules in rules() {
        assert_eq!(rules.len(), TokenKind::ALL.len());
        for line in leaks.lines() {
            let matching = rules.iter().filter(|rule| rule.matches(line)).count();
            assert_eq!(matching, 1, "{line}");
        }
        for line in clean.lines() {
            assert!(!rules.iter().any(|rule| rule.matches(line)), "{line}");
        }
    }
}

#[test]
fn every_token_matches_the_rule_of_its_kind() {
    for rules in rules() {
        for seed in 0..2_000 {
            for (kind, rule) in TokenKind::ALL.into_iter().zip(&rules) {
                let secret = Secret::generate(kind, &SeededEntropy::new(seed)).expect("entropy");
                assert!(rule.matches(secret.expose()), "{kind:?} {seed}");
            }
        }
    }
}

#[test]
fn oi_finds_the_same_leaks() {
    let oi = Oi::new();
    let scan = |name: &str| {
        let path = path(name).display().to_string();
        let output = oi.run(&["scan", &path]);
        let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        let findings = document["findings"].as_array().cloned().expect("a list");
        let lines = findings
            .iter()
            .map(|it| it["line"].as_u64().expect("a line"));
        (output.code, lines.collect::<Vec<_>>())
    };
    let count = read("examples/leaks.txt").lines().count() as u64;
    assert_eq!(scan("examples/leaks.txt"), (1, (1..=count).collect()));
    assert_eq!(scan("examples/clean.txt"), (0, vec![]));
}
