use std::str::FromStr;

use openindex_adapters_http::client::AuditQuery;
use openindex_domain::audit::{AuditAction, Subject};
use openindex_domain::clock::Timestamp;

use crate::app::Session;
use crate::commands::admin::people::{self, UserRef};
use crate::commands::admin::when::{ago, date};
use crate::error::Failure;

/// Which events; each filter that is given narrows it down.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// By this user
    #[arg(long, value_name = "ID|EMAIL")]
    actor: Option<UserRef>,
    /// Of this kind
    #[arg(
        long,
        value_parser = clap::builder::PossibleValuesParser::new(
            AuditAction::ALL.iter().map(|action| action.as_str())
        )
    )]
    action: Option<String>,
    /// About this user, token, agent run, work item, session or invite
    #[arg(long, value_name = "ID|KEY|EMAIL")]
    subject: Option<SubjectRef>,
    /// At this date or date-time, or later
    #[arg(long, value_name = "DATE", conflicts_with = "last")]
    since: Option<String>,
    /// Not longer ago than this: 24h, 7d
    #[arg(long, value_name = "SPAN")]
    last: Option<String>,
    /// Before this date or date-time
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
}

/// What an event is about: an id or a key, or a user by their address.
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
            "name it by its id (usr_…, pat_…, run_…, ses_…, inv_…), a work item by its key \
                 (OPS-42), or a user by their email address"
        })
    }
}

impl FilterArgs {
    /// All of it but the users, who may have to be looked for.
    pub(super) fn without_users(&self, now: Timestamp) -> Result<AuditQuery, Failure> {
        let since = date("--since", self.since.as_ref())?;
        Ok(AuditQuery {
            actor: None,
            action: self.action.as_deref().and_then(AuditAction::parse),
            subject: None,
            since: since.or(ago("--last", self.last.as_ref(), now)?),
            until: date("--until", self.until.as_ref())?,
        })
    }

    /// The same with the users, and with spans counted by the server's clock.
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
        let actor = actor.map(|user| people::id_of(user, session)).transpose()?;
        let subject = match &self.subject {
            None => None,
            Some(SubjectRef::Id(id)) => Some(*id),
            Some(SubjectRef::User(user)) => Some(Subject::User(people::id_of(user, session)?)),
        };
        Ok(AuditQuery {
            actor,
            subject,
            ..query
        })
    }
}
