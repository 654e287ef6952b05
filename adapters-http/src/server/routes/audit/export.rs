//! The audit trail as a file, streamed page by page.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header;
use openindex_domain::access::Principal;
use openindex_domain::audit::{Audit, AuditCursor, AuditError, AuditFilter};
use openindex_domain::user::MAX_PAGE;

use crate::server::api::Shared;
use crate::server::query::Query;
use crate::server::{HumanAdmin, Problem, to_wire};
use crate::wire::{AuditEvent, AuditQuery, ExportFormat, ExportQuery};

/// The audit trail as a file, the newest first.
///
/// One JSON array, or CSV with a header. It is streamed: when the connection ends before the array
/// is closed, the file is not whole.
#[utoipa::path(get, path = "/audit/export", tag = "admin", operation_id = "exportAudit",
    params(ExportQuery, AuditQuery),
    responses((status = 200, description = "The events", content(
        (Vec<AuditEvent> = "application/json"),
        (String = "text/csv"),
    ))))]
pub(in crate::server) async fn export(
    HumanAdmin(principal): HumanAdmin,
    State(state): State<Shared>,
    Query(ExportQuery { format }, filter): Query<ExportQuery, AuditQuery>,
) -> Result<Response, Problem> {
    let format = format.unwrap_or(ExportFormat::Json);
    let (content_type, name) = match format {
        ExportFormat::Json => ("application/json", "audit.json"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "audit.csv"),
    };
    let mut export = Export {
        audit: state.audit.clone(),
        principal,
        filter: filter.into(),
        format,
        position: Position::First,
        ready: VecDeque::new(),
    };
    // The first page is asked for before the status is sent, so that an outage is a 503.
    export.advance().await?;
    let chunks = stream::unfold(export, |mut export| async move {
        let chunk = export.next().await?;
        Some((chunk, export))
    });
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Where an export stands.
#[derive(Debug, Clone, Copy)]
enum Position {
    First,
    After(AuditCursor),
    Done,
}

struct Export {
    audit: Audit,
    principal: Principal,
    filter: AuditFilter,
    format: ExportFormat,
    position: Position,
    ready: VecDeque<Bytes>,
}

impl Export {
    async fn next(&mut self) -> Option<Result<Bytes, AuditError>> {
        if self.ready.is_empty()
            && let Err(error) = self.advance().await
        {
            tracing::error!(%error, "an export of the audit trail broke off");
            self.position = Position::Done;
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }

    /// Asks for the next page and makes a chunk of it.
    async fn advance(&mut self) -> Result<(), AuditError> {
        let (first, after) = match self.position {
            Position::First => (true, None),
            Position::After(cursor) => (false, Some(cursor)),
            Position::Done => return Ok(()),
        };
        let page = self
            .audit
            .list(&self.principal, &self.filter, after, MAX_PAGE)
            .await?;
        self.position = page.next.map_or(Position::Done, Position::After);
        let last = page.next.is_none();
        let events: Vec<AuditEvent> = page.events.iter().map(to_wire::event).collect();
        let chunk = match self.format {
            ExportFormat::Json => json(&events, first, last).into_bytes(),
            ExportFormat::Csv => csv(&events, first),
        };
        self.ready.push_back(chunk.into());
        Ok(())
    }
}

fn json(events: &[AuditEvent], first: bool, last: bool) -> String {
    let mut text = String::from(if first { "[" } else { "" });
    for (index, event) in events.iter().enumerate() {
        text.push_str(if first && index == 0 { "\n" } else { ",\n" });
        // An event is text alone, which serializes always.
        text.push_str(&serde_json::to_string(event).unwrap_or_default());
    }
    text.push_str(if last { "\n]\n" } else { "" });
    text
}

fn csv(events: &[AuditEvent], first: bool) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let mut row = |fields: [&str; 12]| {
        let _ = writer.write_record(fields.map(harmless));
    };
    if first {
        row([
            "id",
            "at",
            "actorKind",
            "actorUserId",
            "actorCredentialId",
            "action",
            "subject",
            "related",
            "requestId",
            "clientAddress",
            "emailFrom",
            "emailTo",
        ]);
    }
    for event in events {
        let text = |field: &'_ Option<String>| field.clone().unwrap_or_default();
        let emails = event.email_change.as_ref();
        row([
            &event.id,
            &event.at,
            &event.actor.kind,
            &text(&event.actor.user_id),
            &text(&event.actor.credential_id),
            &event.action,
            &event.subject,
            &text(&event.related),
            &text(&event.request_id),
            &text(&event.client_address),
            emails.map_or("", |emails| &emails.from),
            emails.map_or("", |emails| &emails.to),
        ]);
    }
    writer.into_inner().unwrap_or_default()
}

/// A request id is the client's own text; a spreadsheet must not take it for a formula.
fn harmless(field: &str) -> String {
    if field.starts_with(['=', '+', '-', '@']) {
        format!("'{field}")
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_defused() {
        assert_eq!(harmless("=cmd|'/c calc'!A1"), "'=cmd|'/c calc'!A1");
        assert_eq!(harmless("req_1"), "req_1");
    }
}
