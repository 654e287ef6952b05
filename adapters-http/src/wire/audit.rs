use openindex_domain::audit::{AuditAction, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::user::UserId;
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, optional, text};
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;

wire! { response
/// The actor of an audit event.
AuditActor {
    /// `token`, `session`, `operator` or `anonymous`.
    kind: String,
    /// User id; null unless a user made the change.
    user_id: Option<String> [value_type = Option<schema::UserId>],
    /// Token (`pat_…` or `run_…`) or browser session (`ses_…`) that was used.
    credential_id: Option<String> [value_type = Option<schema::CredentialId>],
    /// Current name of the user; null if deleted or unknown.
    user_name: Option<String>,
    /// Current name of the token, or the agent of the run; null for a browser session, and once the
    /// token is no longer stored.
    credential_name: Option<String>,
}}

wire! { response
/// The change of a user's email address.
EmailChange {
    /// Old address.
    from: String [value_type = schema::EmailAddress],
    /// New address.
    to: String [value_type = schema::EmailAddress],
}}

wire! { response
/// An event of the audit log.
AuditEvent {
    /// Event id, for example `evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    id: String [value_type = schema::AuditEventId],
    /// Time of the event.
    at: String [format = DateTime],
    /// Who made the change.
    actor: AuditActor,
    /// Action, for example `token.created`.
    action: String,
    /// Id of the user, token, session, invite or work item that was changed.
    subject: String [value_type = schema::SubjectId],
    /// Id of a related object, for example the token that replaced a rotated one.
    related: Option<String> [value_type = Option<schema::SubjectId>],
    /// Current name of the user, token or agent in `subject`, or the address of the invite; null if
    /// it has none or is no longer stored.
    subject_name: Option<String>,
    /// The same for `related`.
    related_name: Option<String>,
    /// Old and new email address; only for `user.email_changed`.
    email_change: Option<EmailChange>,
    /// Request id, also in the server log.
    request_id: Option<String>,
    /// IP address of the client.
    client_address: Option<String>,
}}

wire! { response
/// A page of audit events, newest first.
AuditList {
    /// Events on this page.
    items: Vec<AuditEvent>,
    /// Value of `cursor` for the next page; null on the last page.
    next_cursor: Option<String>,
}}

wire! { query
/// Filters for audit events; an event must match all of them.
AuditQuery {
    /// User who made the change.
    actor: Option<UserId> = "optional" [value_type = Option<schema::UserId>],
    /// Action, for example `token.created`.
    action: Option<AuditAction> = "optional" [value_type = Option<schema::AuditAction>],
    /// User, token, session, invite or work item that was changed.
    subject: Option<Subject> = "optional" [value_type = Option<schema::SubjectId>],
    /// Start of the period, inclusive: a date or date-time.
    since: Option<Timestamp> = "optional" [value_type = Option<schema::DateOrDateTime>],
    /// End of the period, exclusive: a date or date-time.
    until: Option<Timestamp> = "optional" [value_type = Option<schema::DateOrDateTime>],
}}

/// The format of an audit log export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One JSON array of events.
    Json,
    /// CSV with a header, one row per event.
    Csv,
}

impl ExportFormat {
    /// Returns the name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

text! {
    ExportFormat: |text| match text {
        "json" => Ok(Self::Json),
        "csv" => Ok(Self::Csv),
        _ => Err("must be json or csv"),
    }, |format| format.as_str().to_owned();
}

wire! { query
/// The format of an export.
ExportQuery {
    /// Format of the export: `json` (default) or `csv`.
    format: Option<ExportFormat> = "optional" [inline, value_type = Option<ExportFormat>],
}}

/// The last element of an incomplete JSON export; the array is not closed after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncompleteExport {
    /// Always true.
    pub incomplete: bool,
    /// HTTP status that the rest would have had: 401, 403, 500 or 503.
    pub status: u16,
    /// Kind of problem, for example `token_revoked`.
    pub code: String,
    /// Why the rest is missing, and what to do about it.
    pub detail: String,
}

/// The id in the last row of an incomplete CSV export; no event has it.
pub const INCOMPLETE_ROW: &str = "#incomplete";

impl IncompleteExport {
    /// Parses the marker at the end of an incomplete export; `None` if there is none.
    #[must_use]
    pub fn at_end_of(export: &str) -> Option<Self> {
        let line = export.strip_suffix('\n')?.rsplit('\n').next()?;
        if let Ok(mark) = serde_json::from_str::<Self>(line) {
            return Some(mark).filter(|mark| mark.incomplete);
        }
        // `#incomplete,<time>,,,,<code>,<detail>,,,<status>,,`
        let fields = line.trim_end_matches(',').strip_prefix(INCOMPLETE_ROW)?;
        let fields = fields.strip_prefix(',')?;
        let (_, fields) = fields.split_once(",,,,")?;
        let (code, fields) = fields.split_once(',')?;
        let (detail, status) = fields.rsplit_once(",,,")?;
        let quoted = detail
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        Some(Self {
            incomplete: true,
            status: status.parse().ok()?,
            code: code.to_owned(),
            detail: quoted.map_or_else(|| detail.to_owned(), |text| text.replace("\"\"", "\"")),
        })
    }
}
