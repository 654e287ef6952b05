//! What travels in bodies: JSON in camelCase, times as RFC 3339 in UTC, ids with their prefix.

use std::fmt;

use openindex_domain::token::{self, Scope, TokenKind};
use openindex_domain::user;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

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

/// Who the request acts as, and with which token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The token's owner.
    pub user: MeUser,
    /// The token.
    pub token: MeToken,
}

/// The owner of the presented token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeUser {
    /// Names them, as in `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    pub id: String,
    /// Their address, where the instance knows it.
    pub email: Option<String>,
    /// What they are called, where the instance knows it.
    pub name: Option<String>,
    /// What they may do at most.
    pub role: Role,
}

/// The presented token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeToken {
    /// Names it, as in `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    pub id: String,
    /// A human's or an agent run's.
    pub kind: Kind,
    /// What its owner calls it.
    pub name: String,
    /// What it was issued for.
    pub scope: WireScope,
    /// The lesser of its scope and what its owner's role allows now.
    pub effective_scope: WireScope,
    /// It is live before this instant; null is never.
    pub expires_at: Option<String>,
}

/// A personal access token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pat {
    /// Names it, as in `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it was issued for.
    pub scope: WireScope,
    /// When it was issued.
    pub created_at: String,
    /// It is live before this instant; null is never.
    pub expires_at: Option<String>,
    /// When a request was last accepted with it, seconds behind at most; null is never.
    pub last_used_at: Option<String>,
    /// Where it stands now.
    pub status: Status,
}

/// The caller's tokens, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct PatList {
    /// All of them, live and expired.
    pub items: Vec<Pat>,
}

/// A new token with its secret: the only answer that ever holds it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedPat {
    /// The token.
    #[serde(flatten)]
    pub pat: Pat,
    /// Its secret, to be kept now or never.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub token: PlainSecret,
}

/// What to issue. Blank or absent `expiresAt` never expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatePat {
    /// 1 to 100 characters, no control characters.
    #[cfg_attr(feature = "server", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// At most the effective scope of the token that asks.
    pub scope: WireScope,
    /// A future RFC 3339 date-time, or a date, which means to the end of that day in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// How to rotate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RotatePat {
    /// When the new token ends: absent keeps the old one's expiry, blank never expires, otherwise
    /// as when creating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// For how many seconds the old token stays live beside the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(minimum = 0, maximum = 86_400, default = 0))]
    pub overlap_seconds: Option<i64>,
}

/// A user, as an administrator sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Names them, as in `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    pub id: String,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they may do at most.
    pub role: Role,
    /// When they joined.
    pub created_at: String,
    /// Since when they are suspended; null is not.
    pub suspended_at: Option<String>,
}

/// A new instance's first administrator, as `oi-server bootstrap --json` prints them.
#[derive(Debug, Serialize, Deserialize)]
pub struct Bootstrapped {
    /// The administrator.
    pub user: User,
    /// Their token.
    pub pat: Pat,
    /// Its secret, to be kept now or never.
    pub token: PlainSecret,
}

/// A page of users, in the order of their joining.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserList {
    /// The users.
    pub items: Vec<User>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Where the API is: what `oi` asks first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Discovery {
    /// What API paths are appended to, without a slash at its end.
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
