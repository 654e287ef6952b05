use askama::Template;
use http::StatusCode;
use openindex_domain::agent_run::RunFilter;
use openindex_domain::token::{Token, TokenId};

use crate::server::Code;
use crate::web::{At, Done, Form, Page, PageResult, Person, WebError, html, paths, redirect};

use super::view::{Details, RunView};

/// The maximum number of runs to end at once, so that their IDs do not exceed the size of a form.
pub(super) const AT_ONCE: u32 = 1_000;

#[derive(Template)]
#[template(path = "runs/end.html")]
struct EndPage {
    page: Page,
    run: RunView,
}

#[derive(Template)]
#[template(path = "runs/end_all.html")]
struct EndAllPage {
    page: Page,
    runs: Vec<RunView>,
    /// The IDs of the runs shown, which the form ends.
    ids: String,
    is_limited: bool,
}

pub(in crate::web) async fn confirm(person: At<Person, TokenId>) -> PageResult {
    let token = person.agent_runs.get(&person.principal, person.id).await?;
    let details = Details::of(&person, std::slice::from_ref(&token)).await?;
    let run = RunView::of(&token, &details, person.agent_runs.now());
    let run = run.ok_or(WebError::NOT_FOUND)?;
    if !run.is_live {
        // The run's page shows when and why it ended.
        return Ok(redirect(&format!("{}/{}", paths::RUNS, person.id)));
    }
    let template = EndPage {
        page: person.page("agent-runs"),
        run,
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn end(person: At<Person, TokenId>) -> PageResult {
    let (runs, principal) = (&person.agent_runs, &person.principal);
    // A damaged run can still be ended.
    let token = runs.get(principal, person.id).await.ok();
    runs.end(principal, person.id, &person.context).await?;
    let about = token.and_then(|token| token.run);
    let about = about.map_or_else(|| person.id.to_string(), |run| run.agent.to_string());
    Ok(Done::RunEnded.to(&person.site, paths::RUNS, &about))
}

pub(in crate::web) async fn confirm_all(person: Person) -> PageResult {
    let runs = all_live(&person).await?;
    if runs.is_empty() {
        return Ok(redirect(paths::RUNS));
    }
    let details = Details::of(&person, &runs).await?;
    let now = person.agent_runs.now();
    let ids: Vec<String> = runs.iter().map(|run| run.id.to_string()).collect();
    let template = EndAllPage {
        page: person.page("agent-runs"),
        runs: runs
            .iter()
            .filter_map(|run| RunView::of(run, &details, now))
            .collect(),
        is_limited: runs.len() == AT_ONCE as usize,
        ids: ids.join(" "),
    };
    html(StatusCode::OK, &template)
}

/// Ends exactly the runs that were shown, but none that started later.
pub(in crate::web) async fn end_all(person: Person, form: Form) -> PageResult {
    let ids: Result<Vec<TokenId>, _> = form
        .get("runs")
        .split_ascii_whitespace()
        .map(str::parse)
        .collect();
    let ids = ids.map_err(|_| WebError::of(Code::InvalidRequest))?;
    let runs = &person.agent_runs;
    let ended = runs.end_all(&person.principal, ids, &person.context);
    let about = match ended.await? {
        0 => return Ok(Done::NoRunsEnded.on(&person.site, paths::RUNS)),
        1 => "1 agent run".to_owned(),
        count => format!("{count} agent runs"),
    };
    Ok(Done::RunsEnded.to(&person.site, paths::RUNS, &about))
}

/// Returns the user's live runs, at most [`AT_ONCE`].
async fn all_live(person: &Person) -> Result<Vec<Token>, WebError> {
    let runs = &person.agent_runs;
    let page = runs.list(&person.principal, &RunFilter::LIVE, None, AT_ONCE);
    Ok(page.await?.runs.into_iter().collect())
}
