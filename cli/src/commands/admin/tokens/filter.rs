//! Filters of the tokens of all users, and how the matching tokens are listed.

use openindex_adapters_http::client::PatFilter;
use openindex_adapters_http::wire::{AdminPat, Open, Status};
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{self, Scope};

use crate::commands::admin::time_filter::{ago, ahead, date};
use crate::commands::admin::user_ref::{self, UserRef, owner};
use crate::commands::prelude::*;
use crate::commands::tokens::named;

pub(super) const LIST: &str = "oi settings admin tokens list";

/// Formats tokens with their owners.
pub(super) fn pats_listing(pats: &[AdminPat], style: &Style) -> String {
    let titles = &["owner", "scope", "expires", "last used"];
    listing(Form::Named, titles, pats, style, |item, style| {
        let pat = &item.pat;
        let (owner, scope) = (owner(&item.owner), word(&pat.scope));
        let expires_at = pat.expires_at.as_deref();
        let (expiry, ends) = match pat.status {
            Open::Known(Status::Revoked) => ("revoked".to_owned(), "revoked".to_owned()),
            _ => (expiry(expires_at, style), ends(expires_at, style)),
        };
        let (used, words) = last_used(pat.last_used_at.as_deref(), style);
        Row {
            name: named(pat),
            summary: format!("{owner} · {scope} · {ends} · {words}"),
            cells: vec![owner, scope, expiry, used],
            id: plain(&pat.id),
            inactive: pat.status != Status::Live,
        }
    })
}

/// The token filters, which all must match.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct FilterArgs {
    /// Only tokens of this user
    #[arg(long, value_name = "ID|EMAIL")]
    pub(super) user: Option<UserRef>,
    /// Only tokens with this scope
    #[arg(long, value_parser = one_of(Scope::ALL, Scope::as_str))]
    pub(super) scope: Option<Scope>,
    /// Only tokens with this status (live means active) [default: live and expired]
    #[arg(long, value_parser = one_of(token::Status::ALL, token::Status::as_str))]
    pub(super) status: Option<token::Status>,
    /// Only tokens not used since this date or date-time; if never used, the creation date
    /// counts
    #[arg(long, value_name = "DATE", conflicts_with = "unused_for")]
    pub(super) unused_since: Option<String>,
    /// Only tokens not used for this long, such as 90d, 12h, 30m or 1w
    #[arg(long, value_name = "SPAN")]
    pub(super) unused_for: Option<String>,
    /// Only tokens that expire before this date or date-time
    #[arg(long, value_name = "DATE", conflicts_with = "expiring_within")]
    pub(super) expiring_before: Option<String>,
    /// Only tokens that expire within this time, such as 30d or 12h
    #[arg(long, value_name = "SPAN")]
    pub(super) expiring_within: Option<String>,
}

impl FilterArgs {
    /// Validates everything except the user, which may require a request. Durations count from
    /// `now`, so that the prompt and the revocation mean the same tokens.
    pub(super) fn without_user(&self, now: Timestamp) -> Result<PatFilter, Failure> {
        let since = date("--unused-since", self.unused_since.as_ref())?;
        let before = date("--expiring-before", self.expiring_before.as_ref())?;
        let ago = ago("--unused-for", self.unused_for.as_ref(), now)?;
        let ahead = ahead("--expiring-within", self.expiring_within.as_ref(), now)?;
        Ok(PatFilter {
            user: None,
            scope: self.scope,
            status: self.status,
            unused_since: since.or(ago),
            expiring_before: before.or(ahead),
        })
    }

    /// Completes the filter with the user, and with durations counted from the server's time.
    pub(super) fn with_user(
        &self,
        filter: PatFilter,
        session: &Session,
    ) -> Result<PatFilter, Failure> {
        let filter = if self.unused_for.is_some() || self.expiring_within.is_some() {
            self.without_user(session.server_now()?)?
        } else {
            filter
        };
        let user = self.user.as_ref();
        let user = user
            .map(|user| user_ref::id_of(user, session))
            .transpose()?;
        Ok(PatFilter { user, ..filter })
    }

    pub(super) const fn names_a_user(&self) -> bool {
        self.user.is_some()
    }
}
