//! `/settings/account/activity`: a user's own audit events.

use askama::Template;
use openindex_domain::audit::{ActivityPage, ActivitySeek, AuditFilter};

use super::events::{self, EventView, Reader};
use super::{Choice, Invalid, Page, PageResult, Person, Query, html, redirect};

const PATH: &str = "/settings/account/activity";
const PAGE: u32 = 50;
const FIELDS: [&str; 3] = ["action", "from", "to"];

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityView {
    page: Page,
    events: Vec<EventView>,
    actions: Vec<Choice>,
    chosen: Query,
    errors: Invalid,
    previous: Option<String>,
    next: Option<String>,
}

pub(super) async fn list(person: Person) -> PageResult {
    let mut ignored = Vec::new();
    let mut cursor = |name| {
        person
            .query
            .place(name, |text| text.parse().ok(), &mut ignored)
    };
    let place = cursor("before").map(ActivitySeek::Before);
    let place = place.or_else(|| cursor("after").map(ActivitySeek::After));
    let chosen = person.query.only(&FIELDS);
    let (mut filter, mut errors) = (AuditFilter::default(), Invalid::default());
    events::read_action(&person.query, &mut filter, &mut errors);
    events::read_period(&person.query, person.now(), &mut filter, &mut errors);
    let audit = &person.audit;
    let found = if errors.is_empty() {
        let found = audit.activity(&person.principal, &filter, place, PAGE);
        found.await?
    } else {
        ActivityPage::default()
    };
    // Paging back to the first page redirects to the list, so that it starts with the newest entry.
    if found.previous.is_none() && matches!(place, Some(ActivitySeek::Before(_))) {
        return Ok(redirect(&chosen.on(PATH)));
    }
    let reader = Reader::of(&person, true, &found.events, None).await?;
    let template = ActivityView {
        page: person.list_page("account", &found.events, ignored),
        events: found
            .events
            .iter()
            .map(|event| EventView::of(event, &reader))
            .collect(),
        previous: found
            .previous
            .map(|cursor| chosen.to(PATH, "before", &cursor)),
        next: found.next.map(|cursor| chosen.to(PATH, "after", &cursor)),
        actions: events::actions(&chosen),
        errors,
        chosen,
    };
    html(template.errors.status(), &template)
}
