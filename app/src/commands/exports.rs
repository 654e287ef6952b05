//! Exports of the audit log, as `oi settings admin audit export` writes them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use openindex_adapters_http::wire::INCOMPLETE_ROW;
use openindex_domain::audit::AuditAction;
use openindex_domain::clock::Timestamp;
use openindex_domain::restore::ExportedEvent;
use serde::Deserialize;

/// An element of the JSON array, or a row of the CSV.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: String,
    #[serde(default)]
    at: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    subject: String,
    /// Only in the marker at the end of an interrupted export.
    #[serde(default)]
    incomplete: bool,
}

/// Reads an export.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<ExportedEvent>> {
    let read = || -> anyhow::Result<Vec<ExportedEvent>> {
        let mut file = BufReader::new(File::open(path)?);
        if file.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
            // The mark that some editors begin a file with.
            file.consume(3);
        }
        let rows: Vec<Row> = match file.fill_buf()?.first() {
            Some(b'[') => {
                serde_json::from_reader(file).map_err(|error| match error.classify() {
                    serde_json::error::Category::Eof => incomplete(),
                    _ => anyhow!(error),
                })?
            }
            Some(b'i') => {
                let rows = csv::Reader::from_reader(file).into_deserialize();
                rows.collect::<Result<_, _>>()?
            }
            Some(0x1F) => bail!("is compressed; unpack it first"),
            _ => bail!("must be JSON or CSV as `oi settings admin audit export` writes it"),
        };
        if rows.is_empty() {
            bail!("contains no events");
        }
        rows.iter().map(event).collect()
    };
    read().with_context(|| format!("cannot use --revocations {}", path.display()))
}

fn incomplete() -> anyhow::Error {
    anyhow!("the export was interrupted, so its oldest events are missing; use a complete one")
}

fn event(row: &Row) -> anyhow::Result<ExportedEvent> {
    if row.incomplete || row.id == INCOMPLETE_ROW {
        return Err(incomplete());
    }
    let Row { id, action, .. } = row;
    let invalid = |field: &str| anyhow!("event {id} has an invalid {field}");
    Ok(ExportedEvent {
        at: Timestamp::parse_rfc3339(&row.at).ok_or_else(|| invalid("time"))?,
        id: id.parse().map_err(|_| invalid("id"))?,
        action: AuditAction::parse(action)
            .ok_or_else(|| anyhow!("event {id} has an unknown action; use the newest oi-server"))?,
        subject: row.subject.parse().map_err(|_| invalid("subject"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<usize, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&file, text).expect("written");
        let read = read(file.path()).map(|events| events.len());
        read.map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_export_is_read_whole_or_not_at_all() {
        let event = r#"{"id":"evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2","at":"2026-01-01T00:00:00.000Z",
            "actor":{"kind":"operator"},"action":"token.revoked","related":null,
            "subject":"pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"}"#;
        let row = "id,at,actorKind,action,subject\n\
            evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2,2026-01-01T00:00:00.000Z,token,token.revoked,\
            pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2\n";
        assert_eq!(read_text(&format!("[\n{event},\n{event}\n]\n")), Ok(2));
        assert_eq!(read_text(row), Ok(1));
        let unknown = event.replace("token.revoked", "token.frozen");
        for (text, expected) in [
            ("", "must be JSON or CSV"),
            ("hello", "must be JSON or CSV"),
            ("[]", "no events"),
            (&format!("[\n{event}"), "interrupted"),
            (
                &format!("[\n{event},\n{{\"incomplete\":true}}\n"),
                "interrupted",
            ),
            (&format!("{row}#incomplete,,,,\n"), "interrupted"),
            (&format!("[{unknown}]"), "unknown action"),
            ("[{}]", "invalid"),
            ("{\"items\":[]}", "must be JSON or CSV"),
        ] {
            let error = read_text(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
