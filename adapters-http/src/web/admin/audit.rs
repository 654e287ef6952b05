//! `/settings/admin/audit`: the audit log.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use openindex_domain::access::Principal;
use openindex_domain::audit::{AuditFilter, RawEvent, Subject};

use crate::server::stream_export;
use crate::web::access::{Administrator, Person};
use crate::web::error::WebError;
use crate::web::events::{self, ActionChoice, EventView, Reader};
use crate::web::invalid::Invalid;
use crate::web::page::{Page, html};
use crate::web::paths;
use crate::web::query::Query;
use crate::web::site::{Web, redirect};
use crate::web::view::Shown;
use crate::wire::ExportFormat;

use super::PAGE;
use super::target::{self, Unclear};

const EXPORT_PATH: &str = "/settings/admin/audit/export";
const FIELDS: [&str; 5] = ["actor", "action", "subject", "from", "to"];

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct AuditPage {
    page: Page,
    events: Vec<EventView>,
    /// The names of the user and the target in the filter.
    actor: Option<Shown>,
    subject: Option<Shown>,
    actions: Vec<ActionChoice>,
    chosen: Query,
    is_filtered: bool,
    errors: Invalid,
    /// What the texts of the fields match, if it is more than one.
    actors: Vec<ChoiceView>,
    subjects: Vec<ChoiceView>,
    is_first: bool,
    first: String,
    next: Option<String>,
    export: String,
}

/// A link that filters by one of the matches of a text.
struct ChoiceView {
    name: Shown,
    kind: Shown,
    path: String,
}

/// The filter of a request.
#[derive(Default)]
struct Parsed {
    filter: AuditFilter,
    errors: Invalid,
    actors: Vec<ChoiceView>,
    subjects: Vec<ChoiceView>,
}

pub(in crate::web) async fn list(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &by.0.principal;
    let chosen = chosen(&query);
    let mut ignored = Vec::new();
    let after = query.place("after", |text| text.parse().ok(), &mut ignored);
    let parsed = parse(&web, principal, &query).await?;
    let filter = parsed.filter;
    let found = if parsed.errors.is_empty() {
        Some(web.api.audit.list(principal, &filter, after, PAGE).await?)
    } else {
        None
    };
    let next = found.as_ref().and_then(|found| found.next);
    let found = found.map(|found| found.events).unwrap_or_default();
    let actor = filter.actor.map(Subject::User);
    let chosen_subjects = actor.into_iter().chain(filter.subject);
    let reader = Reader::of_log(&web, &by.0, &found, chosen_subjects).await?;
    let now = web.api.tokens.now();
    let status = parsed.errors.status();
    let template = AuditPage {
        page: Page::of(&web, &by.0, "audit").with_ignored(ignored),
        events: found
            .entries()
            .into_iter()
            .filter_map(|event| match event {
                Ok(event) => Some(EventView::of(event, &reader)),
                Err(row) => RawEvent::of(row).map(|raw| EventView::raw(&raw, now)),
            })
            .collect(),
        actor: actor.and_then(|actor| reader.name(actor)),
        subject: filter.subject.and_then(|subject| reader.name(subject)),
        actions: events::actions(&chosen),
        is_filtered: !chosen.is_empty() || !parsed.errors.is_empty(),
        errors: parsed.errors,
        actors: parsed.actors,
        subjects: parsed.subjects,
        is_first: after.is_none(),
        first: chosen.on(paths::AUDIT),
        next: next.map(|cursor| {
            chosen
                .clone()
                .with("after", cursor.to_string())
                .on(paths::AUDIT)
        }),
        export: chosen.on(EXPORT_PATH),
        chosen,
    };
    html(status, &template)
}

/// Streams the matching audit events as a file, like the API's export.
pub(in crate::web) async fn export(
    by: Administrator,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let Administrator(Person { principal, .. }) = by;
    let chosen = chosen(&query);
    let parsed = parse(&web, &principal, &query).await?;
    if !parsed.errors.is_empty() {
        // The page shows what is invalid.
        return Ok(redirect(&chosen.on(paths::AUDIT)));
    }
    let format = match query.get("format") {
        "json" => ExportFormat::Json,
        _ => ExportFormat::Csv,
    };
    Ok(stream_export(&web.api, principal, parsed.filter, format).await?)
}

/// Returns the fields of the filter as the page may show them: without one that contains a token.
fn chosen(query: &Query) -> Query {
    query.only(&FIELDS)
}

async fn parse(web: &Web, by: &Principal, query: &Query) -> Result<Parsed, WebError> {
    let chosen = &chosen(query);
    let mut parsed = Parsed::default();
    let Parsed {
        filter,
        errors,
        actors,
        subjects,
    } = &mut parsed;
    match query.get("actor") {
        "" => {}
        text => match target::user(web, by, text).await? {
            Ok(id) => filter.actor = Some(id),
            Err(unclear) => {
                errors.add("actor", format!("Actor {}.", unclear.why));
                *actors = choices(unclear, chosen, "actor");
            }
        },
    }
    events::read_action(query, filter, errors);
    match query.get("subject") {
        "" => {}
        text => match target::target(web, by, text).await? {
            Ok(subject) => filter.subject = Some(subject),
            Err(unclear) => {
                errors.add("subject", format!("Target {}.", unclear.why));
                *subjects = choices(unclear, chosen, "subject");
            }
        },
    }
    events::read_period(query, web.api.tokens.now(), filter, errors);
    Ok(parsed)
}

/// Returns links that replace the text of a field with the ID of one match each.
fn choices(unclear: Unclear, chosen: &Query, field: &str) -> Vec<ChoiceView> {
    let matches = unclear.matches.into_iter();
    let choices = matches.map(|it| {
        let id = it.subject.to_string();
        let replaced = FIELDS.iter().fold(Query::default(), |query, name| {
            let text = if *name == field {
                &id
            } else {
                chosen.get(name)
            };
            query.with(name, text)
        });
        ChoiceView {
            name: Shown::of(&it.name),
            kind: Shown::of(&it.kind),
            path: replaced.on(paths::AUDIT),
        }
    });
    choices.collect()
}
