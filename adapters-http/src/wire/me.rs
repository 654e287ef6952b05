use openindex_domain::token::{
    Expiry, Lifetime, ListedStatus, Overlap, Scope, Search, Sort, TokenName,
};
use serde::{Deserialize, Serialize};

use super::field::{optional, required};
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, Kind, MeRun, Open, PlainSecret, RevokedBy, Role, Status, WireScope};

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
    #[cfg_attr(feature = "server", schema(value_type = schema::UserId))]
    pub id: String,
    /// Their address, where the instance knows it.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::EmailAddress>))]
    pub email: Option<String>,
    /// What they are called, where the instance knows it.
    pub name: Option<String>,
    /// What they may do at most.
    #[cfg_attr(feature = "server", schema(value_type = Role))]
    pub role: Open<Role>,
}

/// The presented token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeToken {
    /// Names it, as in `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2` or `run_…`.
    #[cfg_attr(feature = "server", schema(value_type = schema::TokenId))]
    pub id: String,
    /// A human's or an agent run's.
    #[cfg_attr(feature = "server", schema(value_type = Kind))]
    pub kind: Open<Kind>,
    /// What its owner calls it.
    pub name: String,
    /// What it was issued for.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Open<WireScope>,
    /// The lesser of its scope and what its owner's role allows now.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub effective_scope: Open<WireScope>,
    /// It is live before this instant; null is never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: Option<String>,
    /// What it is for when it is an agent run's; absent for a human's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<MeRun>,
}

/// A personal access token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pat {
    /// Names it, as in `pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2`.
    #[cfg_attr(feature = "server", schema(value_type = schema::PatId))]
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it was issued for.
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Open<WireScope>,
    /// When it was issued.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub created_at: String,
    /// It is live before this instant; null is never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub expires_at: Option<String>,
    /// When a request was last accepted with it, seconds behind at most; null is never.
    #[cfg_attr(feature = "server", schema(format = DateTime))]
    pub last_used_at: Option<String>,
    /// Where it stands now.
    #[cfg_attr(feature = "server", schema(value_type = Status))]
    pub status: Open<Status>,
    /// The token that replaced it when it was rotated; absent where it was not. It is live until
    /// `expiresAt` all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = schema::PatId, required = false))]
    pub replaced_by: Option<String>,
    /// The last four characters of its secret; absent for tokens from before this was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    pub last_four: Option<String>,
    /// The client address of the request that created it; absent where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    pub created_from: Option<String>,
    /// The client address of the request at `lastUsedAt`; absent where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, required = false))]
    pub last_used_from: Option<String>,
    /// When it was revoked; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = String, format = DateTime, required = false))]
    pub revoked_at: Option<String>,
    /// Why it was revoked; absent while it is not, and where it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = RevokedBy, required = false))]
    pub revoked_by: Option<Open<RevokedBy>>,
}

/// A page of the caller's tokens, the newest first unless sorted otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PatList {
    /// The tokens.
    pub items: Vec<Pat>,
    /// Rows of this list that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which of the caller's tokens: those that match everything that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatQuery {
    /// With this status; live and expired ones unless given. Revoked ones are stored for 30 days.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::ListedStatus>))]
    pub status: Option<ListedStatus>,
    /// With exactly this name, which several can have.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::Name>))]
    pub name: Option<TokenName>,
    /// With this in their names, whatever its case.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::Name>))]
    pub search: Option<Search>,
    /// The order: the newest first unless given; by name from A to Z; the first to expire first; or
    /// the most recently used first.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::PatSort>))]
    pub sort: Option<Sort>,
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
    #[cfg_attr(feature = "server", schema(value_type = schema::PatSecret))]
    pub token: PlainSecret,
}

/// What to issue. A blank or absent `expiresAt` never expires; give `expiresAt` or `expiresIn`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePat {
    /// 1 to 100 characters, no control characters.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = schema::Name))]
    pub name: TokenName,
    /// At most the effective scope of the token that asks.
    #[serde(with = "required")]
    #[cfg_attr(feature = "server", schema(value_type = WireScope))]
    pub scope: Scope,
    /// A future RFC 3339 date-time, or a date, which means to the end of that day in UTC.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RequestedExpiry>))]
    pub expires_at: Option<Expiry>,
    /// For how many seconds, counted by the server's clock.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<i64>, minimum = 1, maximum = 253_402_300_799i64))]
    pub expires_in: Option<Lifetime>,
}

/// How to rotate. Give `expiresAt`, `expiresIn`, or neither, which keeps the old token's expiry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotatePat {
    /// When the new token ends: absent keeps the old one's expiry, blank never expires, otherwise
    /// as when creating.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::RequestedExpiry>))]
    pub expires_at: Option<Expiry>,
    /// For how many seconds the new token lives, counted by the server's clock.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<i64>, minimum = 1, maximum = 253_402_300_799i64))]
    pub expires_in: Option<Lifetime>,
    /// For how many seconds the old token stays live beside the new one.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "server",
        schema(value_type = Option<i64>, minimum = 0, maximum = 86_400, default = 0)
    )]
    pub overlap_seconds: Option<Overlap>,
}
