//! `oi settings admin audit`: the audit log.

mod export;

use std::str::FromStr;

use openindex_adapters_http::client::AuditQuery;
use openindex_adapters_http::wire::{AuditActor, AuditEvent};
use openindex_domain::audit::{AuditAction, AuditFilter, InvalidPeriod, Subject};
use openindex_domain::clock::Timestamp;

use crate::app::{App, Session};
use crate::commands::Run;
use crate::commands::paging::{self, PageArgs};
use crate::error::{CliError, Failure};
use crate::render::{Style, fields, instant, plain};

use super::time_filter::{ago, date};
use super::user_ref::{self, UserRef};
use export::Export;

commands! {
    /// List audit events, newest first
    #[command(visible_alias = "ls")]
    List(List) -> "AuditList",
    /// Export the audit log, or the events that match the filters, as JSON or CSV
    Export(Export) -> "Exported",
}

/// The event filters, which all must match.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Only events by this user
    #[arg(long, value_name = "ID|EMAIL")]
    actor: Option<UserRef>,
    /// Only events with this action
    #[arg(
        long,
        value_parser = clap::builder::PossibleValuesParser::new(
            AuditAction::ALL.iter().map(|action| action.as_str())
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

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Requires an administrator's token with the admin scope. To read the whole audit log, use `export`.

Examples:
  oi settings admin audit list --last 24h
  oi settings admin audit list --actor ada@example.com --action token.revoked
  oi settings admin audit list --subject pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --json")]
pub(crate) struct List {
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    page: PageArgs,
}

impl Run for List {
    fn run(&self, app: &mut App<'_>) -> Result<(), CliError> {
        let filter = self.filter.without_users(app.now())?;
        let session = app.human_session()?;
        let filter = self.filter.with_users(filter, &session)?;
        let fetch = |query: &_| session.call(|client| client.audit_list(&filter, query));
        paging::list(&self.page, app, fetch, events_text)
    }
}

fn events_text(events: &[AuditEvent], style: &Style) -> String {
    if events.is_empty() {
        return "No matching events.\n".to_owned();
    }
    let shown: Vec<String> = events.iter().map(|event| one(event, style)).collect();
    shown.join("\n")
}

fn one(event: &AuditEvent, style: &Style) -> String {
    let mut rows = vec![
        ("actor", actor(&event.actor)),
        (
            "subject",
            named(&event.subject, event.subject_name.as_ref()),
        ),
    ];
    if let Some(related) = &event.related {
        rows.push(("related", named(related, event.related_name.as_ref())));
    }
    let optional = [
        ("ip address", &event.client_address),
        ("request", &event.request_id),
    ];
    for (label, value) in optional {
        if let Some(value) = value {
            rows.push((label, plain(value)));
        }
    }
    if let Some(change) = &event.email_change {
        let (from, to) = (plain(&change.from), plain(&change.to));
        rows.push(("email", format!("{from} → {to}")));
    }
    rows.push(("id", plain(&event.id)));
    format!(
        "{}  {}\n{}",
        style.bold(&plain(&event.action)),
        instant(&event.at),
        fields(&rows, style)
    )
}

fn actor(actor: &AuditActor) -> String {
    let kind = match actor.kind.as_str() {
        "operator" => "server operator".to_owned(),
        _ => plain(&actor.kind),
    };
    let user = |id| named(id, actor.user_name.as_ref());
    let credential = |id| named(id, actor.credential_name.as_ref());
    match (&actor.user_id, &actor.credential_id) {
        (Some(by), Some(with)) => format!("{} with {}", user(by), credential(with)),
        (Some(by), None) => format!("{} ({kind})", user(by)),
        (None, Some(with)) => format!("{} ({kind})", credential(with)),
        (None, None) => kind,
    }
}

/// Returns an ID after its name, if it has one.
fn named(id: &str, name: Option<&String>) -> String {
    match name {
        Some(name) => format!("{} ({})", plain(name), plain(id)),
        None => plain(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::admin::tests::events;
    use crate::commands::tests::STYLE;

    #[test]
    fn shows_actor_action_time_subject_and_ip_address() {
        insta::assert_snapshot!("events", events_text(&events(), &STYLE));
        insta::assert_snapshot!("events_none", events_text(&[], &STYLE));
    }
}
