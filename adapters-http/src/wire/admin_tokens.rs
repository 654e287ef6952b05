use openindex_domain::admin_tokens::ReviewDigest;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{self, Scope, TokenId};
use openindex_domain::user::UserId;
use serde::{Deserialize, Serialize};

use super::field::optional;
#[cfg(feature = "server")]
use super::schema;
use super::{DamagedRow, MeUser, Pat, PlainSecret};

/// A token with its owner, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct AdminPat {
    /// The token.
    #[serde(flatten)]
    pub pat: Pat,
    /// Owner of the token.
    pub owner: MeUser,
}

/// A page of tokens of all users, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AdminPatList {
    /// Tokens on this page.
    pub items: Vec<AdminPat>,
    /// Damaged rows on this page; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

/// Filters for tokens of all users; a token must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "server", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatFilter {
    /// Owner of the tokens.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::UserId>))]
    pub user: Option<UserId>,
    /// Scope of the tokens.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<super::WireScope>))]
    pub scope: Option<Scope>,
    /// Status of the tokens. By default, live and expired tokens.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<super::Status>))]
    pub status: Option<token::Status>,
    /// Tokens not used since this date or date-time; a token that was never used counts from its
    /// creation.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub unused_since: Option<Timestamp>,
    /// Tokens that expire before this date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", param(value_type = Option<schema::DateOrDateTime>))]
    pub expiring_before: Option<Timestamp>,
}

impl PatFilter {
    /// Returns whether no filter is set, so that every token matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the dry run that lists the tokens to be revoked, starting after `cursor`.
    #[must_use]
    pub const fn review(&self, cursor: Option<TokenId>) -> RevokePats {
        RevokePats {
            dry_run: true,
            cursor,
            ..self.revocation(None)
        }
    }

    /// Returns the request that revokes the matching tokens, if they are those that `expected`
    /// identifies.
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

/// The tokens to revoke: those that match all filters. At least one filter is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokePats {
    /// Owner of the tokens.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::UserId>))]
    pub user: Option<UserId>,
    /// Scope of the tokens.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<super::WireScope>))]
    pub scope: Option<Scope>,
    /// Status of the tokens: `live` or `expired`.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<super::Status>))]
    pub status: Option<token::Status>,
    /// Tokens not used since this date or date-time; a token that was never used counts from its
    /// creation.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::DateOrDateTime>))]
    pub unused_since: Option<Timestamp>,
    /// Tokens that expire before this date or date-time.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::DateOrDateTime>))]
    pub expiring_before: Option<Timestamp>,
    /// Whether to only list the tokens that would be revoked. Required, so that nothing is revoked
    /// by omission.
    pub dry_run: bool,
    /// `expected` value of the dry run you reviewed: exactly those tokens are revoked, or none if
    /// the matching tokens have changed. Required if more than 200 tokens match.
    #[serde(default, with = "optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::ReviewDigest>))]
    pub expected: Option<ReviewDigest>,
    /// `nextCursor` of the previous page; absent for the first page. Valid only in a dry run.
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

/// The tokens that a bulk revocation revoked, or would revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedPats {
    /// Whether this was a dry run, which revokes nothing.
    pub dry_run: bool,
    /// Total number of tokens, including those on other pages.
    pub count: u64,
    /// Whether the filters also match the token that made the request, which is not revoked.
    pub kept_own: bool,
    /// Identifies exactly this set of tokens, including those on other pages. Send it as `expected`
    /// to revoke these tokens and no others. Null unless `dryRun` is true.
    #[cfg_attr(feature = "server", schema(value_type = Option<schema::ReviewDigest>))]
    pub expected: Option<String>,
    /// Tokens before the revocation, newest first: a page of at most 1,000.
    pub items: Vec<AdminPat>,
    /// Damaged rows, which are revoked as well; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page of the dry run; null on the last page, and unless
    /// `dryRun` is true.
    pub next_cursor: Option<String>,
}

/// The tokens that currently match the filters of a bulk revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MatchingTokens {
    /// Number of tokens.
    pub count: u64,
    /// Identifies exactly this set of tokens. Review the tokens before you send this value.
    #[cfg_attr(feature = "server", schema(value_type = schema::ReviewDigest))]
    pub expected: String,
}

/// Counts of users, tokens and invites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Number of active users.
    pub users_active: u64,
    /// Number of suspended users.
    pub users_suspended: u64,
    /// Number of active administrators.
    pub admins_active: u64,
    /// Number of active tokens.
    pub tokens_live: u64,
    /// Number of active tokens with the scope `admin`.
    pub tokens_live_admin: u64,
    /// Number of expired tokens that were not revoked.
    pub tokens_expired: u64,
    /// Number of invites that can be claimed.
    pub invites_open: u64,
}

/// A report of leaked tokens.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportLeakedTokens {
    /// Secrets of the leaked tokens; at most 1,000.
    #[cfg_attr(feature = "server", schema(value_type = Vec<String>, max_items = 1_000))]
    pub tokens: Vec<PlainSecret>,
}

/// A finding of a secret scanner, in the form that GitHub sends to its secret scanning partners.
/// Other fields are ignored.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct ScannerFinding {
    /// Secret of the leaked token.
    #[cfg_attr(feature = "server", schema(value_type = String))]
    pub token: PlainSecret,
}

/// A report of leaked tokens, in one of two forms.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum LeakReport {
    /// An object with the secrets.
    Secrets(ReportLeakedTokens),
    /// An array of scanner findings, at most 1,000: objects with a `token`; `type`, `url` and
    /// `source` are ignored. Entries without a token are skipped.
    Found(Vec<serde_json::Value>),
}
