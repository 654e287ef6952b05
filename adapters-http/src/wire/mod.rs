//! Request and response bodies: JSON in camelCase, times as RFC 3339 in UTC, ids with their prefix.

mod admin_tokens;
mod audit;
mod field;
mod invites;
mod me;
mod open;
mod page;
mod runs;
#[cfg(feature = "server")]
pub(crate) mod schema;
mod users;
mod work_item;

use std::fmt;

use openindex_domain::token::{self, Scope, TokenKind};
use openindex_domain::user;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use admin_tokens::{
    AdminPat, AdminPatList, LeakReport, MatchingTokens, PatFilter, ReportLeakedTokens, RevokePats,
    RevokedPats, ScannerFinding, Stats,
};
pub use audit::{
    AuditActor, AuditEvent, AuditList, AuditQuery, EmailChange, ExportFormat, ExportQuery,
    INCOMPLETE_ROW, IncompleteExport,
};
#[cfg(feature = "server")]
pub(crate) use field::{Field, optional::deserialize as read_optional};
pub use invites::{
    ClaimInvite, ClaimedInvite, CreateInvite, CreatedInvite, Invite, InviteList, InviteStatus,
};
pub use me::{CreatePat, CreatedPat, Me, MeToken, MeUser, Pat, PatList, PatQuery, RotatePat};
pub use open::Open;
pub use page::{DamagedRow, PageQuery, PatPageQuery};
pub use runs::{
    AgentRun, AgentRunFilter, AgentRunList, MeRun, RunScope, StartAgentRun, StartedAgentRun,
};
pub use users::{Bootstrapped, PatchMe, PatchUser, SignInLink, User, UserList, UserQuery};
pub use work_item::{
    CreateWorkItem, ExecutionTarget, Holder, ItemKind, ItemStatus, OnBehalfOf, PatchWorkItem,
    Priority, QueueQuery, QueueSection, SearchText, UserRef, WorkItem, WorkItemList, WorkItemQuery,
    WorkItemSummary, WorkQueue,
};

/// The scope of a token; `admin` includes `read_write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "server", schema(as = Scope))]
pub enum WireScope {
    /// Read and change work items and the queue.
    ReadWrite,
    /// Everything in `read_write`, plus administration of the instance.
    Admin,
}

impl From<Scope> for WireScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::ReadWrite => Self::ReadWrite,
            Scope::Admin => Self::Admin,
        }
    }
}

impl From<WireScope> for Scope {
    fn from(scope: WireScope) -> Self {
        match scope {
            WireScope::ReadWrite => Self::ReadWrite,
            WireScope::Admin => Self::Admin,
        }
    }
}

/// The role of a user, which limits the scope of their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Can use work items and create tokens.
    Member,
    /// Can also administer the instance.
    Admin,
}

impl From<user::Role> for Role {
    fn from(role: user::Role) -> Self {
        match role {
            user::Role::Member => Self::Member,
            user::Role::Admin => Self::Admin,
        }
    }
}

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A personal access token.
    Personal,
    /// The token of one agent run.
    AgentRun,
}

impl From<TokenKind> for Kind {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::Personal => Self::Personal,
            TokenKind::AgentRun => Self::AgentRun,
        }
    }
}

/// The status of a token; `live` means active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The token is accepted.
    Live,
    /// The token has expired.
    Expired,
    /// The token was revoked.
    Revoked,
}

impl From<token::Status> for Status {
    fn from(status: token::Status) -> Self {
        match status {
            token::Status::Live => Self::Live,
            token::Status::Expired => Self::Expired,
            token::Status::Revoked => Self::Revoked,
        }
    }
}

/// Why a token was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RevokedBy {
    /// By its owner.
    Owner,
    /// By an administrator other than its owner.
    Administrator,
    /// By a rotation without overlap.
    Rotation,
    /// By a leak report.
    Leak,
}

impl From<token::RevokedBy> for RevokedBy {
    fn from(reason: token::RevokedBy) -> Self {
        match reason {
            token::RevokedBy::Owner => Self::Owner,
            token::RevokedBy::Administrator => Self::Administrator,
            token::RevokedBy::Rotation => Self::Rotation,
            token::RevokedBy::Leak => Self::Leak,
        }
    }
}

open::known! {
    token::RevokedBy => RevokedBy,
    Scope => WireScope,
    user::Role => Role,
    TokenKind => Kind,
    token::Status => Status,
}

/// The location and version of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// Base URL of the API, without a trailing slash.
    #[cfg_attr(feature = "server", schema(format = "uri"))]
    pub api_url: String,
    /// Version of the server.
    pub version: String,
}

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Health {
    /// Always `ok`.
    pub status: String,
}

/// Problem details (RFC 9457), as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// Kind of problem as a URN: `urn:openindex:problem:` and the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// Title; the same for every problem of this kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong in this request, and what to do about it.
    pub detail: String,
    /// Stable code of the problem; use it in programs instead of `detail`.
    pub code: String,
    /// Invalid fields and parameters, for a 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// An `oi` command that helps, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    /// Who has claimed the work item, with `work_item_claimed`.
    #[serde(
        default,
        deserialize_with = "work_item::known_holder",
        skip_serializing_if = "Option::is_none"
    )]
    pub holder: Option<Holder>,
    /// Token that replaced this one, with `token_already_rotated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::PatId>))]
    pub successor_id: Option<String>,
    /// Tokens that match now, with `review_outdated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<MatchingTokens>,
}

/// An invalid field or parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Name of the field or parameter.
    pub field: String,
    /// What is wrong with the value, or what it must be.
    pub message: String,
}

/// A secret for its owner. Wiped on drop; `Debug` is redacted.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Copies the plaintext.
    #[must_use]
    pub fn new(plaintext: &str) -> Self {
        Self(Zeroizing::new(plaintext.to_owned()))
    }

    /// Returns the plaintext.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
