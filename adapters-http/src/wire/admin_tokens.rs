use openindex_domain::admin_tokens::ReviewDigest;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{self, Scope, TokenId};
use openindex_domain::user::UserId;
use serde::{Deserialize, Serialize};

use super::field::optional;
#[cfg(feature = "server")]
use super::schema;
use super::shape::wire;
use super::{DamagedRow, MeUser, Pat, PlainSecret};

wire! { response
/// A token with its owner, as an administrator sees it.
AdminPat {
    /// The token.
    #[serde(flatten)]
    pat: Pat,
    /// Owner of the token.
    owner: MeUser,
}}

wire! { list
/// A page of tokens of all users, newest first.
AdminPatList {
    /// Tokens on this page.
    items: Vec<AdminPat>
}}

wire! { query
/// Filters for tokens of all users; a token must match all of them.
PatFilter {
    /// Owner of the tokens.
    user: Option<UserId> = "optional" [value_type = Option<schema::UserId>],
    /// Scope of the tokens.
    scope: Option<Scope> = "optional" [value_type = Option<super::WireScope>],
    /// Status of the tokens. By default, live and expired tokens.
    status: Option<token::Status> = "optional" [value_type = Option<super::Status>],
    /// Tokens not used since this date or date-time; a token that was never used counts from its
    /// creation.
    unused_since: Option<Timestamp> = "optional" [value_type = Option<schema::DateOrDateTime>],
    /// Tokens that expire before this date or date-time.
    expiring_before: Option<Timestamp> = "optional" [value_type = Option<schema::DateOrDateTime>],
}}

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

wire! { request
/// The tokens to revoke: those that match all filters. At least one filter is required.
RevokePats {
    /// Owner of the tokens.
    user: Option<UserId> = "optional" [value_type = Option<schema::UserId>],
    /// Scope of the tokens.
    scope: Option<Scope> = "optional" [value_type = Option<super::WireScope>],
    /// Status of the tokens: `live` or `expired`.
    status: Option<token::Status> = "optional" [value_type = Option<super::Status>],
    /// Tokens not used since this date or date-time; a token that was never used counts from its
    /// creation.
    unused_since: Option<Timestamp> = "optional" [value_type = Option<schema::DateOrDateTime>],
    /// Tokens that expire before this date or date-time.
    expiring_before: Option<Timestamp> = "optional" [value_type = Option<schema::DateOrDateTime>],
    /// Whether to only list the tokens that would be revoked. Required, so that nothing is revoked
    /// by omission.
    dry_run: bool,
    /// `expected` value of the dry run you reviewed: exactly those tokens are revoked, or none if
    /// the matching tokens have changed. Required if more than 200 tokens match.
    expected: Option<ReviewDigest> = "optional" [value_type = Option<schema::ReviewDigest>],
    /// `nextCursor` of the previous page; absent for the first page. Valid only in a dry run.
    cursor: Option<TokenId> = "optional" [value_type = Option<schema::PatId>],
}}

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

wire! { response
/// The tokens that a bulk revocation revoked, or would revoke.
RevokedPats {
    /// Whether this was a dry run, which revokes nothing.
    dry_run: bool,
    /// Total number of tokens, including those on other pages.
    count: u64,
    /// Whether the filters also match the token that made the request, which is not revoked.
    kept_own: bool,
    /// Identifies exactly this set of tokens, including those on other pages. Send it as `expected`
    /// to revoke these tokens and no others. Null unless `dryRun` is true.
    expected: Option<String> [value_type = Option<schema::ReviewDigest>],
    /// Tokens before the revocation, newest first: a page of at most 1,000.
    items: Vec<AdminPat>,
    /// Damaged rows, which are revoked as well; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<DamagedRow>,
    /// Value of `cursor` for the next page of the dry run; null on the last page, and unless
    /// `dryRun` is true.
    next_cursor: Option<String>,
}}

wire! { response
/// Counts of users, tokens and invites.
#[derive(Copy)]
Stats {
    /// Number of active users.
    users_active: u64,
    /// Number of suspended users.
    users_suspended: u64,
    /// Number of active administrators.
    admins_active: u64,
    /// Number of active tokens.
    tokens_live: u64,
    /// Number of active tokens with the scope `admin`.
    tokens_live_admin: u64,
    /// Number of active tokens that expire within 7 days.
    tokens_expiring: u64,
    /// Number of expired tokens that were not revoked.
    tokens_expired: u64,
    /// Number of revoked tokens; they are purged after 30 days.
    tokens_revoked: u64,
    /// Number of invites that can be claimed.
    invites_open: u64,
}}

/// A report of leaked tokens.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportLeakedTokens {
    /// Secrets of the leaked tokens; at most 1,000.
    #[cfg_attr(feature = "server", schema(value_type = Vec<String>, max_items = 1_000))]
    pub tokens: Vec<PlainSecret>,
}

wire! { secret
/// A finding of a secret scanner, in the form that GitHub sends to its secret scanning partners.
/// Other fields are ignored.
ScannerFinding {
    /// Secret of the leaked token.
    token: PlainSecret [value_type = String],
}}

/// A report of leaked tokens, in one of two forms.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum LeakReport {
    /// An object with the secrets.
    Secrets(ReportLeakedTokens),
    /// An array of scanner findings, at most 1,000: secrets, or objects with a `token`; `type`,
    /// `url` and `source` are ignored. Entries without a token are skipped, unless none has one.
    Found(Vec<serde_json::Value>),
}
