//! `/settings/admin/audit`: the audit log.

use askama::Template;
use openindex_domain::audit::{AuditFilter, RawEvent, Subject};

use crate::server::stream_export;
use crate::web::events::{self, EventView, Reader};
use crate::web::{
    Administrator, Choice, Invalid, Page, PageResult, Person, Query, Shown, WebError, html, paths,
    redirect,
};
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
    actions: Vec<Choice>,
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

pub(in crate::web) async fn list(by: Administrator) -> PageResult {
    let principal = &by.principal;
    let chosen = chosen(&by.query);
    let mut ignored = Vec::new();
    let after = by.query.cursor("after", &mut ignored);
    let parsed = parse(&by, &by.query).await?;
    let filter = parsed.filter;
    let found = if parsed.errors.is_empty() {
        Some(by.audit.list(principal, &filter, after, PAGE).await?)
    } else {
        None
    };
    let next = found.as_ref().and_then(|found| found.next);
    let found = found.map(|found| found.events).unwrap_or_default();
    let actor = filter.actor.map(Subject::User);
    let chosen_subjects = actor.into_iter().chain(filter.subject);
    let reader = Reader::of(&by, false, &found, chosen_subjects).await?;
    let now = by.now();
    let template = AuditPage {
        page: Page {
            ignored,
            ..by.page("audit")
        },
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
        next: next.map(|cursor| chosen.to(paths::AUDIT, "after", &cursor)),
        export: chosen.on(EXPORT_PATH),
        chosen,
    };
    html(template.errors.status(), &template)
}

/// Streams the matching audit events as a file, like the API's export.
pub(in crate::web) async fn export(by: Administrator) -> PageResult {
    let chosen = chosen(&by.query);
    let parsed = parse(&by, &by.query).await?;
    if !parsed.errors.is_empty() {
        // The page shows what is invalid.
        return Ok(redirect(&chosen.on(paths::AUDIT)));
    }
    let format = match by.query.get("format") {
        "json" => ExportFormat::Json,
        _ => ExportFormat::Csv,
    };
    Ok(stream_export(&by, by.principal.clone(), parsed.filter, format).await?)
}

/// Returns the fields of the filter as the page may show them: without one that contains a token.
fn chosen(query: &Query) -> Query {
    query.only(&FIELDS)
}

async fn parse(by: &Person, query: &Query) -> Result<Parsed, WebError> {
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
        text => match target::user(by, text).await? {
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
        text => match target::target(by, text).await? {
            Ok(subject) => filter.subject = Some(subject),
            Err(unclear) => {
                errors.add("subject", format!("Target {}.", unclear.why));
                *subjects = choices(unclear, chosen, "subject");
            }
        },
    }
    events::read_period(query, by.now(), filter, errors);
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
