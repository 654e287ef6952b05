//! Every text that a user, an operator or an integrator can meet, so that they can be read in one
//! go: `scripts/texts` prints them, and a test holds them against the words of `docs/style.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use syn::visit::Visit;

use crate::binary;

/// A text and the file or command that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// A path below the repository, a command line, or a place in the API's description.
    pub source: String,
    /// The text, with `…` for what is filled in.
    pub text: String,
}

/// Returns all of them by source: pages, messages in the code, help, the API's description.
///
/// # Panics
///
/// When a program is not built or a file cannot be read.
#[must_use]
pub fn all() -> Vec<Text> {
    let mut texts = Vec::new();
    for path in files("adapters-http/templates", "html") {
        let content = read(&path);
        texts.extend(template(&content).into_iter().map(|text| Text {
            source: path.display().to_string(),
            text,
        }));
    }
    for folder in [
        "adapters-http/src",
        "app/src",
        "cli/src",
        "command-line/src",
        "domain/src",
        "adapters-postgres/src",
        "adapters-sqlite/src",
        "adapters-argon2/src",
        "adapters-system/src",
        "coalescing/src",
        "token-index/src",
    ] {
        for path in files(folder, "rs") {
            if is_test(&path) {
                continue;
            }
            let source = path.display().to_string();
            let texts_of = messages(&read(&path));
            texts.extend(texts_of.into_iter().map(|text| Text {
                source: source.clone(),
                text,
            }));
        }
    }
    for program in ["oi", "oi-server"] {
        help(&mut vec![program.to_owned()], &mut texts);
    }
    texts.extend(description());
    texts
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).expect("a readable file")
}

/// Returns the files below `folder` with this extension, as paths below the repository, sorted.
fn files(folder: &str, extension: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.insert(path);
            }
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == "testing" || part == "tests" || part == "tests.rs"
    })
}

// --- Pages ----------------------------------------------------------------------------------------

/// Elements that stand within a sentence.
const INLINE: [&str; 8] = ["a", "bdi", "b", "code", "em", "kbd", "strong", "span"];
/// Attributes that are read out or shown.
const SHOWN: [&str; 5] = ["aria-label", "alt", "placeholder", "title", "data-label"];

/// Returns the sentences of a template, without markup.
fn template(content: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = content;
    while let Some(at) = rest.find(['<', '{']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (end, filled) = match rest.as_bytes() {
            [b'{', b'{', ..] => ("}}", "…"),
            [b'{', b'%', ..] => ("%}", " "),
            [b'{', b'#', ..] => ("#}", ""),
            [b'<', ..] => (">", ""),
            _ => {
                text.push('{');
                rest = &rest[1..];
                continue;
            }
        };
        let length = rest.find(end).map_or(rest.len(), |at| at + end.len());
        let markup = &rest[..length];
        text.push_str(filled);
        if markup.starts_with('<') {
            let name = markup.trim_start_matches(['<', '/']);
            let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next();
            if !name.is_some_and(|name| INLINE.contains(&name)) {
                text.push('\n');
            }
            for attribute in SHOWN {
                if let Some((_, value)) = markup.split_once(&format!(" {attribute}=\"")) {
                    let value = value.split('"').next().unwrap_or_default();
                    text.insert_str(0, &format!("{}\n", template(value).join(" ")));
                }
            }
        }
        rest = &rest[length..];
    }
    text.push_str(rest);
    sentences(&text)
}

/// Returns each line once, in its order, with single blanks, if it has a letter outside of `…`.
fn sentences(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().any(char::is_alphabetic) && !found.contains(&line) {
            found.push(line);
        }
    }
    found
}

// --- Messages in the code -------------------------------------------------------------------------

/// Returns the string literals of a source file that read as text: those with a blank and a letter,
/// outside of tests, of panics and of SQL.
fn messages(content: &str) -> Vec<String> {
    let file = syn::parse_file(content).expect("Rust");
    let mut literals = Literals::default();
    literals.visit_file(&file);
    literals.0
}

#[derive(Default)]
struct Literals(Vec<String>);

