//! Filters of the audit log.

use std::str::FromStr;

use openindex_adapters_http::client::AuditQuery;
use openindex_domain::audit::{AuditAction, AuditFilter, InvalidPeriod, Subject};
use openindex_domain::clock::Timestamp;

use crate::commands::admin::time_filter::{ago, date};
use crate::commands::admin::user_ref::{self, UserRef};
use crate::commands::prelude::*;

/// The event filters, which all must match.
#[derive(Debug, clap::Args)]
pub(crate) struct FilterArgs {
    /// Only events by this user
    #[arg(long, value_name = "ID|EMAIL")]
    actor: Option<UserRef>,
    /// Only events with this action
    #[arg(
        long,
        value_parser = clap::builder::PossibleValuesParser::new(
            AuditAction::all().map(AuditAction::as_str)
        )
    )]
    action: Option<String>,
    /// Only events about this user, token, agent run, work item, session or invite
    #[arg(long, value_name = "ID|KEY|EMAIL")]
    subject: Option<SubjectRef>,
    /// Only events at or after this date or date-time
    #[arg(long, value_name = "DATE", conflicts_with = "last")]
    since: Option<String>,
    /// Only events within this time, such as 24h or 7d
    #[arg(long, value_name = "SPAN")]
    last: Option<String>,
    /// Only events before this date or date-time
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

/// The subject of an event: an ID, a work item key, or a user's email address.
#[derive(Debug, Clone)]
enum SubjectRef {
    Id(Subject),
    User(UserRef),
}

impl FromStr for SubjectRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        text.parse().map(Self::User).map_err(|_| {
            "must be an ID (usr_…, pat_…, run_…, ses_… or inv_…), a work item key such as OPS-42, \
             or a user's email address"
        })
    }
}

impl FilterArgs {
    /// Validates everything except the users, which may require a request.
    pub(super) fn without_users(&self, now: Timestamp) -> Result<AuditQuery, Failure> {
        let since = date("--since", self.since.as_ref())?;
        let since = since.or(ago("--last", self.last.as_ref(), now)?);
        let until = date("--until", self.until.as_ref())?;
        let period = AuditFilter {
            since,
            until,
            ..AuditFilter::default()
        };
        // The server's clock decides what is in the future.
        if period.check_period(now) == Err(InvalidPeriod::Reversed) {
            let start = if self.last.is_some() {
                "--last"
            } else {
                "--since"
            };
            let message = format!("{start} must start before --until");
            return Err(Failure::usage(message));
        }
        Ok(AuditQuery {
            actor: None,
            action: self.action.as_deref().and_then(AuditAction::parse),
            subject: None,
            since,
            until,
        })
    }

    /// Completes the query with the users, and with durations counted from the server's time.
    pub(super) fn with_users(
        &self,
        query: AuditQuery,
        session: &Session,
    ) -> Result<AuditQuery, Failure> {
        let query = if self.last.is_some() {
            self.without_users(session.server_now()?)?
        } else {
            query
        };
        let actor = self.actor.as_ref();
        let actor = actor
            .map(|user| user_ref::id_of(user, session))
            .transpose()?;
        let subject = match &self.subject {
            None => None,
            Some(SubjectRef::Id(id)) => Some(*id),
            Some(SubjectRef::User(user)) => Some(Subject::User(user_ref::id_of(user, session)?)),
        };
        Ok(AuditQuery {
            actor,
            subject,
            ..query
        })
    }
}
