use std::str::FromStr as _;

use askama::Template;
use openindex_domain::agent_run::{AgentId, RunFilter, RunPage, RunState, WorkItemKey};

use crate::web::{CHOOSE, Invalid, Page, PageResult, Paging, Person, Query, html, paths};

use super::Ending;
use super::view::{Details, RunView};

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
    errors: Invalid,
    /// The number of live runs, regardless of the filter.
    live: usize,
    has_work: bool,
    paging: Paging,
}

pub(in crate::web) async fn list(person: Person) -> PageResult {
    let principal = &person.principal;
    let runs = &person.agent_runs;
    let chosen = person.query.only(&FIELDS);
    let mut ignored = Vec::new();
    let after = person.query.cursor("after", &mut ignored);
    let mut errors = Invalid::default();
    let filter = parse(&person.query, &mut errors);
    let found = if errors.is_empty() {
        runs.list(principal, &filter, after, PAGE).await?
    } else {
        RunPage::default()
    };
    let shown: Vec<_> = found.runs.iter().cloned().collect();
    let details = Details::of(&person, &shown).await?;
    let now = runs.now();
    let template = ListPage {
        page: person.list_page("agent-runs", &found.runs, ignored),
        runs: shown
            .iter()
            .filter_map(|run| RunView::of(run, &details, now))
            .collect(),
        is_filtered: !chosen.is_empty(),
        errors,
        live: Ending::of(&person, principal.user_id(), None).await?.count,
        has_work: person.work_items.is_some(),
        paging: Paging::of(
            &person.query,
            paths::RUNS,
            &chosen,
            found.next.map(|id| id.to_string()),
        ),
        chosen,
    };
    html(template.errors.status(), &template)
}

/// Parses the filter, with the error of each invalid field.
fn parse(query: &Query, errors: &mut Invalid) -> RunFilter {
    let get = |name| query.get(name);
    RunFilter {
        agent: errors.optional("agent", "agent ID", get("agent"), AgentId::parse),
        state: match get("status") {
            "" => RunState::Live,
            "ended" => RunState::Ended,
            "all" => RunState::Any,
            _ => {
                errors.add("status", CHOOSE);
                RunState::Live
            }
        },
        work_item: errors.optional("item", "work item", get("item"), WorkItemKey::from_str),
        issuer: match get("token") {
            "" => None,
            id => errors.check("token", id.parse(), |_| "This isn’t the ID of a token."),
        },
    }
}
