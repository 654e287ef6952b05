//! What travels in bodies: JSON in camelCase, times as RFC 3339 in UTC, ids with their prefix.

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
    AdminPat, AdminPatList, CredentialReport, FoundCredential, MatchingTokens, PatFilter,
    ReportCredentials, RevokePats, RevokedPats, Stats,
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
    CreateWorkItem, ExecutionTarget, Holder, ItemKind, ItemStatus, PatchWorkItem, Priority,
    QueueBucket, QueueQuery, SearchText, UserRef, WorkAs, WorkItem, WorkItemList, WorkItemQuery,
    WorkItemSummary, WorkQueue,
};

/// What a token may be used for; `admin` contains `read_write`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "server", schema(as = Scope))]
pub enum WireScope {
    /// Read and change work items.
    ReadWrite,
    /// All of `read_write`, and the administration of the instance.
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

/// What a user may be allowed at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works with the instance.
    Member,
    /// Administers it as well.
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

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A human's.
    Personal,
    /// One workflow agent run's.
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

/// Where a token stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted.
    Live,
    /// Its time is up.
    Expired,
    /// Deleted.
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
    /// Its owner deleted it.
    Owner,
    /// An administrator other than its owner revoked it.
    Administrator,
    /// Its successor replaced it at once.
    Rotation,
    /// Its secret was reported as leaked.
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

/// Where the API is: what `oi` asks first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// What API paths are appended to, without a slash at its end.
    #[cfg_attr(feature = "server", schema(format = "uri"))]
    pub api_url: String,
    /// The server's version.
    pub version: String,
}

/// Whether a probe succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`.
    pub status: String,
}

/// An error (RFC 9457), as `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// Names the kind of problem: `urn:openindex:problem:` and the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The same for every problem of this kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and what to do about it.
    pub detail: String,
    /// The kind of problem, for programs.
    pub code: String,
    /// What is wrong with which field or parameter, on 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// An `oi` command that leads on, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_command: Option<String>,
    /// Who works at the work item, with `work_item_claimed`.
    #[serde(
        default,
        deserialize_with = "work_item::known_holder",
        skip_serializing_if = "Option::is_none"
    )]
    pub holder: Option<Holder>,
    /// The token that replaced the one to be rotated, with `token_already_rotated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::PatId>))]
    pub successor_id: Option<String>,
    /// The tokens that match now, with `review_outdated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<MatchingTokens>,
}

/// What is wrong with one field or parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Which one.
    pub field: String,
    /// What it must be.
    pub message: String,
}

/// A secret on its way to its owner. Wiped on drop; `Debug` is redacted.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlainSecret(Zeroizing<String>);

impl PlainSecret {
    /// Takes the plaintext along.
    #[must_use]
    pub fn new(plaintext: &str) -> Self {
        Self(Zeroizing::new(plaintext.to_owned()))
    }

    /// The plaintext, for its owner.
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
