use openindex_domain::token::{
    Expiry, Lifetime, ListedStatus, Overlap, Scope, Search, Sort, TokenName,
};
use serde::{Deserialize, Serialize};

use super::field::{optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Kind, MeRun, Open, PlainSecret, RevokedBy, Role, Status, WireScope};

/// The user and token of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// Owner of the token.
    pub user: MeUser,
    /// The token.
    pub token: MeToken,
}

/// The owner of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeUser {
    /// User id, for example `usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub id: String,
    /// Email address, if known.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::EmailAddress>))]
    pub email: Option<String>,
    /// Name, if known.
    pub name: Option<String>,
    /// Role of the user.
    #[cfg_attr(feature = "server", schema(value_type = Role))]
    pub role: Open<Role>,
}

/// The token of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeToken {
    /// Token id, for example `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2` or `run_…`.
    #[cfg_attr(feature = "server", schema(value_type = schema::TokenId))]
    pub id: String,
    /// Personal access token, or token of an agent run.
    #[cfg_attr(feature = "server", schema(value_type = Kind))]
    pub kind: Open<Kind>,
    /// Name of the token.
    pub name: String,
    /// Scope of the token.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Open<WireScope>,
    /// Effective scope: the token's scope, limited to what the owner's role currently allows.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub effective_scope: Open<WireScope>,
    /// When the token expires; `null` if never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: Option<String>,
    /// The agent run; absent for a personal access token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<MeRun>,
}

/// A personal access token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pat {
    /// Token id, for example `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::PatId))]
    pub id: String,
    /// Name of the token.
    pub name: String,
    /// Scope of the token.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Open<WireScope>,
    /// When the token was created.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// When the token expires; `null` if never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: Option<String>,
    /// When a request was last accepted with the token, accurate to a few seconds; `null` if never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub last_used_at: Option<String>,
    /// Current status.
    #[cfg_attr(feature = "server", schema(value_type = Status))]
    pub status: Open<Status>,
    /// Token that replaced this one in a rotation; absent if it was not rotated. This token stays
    /// live until `expiresAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = schema::PatId, required = false))]
    pub replaced_by: Option<String>,
    /// Last four characters of the secret; absent for tokens created before they were stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    pub last_four: Option<String>,
    /// Client address of the request that created the token; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    pub created_from: Option<String>,
    /// Client address of the request at `lastUsedAt`; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    pub last_used_from: Option<String>,
    /// When the token was revoked; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(value_type = String, format = DateTime, required = false)
    )]
    pub revoked_at: Option<String>,
    /// Why the token was revoked; absent if it was not, or if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = RevokedBy, required = false))]
    pub revoked_by: Option<Open<RevokedBy>>,
}

/// A page of the caller's tokens, newest first unless `sort` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PatList {
    /// Tokens on this page.
    pub items: Vec<Pat>,
    /// Damaged rows on this page; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// Filters for the caller's tokens; a token must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatQuery {
    /// Status of the tokens. By default, live and expired tokens. Revoked tokens are stored for 30
    /// days.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::ListedStatus>))]
    pub status: Option<ListedStatus>,
    /// Exact name; several tokens can have the same name.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::Name>))]
    pub name: Option<TokenName>,
    /// Text that the name contains, ignoring case.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::Name>))]
    pub search: Option<Search>,
    /// Order: `newest` (default), `name` from A to Z, `expiry` with the first to expire first, or
    /// `last_used` with the most recently used first.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::PatSort>))]
    pub sort: Option<Sort>,
}

/// A new token with its secret, in the only response that contains it.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedPat {
    /// The token.
    #[serde(flatten)]
    pub pat: Pat,
    /// Secret of the token, shown only once.
    #[cfg_attr(feature = "server", schema(value_type = schema::PatSecret))]
    pub token: PlainSecret,
}

/// A token to create. Set `expiresAt` or `expiresIn`, not both; without either, or with a blank
/// `expiresAt`, the token never expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePat {
    /// Name: 1 to 100 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Name))]
    pub name: TokenName,
    /// Scope; at most the effective scope of the token that makes the request.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Scope,
    /// When the token expires: a future RFC 3339 date-time, or a date, meaning the end of that day
    /// in UTC.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RequestedExpiry>))]
    pub expires_at: Option<Expiry>,
    /// Lifetime in seconds, by the server's clock.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(value_type = Option<i64>, minimum = 1, maximum = 253_402_300_799i64)
    )]
    pub expires_in: Option<Lifetime>,
}

/// Options for a rotation. Set `expiresAt` or `expiresIn`, not both; without either, the new token
/// keeps the old token's expiry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotatePat {
    /// When the new token expires: absent keeps the old token's expiry, blank means never,
    /// otherwise as for a new token.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RequestedExpiry>))]
    pub expires_at: Option<Expiry>,
    /// Lifetime of the new token in seconds, by the server's clock.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(value_type = Option<i64>, minimum = 1, maximum = 253_402_300_799i64)
    )]
    pub expires_in: Option<Lifetime>,
    /// How long the old token stays live, in seconds.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(value_type = Option<i64>, minimum = 0, maximum = 86_400, default = 0)
    )]
    pub overlap_seconds: Option<Overlap>,
}
