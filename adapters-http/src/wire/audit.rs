use openindex_domain::audit::{AuditAction, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::user::UserId;
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, optional, text};
#[cfg(feature = "server")]
use super::schema;

/// The actor of an audit event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `token`, `session`, `operator` or `anonymous`.
    pub kind: String,
    /// User id; null unless a user made the change.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub user_id: Option<String>,
    /// Token (`pat_…` or `run_…`) or browser session (`ses_…`) that was used.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::CredentialId>))]
    pub credential_id: Option<String>,
    /// Current name of the user; null if deleted or unknown.
    pub user_name: Option<String>,
    /// Current name of the token, or the agent of the run; null for a browser session, and once the
    /// token is no longer stored.
    pub credential_name: Option<String>,
}

/// The change of a user's email address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EmailChange {
    /// Old address.
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub from: String,
    /// New address.
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub to: String,
}

/// An event of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Event id, for example `evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::AuditEventId))]
    pub id: String,
    /// Time of the event.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub at: String,
    /// Who made the change.
    pub actor: AuditActor,
    /// Action, for example `token.created`.
    pub action: String,
    /// Id of the user, token, session, invite or work item that was changed.
    #[cfg_attr(feature = "server", schema(value_type = schema::SubjectId))]
    pub subject: String,
    /// Id of a related object, for example the token that replaced a rotated one.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::SubjectId>))]
    pub related: Option<String>,
    /// Current name of the user, token or agent in `subject`, or the address of the invite; null if
    /// it has none or is no longer stored.
    pub subject_name: Option<String>,
    /// The same for `related`.
    pub related_name: Option<String>,
    /// Old and new email address; only for `user.email_changed`.
    pub email_change: Option<EmailChange>,
    /// Request id, also in the server log.
    pub request_id: Option<String>,
    /// IP address of the client.
    pub client_address: Option<String>,
}

/// A page of audit events, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    /// Events on this page.
    pub items: Vec<AuditEvent>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// Filters for audit events; an event must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditQuery {
    /// User who made the change.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserId>))]
    pub actor: Option<UserId>,
    /// Action, for example `token.created`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::AuditAction>))]
    pub action: Option<AuditAction>,
    /// User, token, session, invite or work item that was changed.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::SubjectId>))]
    pub subject: Option<Subject>,
    /// Start of the period, inclusive: a date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub since: Option<Timestamp>,
    /// End of the period, exclusive: a date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub until: Option<Timestamp>,
}

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

/// The format of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportQuery {
    /// Format of the export: `json` (default) or `csv`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(inline, value_type = Option<ExportFormat>))]
    pub format: Option<ExportFormat>,
}

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
