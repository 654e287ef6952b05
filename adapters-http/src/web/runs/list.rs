use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::agent_run::{AgentId, RunFilter, RunState};

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::paging::Paging;
use crate::web::query::Query;
use crate::web::site::Web;

use super::view::{Details, RunView};
use super::{Ending, PATH};

/// Runs per page.
const PAGE: u32 = 50;
const FIELDS: [&str; 4] = ["status", "agent", "token", "item"];

#[derive(Template)]
#[template(path = "runs/list.html")]
struct ListPage {
    page: Page,
    runs: Vec<RunView>,
    chosen: Query,
    is_filtered: bool,
    wrong_field: Option<&'static str>,
    /// The number of live runs, regardless of the filter.
    live: usize,
    has_work: bool,
    paging: Paging,
}

pub(in crate::web) async fn list(
    person: Person,
    State(web): State<Web>,
    query: Query,
) -> Result<Response, WebError> {
    let principal = &person.principal;
    let runs = &web.api.agent_runs;
    let chosen = FIELDS.iter().fold(Query::default(), |chosen, field| {
        chosen.with(field, query.get(field))
    });
    let mut ignored = Vec::new();
    let after = query.place("after", |text| text.parse().ok(), &mut ignored);
    let (found, wrong_field) = match parse(&query) {
        Ok(filter) => (
            Some(runs.list(principal, &filter, after, PAGE).await?),
            None,
        ),
        Err(field) => (None, Some(field)),
    };
    let next = found.as_ref().and_then(|found| found.next);
    let found = found.map(|found| found.runs).unwrap_or_default();
    let shown: Vec<_> = found.iter().cloned().collect();
    let details = Details::of(&web, &person, &shown).await?;
    let now = runs.now();
    let template = ListPage {
        page: Page::of(&web, &person, "agent-runs")
            .with_damaged(&found)
            .with_ignored(ignored),
        runs: shown
            .iter()
            .filter_map(|run| RunView::of(run, &details, now))
            .collect(),
        is_filtered: !chosen.is_empty(),
        wrong_field,
        live: Ending::of(&web, &person, principal.user_id(), None)
            .await?
            .count,
        has_work: web.api.work_items.is_some(),
        paging: Paging::of(&query, PATH, &chosen, next.map(|id| id.to_string())),
        chosen,
    };
    let status = if wrong_field.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    html(status, &template)
}

fn parse(query: &Query) -> Result<RunFilter, &'static str> {
    Ok(RunFilter {
        state: match query.get("status") {
            "" => RunState::Live,
            "ended" => RunState::Ended,
            "all" => RunState::Any,
            _ => return Err("status"),
        },
        agent: query.read("agent", |text| AgentId::parse(text).ok())?,
        issuer: query.read("token", |text| text.parse().ok())?,
        work_item: query.read("item", |text| text.parse().ok())?,
    })
}
