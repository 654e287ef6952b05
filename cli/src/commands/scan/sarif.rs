//! The result in the Static Analysis Results Interchange Format (SARIF 2.1.0, OASIS).

use openindex_domain::token::{Secret, TokenKind};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::result::{Finding, Output, kind_names};

/// What is encoded in a path that becomes a relative reference (RFC 3986, section 4.2).
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns the log with one run.
pub(super) fn log(output: &Output) -> Value {
    let results: Vec<Value> = output.findings.iter().map(result).collect();
    let unreadable = output.unreadable.iter().map(|file| {
        json!({
            "level": "error",
            "message": {"text": format!("cannot read {}: {}", file.path, file.error)},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(&file.path)}}}],
        })
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "oi scan",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": TokenKind::ALL.map(rule),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": output.unreadable.is_empty(),
                "toolExecutionNotifications": unreadable.collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    })
}

fn rule(kind: TokenKind) -> Value {
    let (name, prefix) = kind_names(kind.as_str());
    json!({
        "id": rule_id(kind.as_str()),
        "shortDescription": {"text": format!("OpenIndex {name} ({prefix}…)")},
        "help": {"text": "Revoke the token with `oi scan --report` or `oi report-leak`, then remove \
                          it. Removing it alone does not help: it is in the history."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"security-severity": "9.0", "tags": ["security"]},
    })
}

fn result(finding: &Finding) -> Value {
    let origin = finding.origin();
    let origin = if origin.is_empty() {
        String::new()
    } else {
        format!(" ({})", origin.join(", "))
    };
    let kinds = TokenKind::ALL.map(TokenKind::as_str);
    json!({
        "ruleId": rule_id(finding.kind),
        "ruleIndex": kinds.iter().position(|kind| *kind == finding.kind),
        "level": "error",
        "message": {"text": format!("{}{origin}", finding.what())},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&finding.path)},
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endColumn": finding.column + Secret::CHARS as u64,
            },
        }}],
    })
}

fn rule_id(kind: &str) -> String {
    format!("openindex/{}", kind.replace('_', "-"))
}

/// Returns a URI reference of a path: relative as given, or a file URL if it is absolute.
fn uri(path: &str) -> String {
    let encoded = utf8_percent_encode(path.strip_prefix("./").unwrap_or(path), PATH).to_string();
    if path.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded
    }
}
