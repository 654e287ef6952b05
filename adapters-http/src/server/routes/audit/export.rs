//! The audit log as a file, streamed page by page.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Frame;
use http_body_util::StreamBody;
use openindex_domain::access::Principal;
use openindex_domain::audit::{self, Audit, AuditCursor, AuditFilter};
use openindex_domain::page::MAX_PAGE;
use openindex_domain::session::Sessions;
use openindex_domain::token::Tokens;

use crate::server::query::Query;
use crate::server::state::Shared;
use crate::server::{ApiState, Code, HumanAdmin, Problem, to_wire};
use crate::wire::{
    AuditEvent, AuditQuery, ExportFormat, ExportQuery, INCOMPLETE_ROW, IncompleteExport,
};

/// The trailer of a complete export, for clients that send `TE: trailers`: the number of events.
const TRAILER: &str = "x-export-events";

/// How long the incomplete marker has to reach the client before the connection is closed in the
/// middle of the body, which discards unsent data.
const MARK_GRACE: Duration = Duration::from_secs(1);

/// Export the audit log
///
/// Returns one JSON array, or CSV with a header, newest event first. The export is streamed, and
/// the token is verified again every 200 events.
///
/// If the token is no longer accepted or the database fails, the export ends with a marker, and the
/// connection is closed without the end of the chunked body. In JSON, the marker is a last element
/// `{"incomplete": true, "status": …, "code": …, "detail": …}`, and the array is not closed. In
/// CSV, it is a last row with `#incomplete` as the id, the time, the code as `action`, the reason
/// as `subject` and the status as `clientAddress`.
///
/// A complete export ends with the end of the chunked body and, for clients that send
/// `TE: trailers`, the trailer `X-Export-Events` with the number of events.
#[utoipa::path(get, path = "/audit/export", tag = "admin", operation_id = "exportAuditEvents",
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
    stream_export(&state, principal, filter.into(), format).await
}

/// Streams the audit events that match the filter. The credential of `principal` is verified again
/// for each page.
pub(crate) async fn stream_export(
    state: &ApiState,
    principal: Principal,
    filter: AuditFilter,
    format: ExportFormat,
) -> Result<Response, Problem> {
    let (content_type, name) = match format {
        ExportFormat::Json => ("application/json", "audit.json"),
        ExportFormat::Csv => ("text/csv; charset=utf-8", "audit.csv"),
    };
    let mut export = Export {
        tokens: state.tokens.clone(),
        sessions: state.sessions.clone(),
        audit: state.audit.clone(),
        principal,
        filter,
        format,
        // Set by the first page.
        position: Position::Done,
        events: 0,
    };
    // Load the first page before sending the status, so that an outage is a 503.
    let first = export.page(None).await?;
    let frames = stream::unfold((export, Some(first)), |(mut export, first)| async move {
        let frame = match first {
            Some(first) => Ok(Frame::data(first)),
            None => export.next().await?,
        };
        Some((frame, (export, None)))
    });
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
        (header::TRAILER, TRAILER.to_owned()),
    ];
    Ok((headers, Body::new(StreamBody::new(frames))).into_response())
}

/// The next part of an export.
#[derive(Debug, Clone, Copy)]
enum Position {
    After(AuditCursor),
    Trailer,
    /// The incomplete marker was sent.
    Cut,
    Done,
}

/// Closes the connection in the middle of the body.
#[derive(Debug, thiserror::Error)]
#[error("the export is incomplete")]
struct Incomplete;

/// An export in progress. It holds no database connection between pages, so a client that stops
/// reading blocks only its own connection.
struct Export {
    tokens: Tokens,
    sessions: Sessions,
    audit: Audit,
    principal: Principal,
    filter: AuditFilter,
    format: ExportFormat,
    position: Position,
    events: usize,
}

impl Export {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, Incomplete>> {
        match self.position {
            Position::Done => None,
            Position::After(cursor) => Some(Ok(Frame::data(self.verified_page(cursor).await))),
            Position::Trailer => {
                self.position = Position::Done;
                let events = HeaderValue::from(self.events);
                let trailers = HeaderMap::from_iter([(HeaderName::from_static(TRAILER), events)]);
                Some(Ok(Frame::trailers(trailers)))
            }
            Position::Cut => {
                self.position = Position::Done;
                tokio::time::sleep(MARK_GRACE).await;
                Some(Err(Incomplete))
            }
        }
    }

