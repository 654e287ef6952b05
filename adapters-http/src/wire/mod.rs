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
mod shape;
mod users;
mod verification;
mod work_item;

use std::fmt;

use openindex_domain::token::{self, Scope, TokenKind};
use openindex_domain::user;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use open::vocabulary;
use shape::wire;

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
pub use verification::{
    AuthorizationServer, IntrospectToken, IntrospectTokens, Introspected, Introspection,
    Introspections, MAX_INTROSPECTED, VerifyQuery,
};
pub use work_item::{
    CreateWorkItem, ExecutionTarget, Holder, ItemKind, ItemStatus, OnBehalfOf, PatchWorkItem,
    Priority, QueueQuery, QueueSection, SearchText, UserRef, WorkItem, WorkItemList, WorkItemQuery,
    WorkItemSummary, WorkQueue,
};

vocabulary! {
/// The scope of a token; `admin` includes `read_write`.
#[cfg_attr(feature = "server", schema(as = Scope))]
WireScope = Scope {
    /// Read and change work items and the queue.
    ReadWrite,
    /// Everything in `read_write`, plus administration of the instance.
    Admin,
}}

vocabulary! {
/// The role of a user, which limits the scope of their tokens.
Role = user::Role {
    /// Can use work items and create tokens.
    Member,
    /// Can also administer the instance.
    Admin,
}}

vocabulary! {
/// The kind of a token.
Kind = TokenKind {
    /// A personal access token.
    Personal,
    /// The token of one agent run.
    AgentRun,
}}

vocabulary! {
/// The status of a token; `live` means active.
Status = token::Status {
    /// The token is accepted.
    Live,
    /// The token has expired.
    Expired,
    /// The token was revoked.
    Revoked,
}}

vocabulary! {
/// Why a token was revoked.
RevokedBy = token::RevokedBy {
    /// By its owner.
    Owner,
    /// By an administrator other than its owner.
    Administrator,
    /// By a rotation without overlap.
    Rotation,
    /// By a leak report.
    Leak,
}}

wire! { response
/// The location and version of the API.
Discovery {
    /// Base URL of the API, without a trailing slash.
    api_url: String [format = "uri"],
    /// URL at which any service can have tokens verified (RFC 7662).
    #[serde(default)]
    introspection_url: String [format = "uri"],
    /// Version of the server.
    version: String,
}}

wire! { response
/// The result of a probe.
Health {
    /// Always `ok`.
    status: String,
}}

wire! { response
/// Problem details (RFC 9457), as `application/problem+json`.
ProblemBody {
    /// Kind of problem as a URN: `urn:openindex:problem:` and the code.
    #[serde(rename = "type")]
    type_uri: String,
    /// Title; the same for every problem of this kind.
    title: String,
    /// HTTP status.
    status: u16,
    /// What went wrong in this request, and what to do about it.
    detail: String,
    /// Stable code of the problem; use it in programs instead of `detail`.
    code: String,
    /// Invalid fields and parameters, for a 400.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// An `oi` command that helps, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_command: Option<String>,
    /// Who has claimed the work item, with `work_item_claimed`.
    #[serde(
        default,
        deserialize_with = "work_item::known_holder",
        skip_serializing_if = "Option::is_none"
    )]
    holder: Option<Holder>,
    /// Token that replaced this one, with `token_already_rotated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor_id: Option<String> [value_type = Option<schema::PatId>],
    /// Tokens that match now, with `review_outdated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matching: Option<MatchingTokens>,
}}

wire! { response
/// An invalid field or parameter.
FieldError {
    /// Name of the field or parameter.
    field: String,
    /// What is wrong with the value, or what it must be.
    message: String,
}}

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
