use askama::Template;
use http::StatusCode;
use openindex_domain::agent_run::AgentId;
use openindex_domain::work_item::{Versions, WorkItemChange, WorkItemError, WorkItemKey};

use crate::server::Context;
use crate::web::{Done, IdPath, Names, Page, PageResult, Person, Sent, html, paths};

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
pub(in crate::web) async fn claim(
    person: Person,
    IdPath(key): IdPath<WorkItemKey>,
    Sent { context, form }: Sent,
) -> PageResult {
    let agent = match form.get("agent").trim() {
        "" => None,
        text => {
            let Ok(agent) = AgentId::parse(text) else {
                let why = Rejected::Agent(form.shown("agent").to_owned());
                return item::render_rejected(&person, key, why).await;
            };
            Some(agent)
        }
    };
    let action = Action {
        agent,
        expected: Versions::ANY,
        change: WorkItemChange::Claim,
        done: Done::ItemClaimed,
    };
    action.apply(&person, key, &context).await
}

pub(in crate::web) async fn release(
    person: Person,
    IdPath(key): IdPath<WorkItemKey>,
    sent: Sent,
) -> PageResult {
    let (to, done) = (WorkItemChange::Release, Done::ItemReleased);
    change(&person, key, &sent, to, done).await
}

pub(in crate::web) async fn complete(
    person: Person,
    IdPath(key): IdPath<WorkItemKey>,
    sent: Sent,
) -> PageResult {
    let (to, done) = (WorkItemChange::Complete, Done::ItemCompleted);
    change(&person, key, &sent, to, done).await
}

pub(in crate::web) async fn confirm_delete(
    person: Person,
    IdPath(key): IdPath<WorkItemKey>,
) -> PageResult {
    let principal = &person.principal;
    let item = use_cases(&person)?.get(principal, key).await?;
    let names = Names::of(&person, users_of(&item).collect()).await?;
    let template = DeletePage {
        page: person.page("work"),
        bound_runs: item::bound_runs(&person, key).await?,
        item: ItemView::of(&item, principal.user_id(), &names, person.now()),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(
    person: Person,
    IdPath(key): IdPath<WorkItemKey>,
    sent: Sent,
) -> PageResult {
    let (to, done) = (WorkItemChange::Delete, Done::ItemDeleted);
    change(&person, key, &sent, to, done).await
}

/// Changes an item as the user, if it still has the version that the form was shown with.
async fn change(
    person: &Person,
    key: WorkItemKey,
    Sent { context, form }: &Sent,
    change: WorkItemChange,
    done: Done,
) -> PageResult {
    let action = Action {
        agent: None,
        expected: expected(form),
        change,
        done,
    };
    action.apply(person, key, context).await
}

/// The change that a button requests.
struct Action {
    agent: Option<AgentId>,
    expected: Versions,
    change: WorkItemChange,
    done: Done,
}

impl Action {
    async fn apply(self, person: &Person, key: WorkItemKey, context: &Context) -> PageResult {
        let (principal, change) = (&person.principal, self.change);
        let changed = use_cases(person)?
            .change(principal, self.agent, key, self.expected, change, context)
            .await;
        match changed {
            Ok(Some(_)) => Ok(self.done.to(&person.site, &path_of(key), &key.to_string())),
            Ok(None) => Ok(self
                .done
                .to(&person.site, paths::WORK_ITEMS, &key.to_string())),
            Err(WorkItemError::Conflict(why)) => {
                item::render_rejected(person, key, Rejected::Conflict(why)).await
            }
            Err(error) => Err(error.into()),
        }
    }
}
