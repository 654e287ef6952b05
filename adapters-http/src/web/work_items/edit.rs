use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use openindex_domain::work_item::{
    ItemStatus, WorkItem, WorkItemChange, WorkItemConflict, WorkItemEdit, WorkItemError,
    WorkItemKey,
};

use crate::web::access::Person;
use crate::web::admin::IdPath;
use crate::web::done::Done;
use crate::web::error::WebError;
use crate::web::form::Sent;
use crate::web::names::Names;
use crate::web::page::{Page, html};
use crate::web::site::Web;
use crate::web::view::Shown;

use super::fields::{Before, Errors, Fields, Values, lines, read};
use super::item::bound_runs;
use super::view::{Choice, conflict, priority, status, target};
use super::{expected, path_of, use_cases};

#[derive(Template)]
#[template(path = "work/edit.html")]
struct EditPage {
    page: Page,
    key: String,
    /// The version that the change applies to.
    version: u64,
    statuses: Vec<Choice>,
    fields: Fields,
    before: Before,
    bound_runs: usize,
    /// The fields whose current value differs from the entry: label and current value.
    conflicts: Vec<(&'static str, Shown)>,
    has_changed: bool,
}

pub(in crate::web) async fn show_form(
    person: Person,
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
) -> Result<Response, WebError> {
    let item = use_cases(&web)?.get(&person.principal, key).await?;
    let (entries, errors) = (person.entries(), Errors::default());
    let Ok(version) = entries.get("version").parse() else {
        let (values, status) = (Values::of(&item), item.status.as_str());
        let before = Before::of(&item);
        return render(&web, &person, &item, values, status, before, errors, false).await;
    };
    // Keeps the version that the form was shown with, to detect changes since then.
    let item = WorkItem { version, ..item };
    let (values, status) = (Values::typed(entries), entries.shown("status"));
    let before = Before::typed(entries);
    render(&web, &person, &item, values, status, before, errors, false).await
}

pub(in crate::web) async fn edit(
    person: Person,
    State(web): State<Web>,
    IdPath(key): IdPath<WorkItemKey>,
    Sent { context, form }: Sent,
) -> Result<Response, WebError> {
    let (work, principal) = (use_cases(&web)?, &person.principal);
    let current = work.get(principal, key).await?;
    let mut errors = Errors::default();
    let status: Result<ItemStatus, _> = form.get("status").parse();
    let read = read(&form).map_err(|wrong| errors = wrong);
    let status = status.map_err(|_| errors.other = Some("Choose a status.".to_owned()));
    let mut has_changed = false;
    if let (Ok(read), Ok(status)) = (read, status) {
        // A difference in line breaks alone is no edit.
        let is_same = read.description.as_str() == lines(current.description.as_str());
        let edit = WorkItemEdit {
            title: Some(read.title),
            description: (!is_same).then_some(read.description),
            status: Some(status),
            priority: Some(read.priority),
            target: Some(read.target),
            assignee: (read.assignee != current.assignee).then_some(read.assignee),
        };
        let change = WorkItemChange::Edit(edit);
        let expected = expected(&form);
        match work
            .change(principal, None, key, expected, change, &context)
            .await
        {
            Ok(_) => {
                return Ok(Done::ItemChanged.to(&web.site, &path_of(key), &key.to_string()));
            }
            Err(WorkItemError::Conflict(WorkItemConflict::VersionMismatch { .. })) => {
                has_changed = true;
            }
            Err(WorkItemError::Conflict(why)) => {
                let names = Names::of(&web, &person, Vec::new()).await?;
                errors.other = Some(conflict(&why, &names));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut values = Values::typed(&form);
    let mut status = form.shown("status").to_owned();
    let before = Before::typed(&form);
    if has_changed {
        let item = work.get(principal, key).await?;
        before.refresh(&mut values, &mut status, &item);
        let before = Before::of(&item);
        return render(&web, &person, &item, values, &status, before, errors, true).await;
    }
    // Keeps the version that the form was shown with, to detect changes since then.
    let shown = form.get("version").parse().unwrap_or(0);
    let item = WorkItem {
        version: shown,
        ..current
    };
    render(&web, &person, &item, values, &status, before, errors, false).await
}

#[expect(clippy::too_many_arguments, reason = "what one template shows")]
async fn render(
    web: &Web,
    person: &Person,
    item: &WorkItem,
    values: Values,
    selected: &str,
    before: Before,
    errors: Errors,
    has_changed: bool,
) -> Result<Response, WebError> {
    let conflicts = if has_changed {
        differences(web, person, item, &values, selected).await?
    } else {
        Vec::new()
    };
    let status_choices = std::iter::once(item.status)
        .chain(item.status.next().iter().copied())
        .map(|one| Choice::new(one.as_str(), status(one), selected))
        .collect();
    let response_status = if has_changed {
        StatusCode::CONFLICT
    } else if errors.any() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let template = EditPage {
        page: Page::of(web, person, "work"),
        key: item.key.to_string(),
        version: item.version,
        statuses: status_choices,
        fields: Fields::of(web, person, values, item.assignee, errors).await?,
        before,
        bound_runs: bound_runs(web, person, item.key).await?,
        conflicts,
        has_changed,
    };
    html(response_status, &template)
}

/// Returns the fields whose current value differs from the entry: label and current value.
async fn differences(
    web: &Web,
    person: &Person,
    item: &WorkItem,
    typed: &Values,
    selected: &str,
) -> Result<Vec<(&'static str, Shown)>, WebError> {
    let now = Values::of(item);
    let names = Names::of(web, person, item.assignee.into_iter().collect()).await?;
    let assignee = item.assignee.map(|user| names.get(user));
    let of = |differs: bool, field, text: &str| differs.then(|| (field, Shown::of(text)));
    let all = [
        of(now.title != typed.title.trim(), "Title", &now.title),
        of(
            now.description != typed.description,
            "Description",
            &now.description,
        ),
        of(
            item.status.as_str() != selected,
            "Status",
            status(item.status),
        ),
        of(
            now.priority != typed.priority,
            "Priority",
            priority(item.priority),
        ),
        of(
            now.target != typed.target,
            "Who can claim it",
            target(item.target),
        ),
        of(
            now.assignee != typed.assignee,
            "Assignee",
            assignee.as_ref().map_or("Unassigned", Shown::as_str),
        ),
    ];
    Ok(all.into_iter().flatten().collect())
}
