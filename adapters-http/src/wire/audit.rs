use openindex_domain::audit::{AuditAction, Subject};
use openindex_domain::clock::Timestamp;
use openindex_domain::user::UserId;
use serde::{Deserialize, Serialize};

use super::field::{Field, Text, optional, text};
#[cfg(feature = "server")]
use super::schema;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `token`, `session`, `operator` or `anonymous`.
    pub kind: String,
    /// The user (`usr_…`), where it was one.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub user_id: Option<String>,
    /// The token (`pat_…`) or browser session (`ses_…`) that they used.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::CredentialId>))]
    pub credential_id: Option<String>,
}

/// What a user's address was, and what it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EmailChange {
    /// The former address.
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub from: String,
    /// The new one.
    #[cfg_attr(feature = "server", schema(value_type = schema::EmailAddress))]
    pub to: String,
}

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Names it, as in `evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::AuditEventId))]
    pub id: String,
    /// When it happened.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub at: String,
    /// Who did it.
    pub actor: AuditActor,
    /// What they did, as in `token.created`.
    pub action: String,
    /// To what, as an id.
    #[cfg_attr(feature = "server", schema(value_type = schema::SubjectId))]
    pub subject: String,
    /// What else came of it, as an id: the successor of a rotated token, for one.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::SubjectId>))]
    pub related: Option<String>,
    /// The former and the new address, of `user.email_changed` alone.
    pub email_change: Option<EmailChange>,
    /// Names the request, in the log too.
    pub request_id: Option<String>,
    /// Where the request came from.
    pub client_address: Option<String>,
}

/// A page of the audit trail, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    /// The events.
    pub items: Vec<AuditEvent>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which events of the audit trail: those that all of the given filters want.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditQuery {
    /// By this user (`usr_…`).
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserId>))]
    pub actor: Option<UserId>,
    /// Of this kind, as in `token.created`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::AuditAction>))]
    pub action: Option<AuditAction>,
    /// About this user, token, session, invite or work item.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::SubjectId>))]
    pub subject: Option<Subject>,
    /// At this date or date-time or later.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub since: Option<Timestamp>,
    /// Before this date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub until: Option<Timestamp>,
}

/// How the audit trail is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// One JSON array of events.
    Json,
    /// A header and a line for each event.
    Csv,
}

impl ExportFormat {
    /// The name on the wire.
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

/// What an export is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportQuery {
    /// `json` (unless given) or `csv`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(inline, value_type = Option<ExportFormat>))]
    pub format: Option<ExportFormat>,
}

/// The last element of a JSON export that is not complete; the array is not closed after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IncompleteExport {
    /// Always true.
    pub incomplete: bool,
    /// The HTTP status that the rest would have had: 401, 403, 500 or 503.
    pub status: u16,
    /// The kind of problem, as in `token_revoked`.
    pub code: String,
    /// Why the rest is missing, and what to do about it.
    pub detail: String,
}

/// The id in the last row of a CSV export that is not complete; no event has it.
pub const INCOMPLETE_ROW: &str = "#incomplete";

impl IncompleteExport {
    /// Reads the mark at the end of an export that broke off; `None` when there is none.
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
