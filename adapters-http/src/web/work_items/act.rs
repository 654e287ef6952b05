use askama::Template;
use http::StatusCode;
use openindex_domain::agent_run::AgentId;
use openindex_domain::work_item::{Versions, WorkItemChange, WorkItemError, WorkItemKey};

use crate::web::{At, Done, Form, Names, Page, PageResult, Person, html, paths};

use super::item::{self, Rejected};
use super::view::{ItemView, users_of};
use super::{expected, path_of, use_cases};

#[derive(Template)]
#[template(path = "work/delete.html")]
struct DeletePage {
    page: Page,
    item: ItemView,
    bound_runs: usize,
}

/// Claims an item for the user or an agent. Any version matches: a second claim is a conflict.
pub(in crate::web) async fn claim(person: At<Person, WorkItemKey>, form: Form) -> PageResult {
    let agent = match form.get("agent").trim() {
        "" => None,
        text => {
            let Ok(agent) = AgentId::parse(text) else {
                let why = Rejected::Agent(form.shown("agent").to_owned());
                return item::render(&person, person.id, Some(why)).await;
            };
            Some(agent)
        }
    };
    let (to, done) = (WorkItemChange::Claim, Done::ItemClaimed);
    change(&person, agent, Versions::ANY, to, done).await
}

/// Releases an item that still has the version that the form was shown with.
pub(in crate::web) async fn release(person: At<Person, WorkItemKey>, form: Form) -> PageResult {
    let (to, done) = (WorkItemChange::Release, Done::ItemReleased);
    change(&person, None, expected(&form), to, done).await
}

pub(in crate::web) async fn complete(person: At<Person, WorkItemKey>, form: Form) -> PageResult {
    let (to, done) = (WorkItemChange::Complete, Done::ItemCompleted);
    change(&person, None, expected(&form), to, done).await
}

pub(in crate::web) async fn confirm_delete(person: At<Person, WorkItemKey>) -> PageResult {
    let principal = &person.principal;
    let item = use_cases(&person)?.get(principal, person.id).await?;
    let names = Names::of(&person, users_of(&item).collect()).await?;
    let template = DeletePage {
        page: person.page("work"),
        bound_runs: item::bound_runs(&person, person.id).await?,
        item: ItemView::of(&item, principal.user_id(), &names, person.now()),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(person: At<Person, WorkItemKey>, form: Form) -> PageResult {
    let (to, done) = (WorkItemChange::Delete, Done::ItemDeleted);
    change(&person, None, expected(&form), to, done).await
}

/// Makes the change that a button requests, as the user or an agent.
async fn change(
    person: &At<Person, WorkItemKey>,
    agent: Option<AgentId>,
    expected: Versions,
    change: WorkItemChange,
    done: Done,
) -> PageResult {
    let (work, key) = (use_cases(person)?, person.id);
    let (by, context) = (&person.principal, &person.context);
    let path = match work.change(by, agent, key, expected, change, context).await {
        Ok(Some(_)) => path_of(key),
        Ok(None) => paths::WORK_ITEMS.to_owned(),
        Err(WorkItemError::Conflict(why)) => {
            return item::render(person, key, Some(Rejected::Conflict(why))).await;
        }
        Err(error) => return Err(error.into()),
    };
    Ok(done.to(&person.site, &path, &key.to_string()))
}
