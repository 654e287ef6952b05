use serde::{Deserialize, Serialize};

use super::{MeUser, Pat, PlainSecret, Status, WireScope};

/// A token of anybody's, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AdminPat {
    /// The token.
    #[serde(flatten)]
    pub pat: Pat,
    /// Its owner.
    pub owner: MeUser,
}

/// A page of everybody's tokens, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdminPatList {
    /// The tokens.
    pub items: Vec<AdminPat>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which tokens to revoke: those that all of the given filters want. At least one is required.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokePats {
    /// Of this user (`usr_…`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// With this scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<WireScope>,
    /// `live` or `expired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Not used since this date or date-time; one that was never used counts from its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_since: Option<String>,
    /// Ending by themselves before this date or date-time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiring_before: Option<String>,
    /// Only answer what would be revoked.
    pub dry_run: bool,
}

/// What a bulk revocation ended, or would end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedPats {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// How many.
    pub count: u64,
    /// Whether the filters wanted the acting token too; it is kept.
    pub kept_own: bool,
    /// The tokens, as they were: the newest 1,000 of them.
    pub items: Vec<AdminPat>,
}

/// How much of everything there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Users who may act.
    pub users_active: u64,
    /// Users who are suspended.
    pub users_suspended: u64,
    /// Active users who administer.
    pub admins_active: u64,
    /// Tokens that are live.
    pub tokens_live: u64,
    /// Those of them with the scope `admin`.
    pub tokens_live_admin: u64,
    /// Tokens that have expired and are not deleted.
    pub tokens_expired: u64,
    /// Invites that can be claimed.
    pub invites_open: u64,
}

/// Secrets that were found where they should not be.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ReportCredentials {
    /// At most 1,000 secrets.
    #[cfg_attr(feature = "server", schema(value_type = Vec<String>))]
    pub tokens: Vec<PlainSecret>,
}