    /// Verifies the credential again: a token or a browser session.
    async fn verified(&self) -> Result<Principal, Problem> {
        if self.principal.session().is_none() {
            return Ok(self.tokens.reverify(&self.principal).await?);
        }
        let verified = self.sessions.reverify(&self.principal).await?;
        let ended = "the browser session ended during the export; sign in again and retry";
        verified.ok_or_else(|| Problem::new(Code::AuthenticationRequired, ended))
    }

    /// Returns the page after `cursor` if the credential is still accepted, otherwise the marker.
    async fn verified_page(&mut self, cursor: AuditCursor) -> Bytes {
        let page = match self.verified().await {
            Ok(principal) => {
                // The owner may no longer be an administrator.
                self.principal = principal;
                self.page(Some(cursor)).await
            }
            Err(problem) => Err(problem),
        };
        page.unwrap_or_else(|problem| {
            let code = problem.code().as_str();
            tracing::warn!(code, events = self.events, "audit export interrupted");
            self.position = Position::Cut;
            self.mark(&problem).into()
        })
    }

    async fn page(&mut self, after: Option<AuditCursor>) -> Result<Bytes, Problem> {
        let page = self
            .audit
            .list(&self.principal, &self.filter, after, MAX_PAGE)
            .await?;
        let mentioned = page.events.iter().flat_map(audit::AuditEvent::mentions);
        let names = self.audit.names(&self.principal, mentioned).await?;
        self.position = page.next.map_or(Position::Trailer, Position::After);
        self.events += page.events.count();
        let (first, last) = (after.is_none(), page.next.is_none());
        let events = to_wire::events(&page.events, &names);
        Ok(match self.format {
            ExportFormat::Json => json(&events, first, last).into(),
            ExportFormat::Csv => csv(&events, first).into(),
        })
    }

    /// Returns the marker that ends an incomplete export.
    fn mark(&self, problem: &Problem) -> Vec<u8> {
        let body = problem.body();
        match self.format {
            ExportFormat::Json => {
                let mark = IncompleteExport {
                    incomplete: true,
                    status: body.status,
                    code: body.code,
                    detail: body.detail,
                };
                let mark = serde_json::to_string(&mark).unwrap_or_default();
                format!(",\n{mark}\n").into_bytes()
            }
            ExportFormat::Csv => {
                let at = self.tokens.now().to_string();
                let status = body.status.to_string();
                let mut row = [""; COLUMNS];
                row[0] = INCOMPLETE_ROW;
                row[1] = &at;
                row[5] = &body.code;
                row[6] = &body.detail;
                row[9] = &status;
                rows([row])
            }
        }
    }
}

fn json(events: &[AuditEvent], first: bool, last: bool) -> String {
    let mut text = String::from(if first { "[" } else { "" });
    for (index, event) in events.iter().enumerate() {
        text.push_str(if first && index == 0 { "\n" } else { ",\n" });
        // An event contains only text, which always serializes.
        text.push_str(&serde_json::to_string(event).unwrap_or_default());
    }
    text.push_str(if last { "\n]\n" } else { "" });
    text
}

fn csv(events: &[AuditEvent], first: bool) -> Vec<u8> {
    let header = first.then_some(HEADER);
    let text = |field: &'_ Option<String>| field.clone().unwrap_or_default();
    let mut file = rows(header);
    for event in events {
        let emails = event.email_change.as_ref();
        file.extend(rows([[
            event.id.as_str(),
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
            &text(&event.actor.user_name),
            &text(&event.actor.credential_name),
            &text(&event.subject_name),
            &text(&event.related_name),
        ]]));
    }
    file
}

const COLUMNS: usize = 16;

const HEADER: [&str; COLUMNS] = [
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
    "actorUserName",
    "actorCredentialName",
    "subjectName",
    "relatedName",
];

fn rows<'a>(rows: impl IntoIterator<Item = [&'a str; COLUMNS]>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory cannot fail.
        let _ = writer.write_record(row.map(harmless));
    }
    writer.into_inner().unwrap_or_default()
}

/// Request ids are client input; a spreadsheet must not run them as a formula.
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
