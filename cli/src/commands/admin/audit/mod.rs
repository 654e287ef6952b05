//! `oi settings admin audit`: the audit log.

mod export;
mod filter;

use openindex_adapters_http::client::Client;
use openindex_adapters_http::wire::{AuditActor, AuditEvent};

use crate::commands::prelude::*;
use crate::render::instant;

use export::Export;
use filter::FilterArgs;

commands! {
    /// List audit events, newest first
    #[command(visible_alias = "ls")]
    #[command(after_help = "\
Requires an administrator's token with the admin scope. To read the whole audit log, use `export`.

Examples:
  oi settings admin audit list --last 24h
  oi settings admin audit list --actor ada@example.com --action token.revoked
  oi settings admin audit list --subject pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2 --json")]
    List(Paged<FilterArgs>) -> "AuditList" = list,
    /// Export the audit log, or the events that match the filters, as JSON or CSV
    Export(Export) -> "Exported" = export::run,
}

fn list(args: &Paged<FilterArgs>, app: &mut App<'_>) -> Result<(), CliError> {
    let filter = args.filter.without_users(app.now())?;
    let session = app.human_session()?;
    let filter = args.filter.with_users(filter, &session)?;
    let request = |client: &Client, query: &_| client.audit_list(&filter, query);
    paging::list(&args.page, &session, app, request, events_text)
}

fn events_text(events: &[AuditEvent], style: &Style) -> String {
    if events.is_empty() {
        return "No matching events.\n".to_owned();
    }
    let shown: Vec<String> = events.iter().map(|event| one(event, style)).collect();
    shown.join("\n")
}

fn one(event: &AuditEvent, style: &Style) -> String {
    let subject = named(&event.subject, event.subject_name.as_ref());
    let mut rows = vec![("actor", actor(&event.actor)), ("subject", subject)];
    let related = event.related.as_ref();
    rows.extend(related.map(|it| ("related", named(it, event.related_name.as_ref()))));
    let address = event.client_address.as_deref();
    rows.extend(address.map(|it| ("ip address", plain(it))));
    let request = event.request_id.as_deref();
    rows.extend(request.map(|it| ("request", plain(it))));
    let change = event.email_change.as_ref();
    let change = change.map(|it| format!("{} → {}", plain(&it.from), plain(&it.to)));
    rows.extend(change.map(|it| ("email", it)));
    rows.push(("id", plain(&event.id)));
    let (action, at) = (style.bold(&plain(&event.action)), instant(&event.at));
    format!("{action}  {at}\n{}", fields(&rows, style))
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
    name.map_or_else(|| plain(id), |name| with_id(name, id))
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
