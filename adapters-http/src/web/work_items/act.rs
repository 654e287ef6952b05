use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::agent_run::AgentId;
use openindex_domain::work_item::{Versions, WorkItemChange, WorkItemError, WorkItemKey};

use crate::server::Context;
use crate::web::access::Person;
use crate::web::done::Done;
use crate::web::error::WebError;
use crate::web::form::Sent;
use crate::web::names::Names;
use crate::web::page::{Page, html};
use crate::web::path::IdPath;
use crate::web::paths;
use crate::web::site::Web;

use super::item::Rejected;
use super::view::{ItemView, users_of};
use super::{expected, item, path_of, use_cases};

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
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let agent = match form.get("agent").trim() {
        "" => None,
        text => {
            let Ok(agent) = AgentId::parse(text) else {
                let why = Rejected::Agent(form.shown("agent").to_owned());
                return item::render_rejected(&web, &person, key, why).await;
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
    action.apply(&web, &person, key, &context).await
}

pub(in crate::web) async fn release(
    person: Person,
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
    sent: Sent,
) -> Result<Response, WebError> {
    let (to, done) = (WorkItemChange::Release, Done::ItemReleased);
    change(&web, &person, key, &sent, to, done).await
}

pub(in crate::web) async fn complete(
    person: Person,
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
    sent: Sent,
) -> Result<Response, WebError> {
    let (to, done) = (WorkItemChange::Complete, Done::ItemCompleted);
    change(&web, &person, key, &sent, to, done).await
}

pub(in crate::web) async fn confirm_delete(
    person: Person,
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
) -> Result<Response, WebError> {
    let principal = &person.principal;
    let item = use_cases(&web)?.get(principal, key).await?;
    let names = Names::of(&web, &person, users_of(&item).collect()).await?;
    let template = DeletePage {
        page: Page::of(&web, &person, "work"),
        bound_runs: item::bound_runs(&web, &person, key).await?,
        item: ItemView::of(&item, principal.user_id(), &names, web.api.tokens.now()),
    };
    html(StatusCode::OK, &template)
}

pub(in crate::web) async fn delete(
    person: Person,
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
    sent: Sent,
) -> Result<Response, WebError> {
    let (to, done) = (WorkItemChange::Delete, Done::ItemDeleted);
    change(&web, &person, key, &sent, to, done).await
}

/// Changes an item as the user, if it still has the version that the form was shown with.
async fn change(
    web: &Web,
    person: &Person,
    key: WorkItemKey,
    Sent { context, form }: &Sent,
    change: WorkItemChange,
    done: Done,
) -> Result<Response, WebError> {
    let action = Action {
        agent: None,
        expected: expected(form),
        change,
        done,
    };
    action.apply(web, person, key, context).await
}

/// The change that a button requests.
struct Action {
    agent: Option<AgentId>,
    expected: Versions,
    change: WorkItemChange,
    done: Done,
}

impl Action {
    async fn apply(
        self,
        web: &Web,
        person: &Person,
        key: WorkItemKey,
        context: &Context,
    ) -> Result<Response, WebError> {
        let (principal, change) = (&person.principal, self.change);
        let changed = use_cases(web)?
            .change(principal, self.agent, key, self.expected, change, context)
            .await;
        match changed {
            Ok(Some(_)) => Ok(self.done.to(&web.site, &path_of(key), &key.to_string())),
            Ok(None) => Ok(self.done.to(&web.site, paths::WORK_ITEMS, &key.to_string())),
            Err(WorkItemError::Conflict(why)) => {
                item::render_rejected(web, person, key, Rejected::Conflict(why)).await
            }
            Err(error) => Err(error.into()),
        }
    }
}