impl Literals {
    fn take(&mut self, text: &str) {
        const SQL: [&str; 15] = [
            "SELECT ", "UNION ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "CREATE ", "ALTER ",
            "DROP ", "PRAGMA ", "SET ", "LOCK ", "AND ", "GRANT ", "REVOKE ",
        ];
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let reads_as_text = text.contains(' ')
            && text.chars().any(char::is_lowercase)
            && !SQL.iter().any(|word| text.starts_with(word));
        if reads_as_text && !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    fn take_tokens(&mut self, tokens: proc_macro2::TokenStream) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Group(group) => self.take_tokens(group.stream()),
                proc_macro2::TokenTree::Literal(literal) => {
                    if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                        self.take(&text.value());
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Literals {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let is_test = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| list.tokens.to_string().contains("test"))
        });
        if !is_test {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        // Those of thiserror. Doc comments of arguments are in the programs' help.
        if attribute.path().is_ident("error")
            && let syn::Meta::List(list) = &attribute.meta
        {
            self.take_tokens(list.tokens.clone());
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "expect" {
            self.visit_expr(&call.receiver);
        } else {
            syn::visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.take(&text.value());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|name| name.ident.to_string());
        let panics = [
            "assert",
            "assert_eq",
            "debug_assert",
            "panic",
            "unreachable",
        ];
        if !name.is_some_and(|name| panics.contains(&name.as_str())) {
            self.take_tokens(call.tokens.clone());
        }
    }
}

// --- Help -----------------------------------------------------------------------------------------

/// Adds the help of a command and of all commands below it.
fn help(command: &mut Vec<String>, texts: &mut Vec<Text>) {
    let output = Command::new(binary(&command[0]))
        .args(&command[1..])
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .expect("the program runs");
    let output = String::from_utf8(output.stdout).expect("UTF-8");
    texts.push(Text {
        source: command.join(" "),
        text: output.trim_end().to_owned(),
    });
    let commands = output.split("\nCommands:\n").nth(1).unwrap_or_default();
    for line in commands.lines().take_while(|line| !line.is_empty()) {
        // A continued description is indented further.
        let Some(name) = line
            .strip_prefix("  ")
            .filter(|line| !line.starts_with(' '))
        else {
            continue;
        };
        let name = name.split(' ').next().unwrap_or_default();
        if name != "help" {
            command.push(name.to_owned());
            help(command, texts);
            command.pop();
        }
    }
}

// --- The API's description ------------------------------------------------------------------------

fn description() -> BTreeSet<Text> {
    let output = Command::new(binary("oi-server")).arg("openapi").output();
    let output = output.expect("the program runs").stdout;
    let document: Value = serde_json::from_slice(&output).expect("JSON");
    let mut texts = BTreeSet::new();
    collect(&document, &mut "openapi".to_owned(), &mut texts);
    texts
}

fn collect(value: &Value, at: &mut String, texts: &mut BTreeSet<Text>) {
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(items) => (0..).map(|at: usize| at.to_string()).zip(items).collect(),
        _ => return,
    };
    for (key, value) in entries {
        let is_shown = ["summary", "description", "title", "detail"].contains(&key.as_str());
        if let Value::String(text) = value
            && is_shown
        {
            texts.insert(Text {
                source: at.clone(),
                text: text.clone(),
            });
        } else {
            let length = at.len();
            at.push('/');
            at.push_str(&key);
            collect(value, at, texts);
            at.truncate(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_read_without_its_markup() {
        let html = "<h1>Tokens</h1>{# hidden #}<p>You have <b>{{ count }}</b> of\n  them.</p>\
            {% if x %}<input placeholder=\"A name\" class=\"no text\">{% endif %}";
        assert_eq!(
            template(html),
            ["A name", "Tokens", "You have … of", "them."]
        );
    }

    #[test]
    fn messages_are_found_in_macros_attributes_and_calls_and_not_in_tests() {
        let source = r#"
            #[derive(Error)]
            #[error("a first text")]
            struct E;
            fn f() {
                warn!(error = %e, "a second text");
                g("a third text", "SELECT a FROM b", "word");
                h.expect("no text of ours");
            }
            #[cfg(test)]
            mod tests { fn t() { g("a test's text"); } }
        "#;
        let expected = ["a first text", "a second text", "a third text"];
        assert_eq!(messages(source), expected);
    }
}
