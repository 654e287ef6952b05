use askama::Template;
use http::StatusCode;
use openindex_domain::agent_run::RunFilter;
use openindex_domain::work_item::{WorkItemConflict, WorkItemFilter, WorkItemKey};

use crate::web::{At, Moment, Named, Names, Page, PageResult, Person, Shown, WebError, html};

use super::history::{Entry, History, RunLink};
use super::use_cases;
use super::view::{ItemView, conflict, users_of};

/// The maximum number of sub-tasks on an item's page.
const PARTS: u32 = 50;

#[derive(Template)]
#[template(path = "work/item.html")]
struct WorkItemPage {
    page: Page,
    item: ItemView,
    description: Shown,
    whole: Option<String>,
    created_by: Named,
    created: Moment,
    resolved: Option<Moment>,
    /// The agent run that has claimed it.
    run: Option<RunLink>,
    /// The agent run that had claimed it and has ended.
    lapsed: Option<RunLink>,
    /// The user on whose behalf an agent has claimed it.
    on_behalf: Option<Named>,
    parts: Vec<ItemView>,
    has_more_parts: bool,
    /// The number of the user's live runs bound to it.
    bound_runs: usize,
    history: Vec<Entry>,
    problem: Option<String>,
    /// The invalid agent ID that was entered.
    wrong_agent: Option<String>,
}

/// Why a change was rejected.
pub(super) enum Rejected {
    /// It conflicts with the item's current state.
    Conflict(WorkItemConflict),
    /// The agent ID is invalid.
    Agent(String),
}

pub(in crate::web) async fn show(person: At<Person, WorkItemKey>) -> PageResult {
    render(&person, person.id, None).await
}

/// Returns the number of the user's live runs bound to the item.
pub(super) async fn bound_runs(person: &Person, key: WorkItemKey) -> Result<usize, WebError> {
    let filter = RunFilter {
        work_item: Some(key),
        ..RunFilter::LIVE
    };
    let runs = &person.agent_runs;
    let found = runs.list(&person.principal, &filter, None, 1_000).await?;
    Ok(found.runs.count())
}

/// Renders the page of an item, with the reason why a change was rejected, if one was.
pub(super) async fn render(person: &Person, key: WorkItemKey, why: Option<Rejected>) -> PageResult {
    let (work, principal) = (use_cases(person)?, &person.principal);
    let me = principal.user_id();
    let item = &work.get(principal, key).await?;
    let of_item = WorkItemFilter {
        parent: Some(key),
        ..WorkItemFilter::default()
    };
    let parts = work.list(principal, &of_item, None, PARTS).await?;
    let claim = item.claim.as_ref();
    let run = claim.and_then(|claim| claim.run);
    let history = History::of(person, key, run).await?;
    let behalf = claim.and_then(|claim| claim.on_behalf);
    let behalf = behalf.or_else(|| history.owner_of(run?));
    let holder = match &why {
        Some(Rejected::Conflict(WorkItemConflict::Claimed(holder))) => holder.person(),
        _ => None,
    };
    let met = users_of(item)
        .chain([item.created_by])
        .chain(behalf)
        .chain(holder)
        .chain(history.users())
        .chain(parts.items.iter().flat_map(users_of))
        .collect();
    let names = Names::of(person, met).await?;
    let now = person.now();
    let (status, problem, wrong_agent) = match why {
        Some(Rejected::Conflict(why)) => (StatusCode::CONFLICT, Some(conflict(&why, &names)), None),
        Some(Rejected::Agent(typed)) => (StatusCode::UNPROCESSABLE_ENTITY, None, Some(typed)),
        None => (StatusCode::OK, None, None),
    };
    let part = |part| ItemView::of(part, me, &names, now);
    let template = WorkItemPage {
        page: person.page("work").with_damaged(&parts.items),
        description: Shown::of(item.description.as_str()),
        whole: key.parent().map(|whole| whole.to_string()),
        created_by: names.within(item.created_by),
        created: Moment::new(item.created_at, now),
        resolved: item.resolved_at.map(|at| Moment::new(at, now)),
        run: run.map(|run| history.link(run)),
        on_behalf: behalf.map(|user| names.within(user)),
        parts: parts.items.iter().map(part).collect(),
        has_more_parts: parts.next.is_some(),
        bound_runs: bound_runs(person, key).await?,
        lapsed: history.lapsed(item),
        history: history.entries(item, &names, now),
        problem,
        item: ItemView::of(item, me, &names, now),
        wrong_agent,
    };
    html(status, &template)
}
