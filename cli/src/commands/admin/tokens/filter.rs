use openindex_adapters_http::client::PatFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Status};

use crate::app::Session;
use crate::commands::admin::time_filter::{ago, ahead, date};
use crate::commands::admin::user_ref::{self, UserRef};
use crate::error::Failure;

/// The token filters, which all must match.
#[derive(Debug, Default, clap::Args)]
pub(super) struct FilterArgs {
    /// Only tokens of this user
    #[arg(long, value_name = "ID|EMAIL")]
    user: Option<UserRef>,
    /// Only tokens with this scope
    #[arg(long, value_parser = ["read_write", "admin"])]
    scope: Option<String>,
    /// Only tokens with this status (live means active) [default: live and expired]
    #[arg(long, value_parser = ["live", "expired", "revoked"])]
    status: Option<String>,
    /// Only tokens not used since this date or date-time; if never used, the creation date
    /// counts
    #[arg(long, value_name = "DATE", conflicts_with = "unused_for")]
    unused_since: Option<String>,
    /// Only tokens not used for this long, such as 90d, 12h, 30m or 1w
    #[arg(long, value_name = "SPAN")]
    unused_for: Option<String>,
    /// Only tokens that expire before this date or date-time
    #[arg(long, value_name = "DATE", conflicts_with = "expiring_within")]
    expiring_before: Option<String>,
    /// Only tokens that expire within this time, such as 30d or 12h
    #[arg(long, value_name = "SPAN")]
    expiring_within: Option<String>,
}

impl FilterArgs {
    /// Validates everything except the user, which may require a request. Durations count from
    /// `now`, so that the prompt and the revocation mean the same tokens.
    pub(super) fn without_user(&self, now: Timestamp) -> Result<PatFilter, Failure> {
        let since = date("--unused-since", self.unused_since.as_ref())?;
        let before = date("--expiring-before", self.expiring_before.as_ref())?;
        Ok(PatFilter {
            user: None,
            scope: self.scope.as_deref().map(|scope| match scope {
                "admin" => Scope::Admin,
                _ => Scope::ReadWrite,
            }),
            status: self.status.as_deref().map(|status| match status {
                "live" => Status::Live,
                "expired" => Status::Expired,
                _ => Status::Revoked,
            }),
            unused_since: since.or(ago("--unused-for", self.unused_for.as_ref(), now)?),
            expiring_before: before.or(ahead(
                "--expiring-within",
                self.expiring_within.as_ref(),
                now,
            )?),
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

#[cfg(test)]
mod tests {
    use openindex_domain::testing::fixtures::NOW;

    use super::*;

    #[test]
    fn durations_and_dates_set_the_same_filters() {
        let spans = FilterArgs {
            unused_for: Some("90d".to_owned()),
            expiring_within: Some("1w".to_owned()),
            ..FilterArgs::default()
        };
        let filter = spans.without_user(NOW).unwrap();
        assert_eq!(
            filter.unused_since,
            Timestamp::parse_rfc3339("2026-08-26T06:00:00Z")
        );
        assert_eq!(
            filter.expiring_before,
            Timestamp::parse_rfc3339("2026-12-01T06:00:00Z")
        );
        let dates = FilterArgs {
            unused_since: Some("2026-08-26".to_owned()),
            status: Some("expired".to_owned()),
            scope: Some("admin".to_owned()),
            ..FilterArgs::default()
        };
        let filter = dates.without_user(NOW).unwrap();
        assert_eq!(filter.unused_since, Timestamp::parse_since("2026-08-26"));
        assert_eq!(filter.status, Some(Status::Expired));
        assert_eq!(filter.scope, Some(Scope::Admin));
        assert!(FilterArgs::default().without_user(NOW).unwrap().is_empty());
    }
}
