use serde::{Deserialize, Serialize};

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
    /// What they did, as in `token.issued`.
    pub action: String,
    /// To what, as an id.
    #[cfg_attr(feature = "server", schema(value_type = schema::SubjectId))]
    pub subject: String,
    /// What else came of it, as an id: the successor of a rotated token, for one.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::SubjectId>))]
    pub related: Option<String>,
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
