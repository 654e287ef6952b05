use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::token::{Status, TokenId};
use openindex_domain::work_item::WorkItemFilter;

use crate::web::access::Person;
use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::path::IdPath;
use crate::web::site::Web;
use crate::web::view::Shown;

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

pub(in crate::web) async fn show(
    person: Person,
    State(web): State<Web>,
    IdPath(id): IdPath<TokenId>,
) -> Result<Response, WebError> {
    let principal = &person.principal;
    let token = web.api.agent_runs.get(principal, id).await?;
    let now = web.api.agent_runs.now();
    let details = Details::of(&web, &person, std::slice::from_ref(&token)).await?;
    let mut claims = Vec::new();
    let mut has_more_claims = false;
    if let Some(work) = &web.api.work_items
        && token.status(now) == Status::Live
    {
        let filter = WorkItemFilter {
            run: Some(id),
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
        page: Page::of(&web, &person, "agent-runs"),
        run: RunView::of(&token, &details, now).ok_or(WebError::NOT_FOUND)?,
        has_work: web.api.work_items.is_some(),
        claims,
        has_more_claims,
    };
    html(StatusCode::OK, &template)
}
