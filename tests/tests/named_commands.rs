//! Every `oi` and `oi-server` command that a text names, held against the built programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use openindex_tests::binary;
use openindex_tests::texts::{self, Text};

/// Words after the name of a program or a command that continue the sentence.
const PROSE: [&str; 12] = [
    "and", "asks", "cannot", "for", "if", "is", "printed", "prints", "supports", "to", "uses",
    "with",
];

/// A command, with its subcommands by each of their names.
struct Node {
    help: String,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn read(path: &[String]) -> Self {
        let output = Command::new(binary(&path[0]))
            .args(&path[1..])
            .arg("--help")
            .output()
            .expect("the program runs");
        let help = String::from_utf8(output.stdout).expect("text");
        let mut children = BTreeMap::new();
        let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in lines.take_while(|line| !line.is_empty()) {
            // Descriptions that are wrapped are indented further.
            let name = line.strip_prefix("  ").filter(|it| !it.starts_with(' '));
            let Some(name) = name.and_then(|it| it.split_whitespace().next()) else {
                continue;
            };
            let path = [path, &[name.to_owned()]].concat();
            if name != "help" {
                children.insert(name.to_owned(), Self::read(&path));
            }
        }
        Self { help, children }
    }

    /// Returns what is wrong with the words after the program's name.
    fn fault(&self, words: &[&str]) -> Option<String> {
        let mut node = self;
        let mut words = words.iter().copied().peekable();
        while let Some(child) = words.peek().and_then(|word| node.children.get(*word)) {
            node = child;
            words.next();
        }
        let is_name = |word: &&str| {
            let mut bytes = word.bytes();
            bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
                && bytes.all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        if !node.children.is_empty()
            && let Some(word) = words.peek().filter(|word| is_name(word))
            && !PROSE.contains(word)
        {
            return Some(format!("no command {word}"));
        }
        let mut flags = words.filter_map(|word| word.strip_prefix("--"));
        let unknown = flags.find(|flag| {
            let flag = flag.split(['=', '[']).next().unwrap_or_default();
            let mut known = self.help.split(|c: char| !c.is_alphanumeric() && c != '-');
            let mut own = node.help.split(|c: char| !c.is_alphanumeric() && c != '-');
            let flag = format!("--{flag}");
            !flag.is_empty() && !own.any(|it| it == flag) && !known.any(|it| it == flag)
        });
        unknown.map(|flag| format!("no flag --{flag}"))
    }
}

/// Returns the words after each mention of the program in the text, up to the end of the command.
fn mentions<'a>(program: &str, text: &'a str) -> Vec<Vec<&'a str>> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&format!("{program} ")) {
        let is_whole = !text[..at].ends_with(|c: char| c.is_alphanumeric() || "-_./…".contains(c));
        if !is_whole {
            continue;
        }
        let rest = &text[at + program.len() + 1..];
        let end = rest.find(['`', '"', '|', '>', '<', ';', ')', ',', '\n', '\'', '\\']);
        let words = rest[..end.unwrap_or(rest.len())].split_whitespace();
        let words = words.map(|word| word.trim_end_matches(['.', '?', ':']));
        found.push(words.collect());
    }
    found
}

fn documents() -> Vec<Text> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut documents = Vec::new();
    for folder in [".", "docs"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|found| found == "md") {
                let text = fs::read_to_string(&path).expect("a readable file");
                let source = path.display().to_string();
                documents.push(Text { source, text });
            }
        }
    }
    documents
}

#[test]
fn every_command_that_a_text_names_exists() {
    let mut faults = Vec::new();
    let texts = [texts::all(), documents()].concat();
    for program in ["oi", "oi-server"] {
        let tree = Node::read(&[program.to_owned()]);
        assert!(tree.children.len() > 4, "{program}");
        let mut count = 0;
        for Text { source, text } in &texts {
            for words in mentions(program, text) {
                count += 1;
                if let Some(fault) = tree.fault(&words) {
                    faults.push(format!("{source}: {program} {}: {fault}", words.join(" ")));
                }
            }
        }
        assert!(count > 10, "{count} mentions of {program}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
