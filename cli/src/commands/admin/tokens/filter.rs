use openindex_adapters_http::client::PatFilter;
use openindex_domain::clock::Timestamp;
use openindex_domain::token::{Scope, Status};

use crate::app::Session;
use crate::commands::admin::people::{self, UserRef};
use crate::commands::admin::when::{ago, ahead, date};
use crate::error::Failure;

/// Which tokens; each filter that is given narrows it down.
#[derive(Debug, Default, clap::Args)]
pub(super) struct FilterArgs {
    /// Of this user
    #[arg(long, value_name = "ID|EMAIL")]
    user: Option<UserRef>,
    /// With this scope
    #[arg(long, value_parser = ["read_write", "admin"])]
    scope: Option<String>,
    /// Where they stand; without it, live and expired ones
    #[arg(long, value_parser = ["live", "expired", "revoked"])]
    status: Option<String>,
    /// Not used since this date or date-time; one that was never used counts from its creation
    #[arg(long, value_name = "DATE", conflicts_with = "unused_for")]
    unused_since: Option<String>,
    /// Not used for so long: 90d, 12h, 30m, 1w
    #[arg(long, value_name = "SPAN")]
    unused_for: Option<String>,
    /// Ending by themselves before this date or date-time
    #[arg(long, value_name = "DATE", conflicts_with = "expiring_within")]
    expiring_before: Option<String>,
    /// Ending by themselves within so long: 30d, 12h
    #[arg(long, value_name = "SPAN")]
    expiring_within: Option<String>,
}

impl FilterArgs {
    /// All of it but the user, who may have to be looked for. Spans are counted from `now`, once,
    /// so that a question and what follows it mean the same tokens.
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

    /// The same with the user, and with spans counted by the server's clock.
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
        let user = user.map(|user| people::id_of(user, session)).transpose()?;
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
    fn spans_and_dates_are_filters_of_the_same_kind() {
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
