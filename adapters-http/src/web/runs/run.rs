use askama::Template;
use http::StatusCode;
use openindex_domain::token::{Status, TokenId};
use openindex_domain::work_item::WorkItemFilter;

use crate::web::{At, Page, PageResult, Person, Shown, WebError, html};

use super::view::{Details, RunView};

/// The maximum number of claimed work items on a run's page.
const CLAIMS: u32 = 50;

#[derive(Template)]
#[template(path = "runs/run.html")]
struct RunPage {
    page: Page,
    run: RunView,
    has_work: bool,
    claims: Vec<ClaimView>,
    has_more_claims: bool,
}

/// A work item that the run has claimed.
struct ClaimView {
    key: String,
    title: Shown,
}

pub(in crate::web) async fn show(person: At<Person, TokenId>) -> PageResult {
    let principal = &person.principal;
    let token = person.agent_runs.get(principal, person.id).await?;
    let now = person.agent_runs.now();
    let details = Details::of(&person, std::slice::from_ref(&token)).await?;
    let mut claims = Vec::new();
    let mut has_more_claims = false;
    if let Some(work) = &person.work_items
        && token.status(now) == Status::Live
    {
        let filter = WorkItemFilter {
            run: Some(person.id),
            ..WorkItemFilter::default()
        };
        let found = work.list(principal, &filter, None, CLAIMS).await?;
        has_more_claims = found.next.is_some();
        claims.extend(found.items.iter().map(|item| ClaimView {
            key: item.key.to_string(),
            title: Shown::of(item.title.as_str()),
        }));
    }
    let template = RunPage {
        page: person.page("agent-runs"),
        run: RunView::of(&token, &details, now).ok_or(WebError::NOT_FOUND)?,
        has_work: person.work_items.is_some(),
        claims,
        has_more_claims,
    };
    html(StatusCode::OK, &template)
}
