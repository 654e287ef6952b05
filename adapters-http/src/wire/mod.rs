//! Request and response bodies: JSON in camelCase, times as RFC 3339 in UTC, ids with their prefix.
//!
//! A service with such routes of its own reads requests into what the use cases accept, and builds
//! responses from what they return (features `guard` and `wire`):
//!
//! ```
//! # #[cfg(all(feature = "guard", feature = "wire"))] mod service {
//! use axum::Json;
//! use axum::extract::{FromRef, Query, State};
//! use openindex_adapters_http::guard::{Context, Guard, Human, Problem};
//! use openindex_adapters_http::wire::{CreatePat, CreatedPat, PatList, PatPageQuery, PatQuery};
//! use openindex_domain::token::{NewToken, Seek, Tokens};
//!
//! #[derive(Clone)]
//! struct Notes {
//!     guard: Guard,
//!     tokens: Tokens,
//! }
//! # impl FromRef<Notes> for Guard {
//! #     fn from_ref(notes: &Notes) -> Self { notes.guard.clone() }
//! # }
//!
//! async fn create(
//!     Human(caller): Human,
//!     State(notes): State<Notes>,
//!     context: Context,
//!     Json(request): Json<CreatePat>,
//! ) -> Result<Json<CreatedPat>, Problem> {
//!     let wanted = NewToken::try_from(request).map_err(|error| notes.guard.problem(error))?;
//!     let created = notes.tokens.create(&caller, wanted, &context).await;
//!     let created = created.map_err(|error| notes.guard.problem(error))?;
//!     Ok(Json(CreatedPat::new(&created, notes.tokens.now())))
//! }
//!
//! async fn list(
//!     Human(caller): Human,
//!     State(notes): State<Notes>,
//!     Query(query): Query<PatQuery>,
//!     Query(page): Query<PatPageQuery>,
//! ) -> Result<Json<PatList>, Problem> {
//!     let after = page.cursor.and_then(|cursor| cursor.parse().ok());
//!     let (filter, limit) = (query.into(), page.limit.unwrap_or(100));
//!     let found = notes.tokens.list(&caller, &filter, after.map(Seek::After), limit).await;
//!     let found = found.map_err(|error| notes.guard.problem(error))?;
//!     Ok(Json(PatList::new(&found, notes.tokens.now())))
//! }
//! # fn app(state: Notes) -> axum::Router {
//! #     axum::Router::new().route("/tokens", axum::routing::get(list).post(create)).with_state(state)
//! # }
//! # }
//! ```
//!
//! Rules that span fields are checked by these conversions. A `Query` ignores parameters that its
//! type does not know, because a handler may read several.

#[cfg(feature = "wire")]
mod admin_tokens;
#[cfg(feature = "wire")]
mod audit;
#[cfg(feature = "wire")]
mod field;
#[cfg(feature = "wire")]
mod invites;
#[cfg(feature = "wire")]
mod me;
mod open;
#[cfg(feature = "wire")]
mod page;
mod problem;
#[cfg(feature = "wire")]
mod runs;
#[cfg(feature = "server")]
pub(crate) mod schema;
mod shape;
#[cfg(feature = "wire")]
mod users;
mod verification;
#[cfg(feature = "wire")]
mod work_item;

use std::fmt;

use openindex_domain::token::{self, Scope, TokenKind};
use openindex_domain::user;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use open::vocabulary;
use shape::wire;

#[cfg(feature = "server")]
pub(crate) use field::{Field, optional::deserialize as read_optional};
#[cfg(feature = "server")]
pub(crate) use me::requested_expiry;
pub use open::Open;
pub use problem::{FieldError, Holder, MatchingTokens, ProblemBody};
pub use verification::{
    AuthorizationServer, IntrospectToken, IntrospectTokens, Introspected, Introspection,
    Introspections, MAX_INTROSPECTED,
};
#[cfg(feature = "wire")]
pub use {
    admin_tokens::{
        AdminPat, AdminPatList, LeakReport, PatFilter, ReportLeakedTokens, RevokePats, RevokedPats,
        ScannerFinding, Stats,
    },
    audit::{
        AuditActor, AuditEvent, AuditList, AuditQuery, EmailChange, ExportFormat, ExportQuery,
        INCOMPLETE_ROW, IncompleteExport,
    },
    invites::{
        ClaimInvite, ClaimedInvite, CreateInvite, CreatedInvite, Invite, InviteList, InviteStatus,
    },
    me::{CreatePat, CreatedPat, Me, MeToken, MeUser, Pat, PatList, PatQuery, RotatePat},
    page::{DamagedRow, PageQuery, PatPageQuery},
    runs::{
        AgentRun, AgentRunFilter, AgentRunList, MeRun, RunScope, StartAgentRun, StartedAgentRun,
    },
    users::{Bootstrapped, PatchMe, PatchUser, SignInLink, User, UserList, UserQuery},
    verification::VerifyQuery,
    work_item::{
        CreateWorkItem, ExecutionTarget, ItemKind, ItemStatus, OnBehalfOf, PatchWorkItem, Priority,
        QueueQuery, QueueSection, SearchText, UserRef, WorkItem, WorkItemList, WorkItemQuery,
        WorkItemSummary, WorkQueue,
    },
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
