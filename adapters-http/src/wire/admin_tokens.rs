use openindex_domain::admin_tokens::ReviewDigest;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{self, Scope, TokenId};
use openindex_domain::user::UserId;
use serde::{Deserialize, Serialize};

use super::field::optional;
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, MeUser, Pat, PlainSecret};

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
    /// Rows of this page that cannot be read; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// Which of everybody's tokens: those that all of the given filters want.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatFilter {
    /// Of this user (`usr_…`).
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserId>))]
    pub user: Option<UserId>,
    /// With this scope.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<super::WireScope>))]
    pub scope: Option<Scope>,
    /// Where they stand; live and expired ones unless given.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<super::Status>))]
    pub status: Option<token::Status>,
    /// Not used since this date or date-time; one that was never used counts from its creation.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub unused_since: Option<Timestamp>,
    /// Ending by themselves before this date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub expiring_before: Option<Timestamp>,
}

impl PatFilter {
    /// Whether it wants every token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the request that shows what would be revoked, beginning after `cursor`.
    #[must_use]
    pub const fn review(&self, cursor: Option<TokenId>) -> RevokePats {
        RevokePats {
            dry_run: true,
            cursor,
            ..self.revocation(None)
        }
    }

    /// Returns the request to revoke what matches, if it is what `expected` names.
    #[must_use]
    pub const fn revocation(&self, expected: Option<ReviewDigest>) -> RevokePats {
        let &Self {
            user,
            scope,
            status,
            unused_since,
            expiring_before,
        } = self;
        RevokePats {
            user,
            scope,
            status,
            unused_since,
            expiring_before,
            dry_run: false,
            expected,
            cursor: None,
        }
    }
}

/// Which tokens to revoke: those that all of the given filters want. At least one is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokePats {
    /// Of this user (`usr_…`).
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub user: Option<UserId>,
    /// With this scope.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<super::WireScope>))]
    pub scope: Option<Scope>,
    /// `live` or `expired`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<super::Status>))]
    pub status: Option<token::Status>,
    /// Not used since this date or date-time; one that was never used counts from its creation.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::DateOrDateTime>))]
    pub unused_since: Option<Timestamp>,
    /// Ending by themselves before this date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::DateOrDateTime>))]
    pub expiring_before: Option<Timestamp>,
    /// Only return what would be revoked. Required: nothing is revoked by omission.
    pub dry_run: bool,
    /// `expected` of the dry run that was reviewed: exactly those tokens are revoked, or, if others
    /// match by now, none. Required if more than 200 tokens match.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::ReviewDigest>))]
    pub expected: Option<ReviewDigest>,
    /// `nextCursor` of the page before; absent for the first page. Valid in a dry run only.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::PatId>))]
    pub cursor: Option<TokenId>,
}

impl From<RevokePats> for PatFilter {
    fn from(wanted: RevokePats) -> Self {
        let RevokePats {
            user,
            scope,
            status,
            unused_since,
            expiring_before,
            dry_run: _,
            expected: _,
            cursor: _,
        } = wanted;
        Self {
            user,
            scope,
            status,
            unused_since,
            expiring_before,
        }
    }
}

/// What a bulk revocation ended, or would end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedPats {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// How many tokens, those on other pages included.
    pub count: u64,
    /// Whether the filters match the acting token too, which is not revoked.
    pub kept_own: bool,
    /// Names exactly these tokens, those on other pages included. Present it as `expected` to revoke
    /// them and no others. Null unless `dryRun`.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::ReviewDigest>))]
    pub expected: Option<String>,
    /// The tokens as they were, the newest first: a page of at most 1,000.
    pub items: Vec<AdminPat>,
    /// Rows that cannot be read, which are revoked as well; absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Pass it as `cursor` for the next page of the dry run; null on the last, and unless `dryRun`.
    pub next_cursor: Option<String>,
}

/// The tokens that a bulk revocation would end now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MatchingTokens {
    /// How many.
    pub count: u64,
    /// Names exactly these tokens. Review them before you present it.
    #[cfg_attr(feature = "server", schema(value_type = schema::ReviewDigest))]
    pub expected: String,
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
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportCredentials {
    /// At most 1,000 secrets.
    #[cfg_attr(feature = "server", schema(value_type = Vec<String>, max_items = 1_000))]
    pub tokens: Vec<PlainSecret>,
}

/// A secret that a scanner found, as the partners of GitHub's secret scanning are told of it. Fields
/// that are not here are ignored.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct FoundCredential {
    /// The secret.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub token: PlainSecret,
}

/// A report of leaked secrets, in either of two forms.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum CredentialReport {
    /// The secrets alone.
    Secrets(ReportCredentials),
    /// As a scanner found them; at most 1,000: objects with a `token`, beside which `type`, `url` and
    /// `source` are ignored. An entry without a token is passed over.
    Found(Vec<serde_json::Value>),
}
