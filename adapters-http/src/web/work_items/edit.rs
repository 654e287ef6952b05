use askama::Template;
use http::StatusCode;
use openindex_domain::work_item::{
    ItemStatus, WorkItem, WorkItemChange, WorkItemConflict, WorkItemEdit, WorkItemError,
    WorkItemKey,
};

use crate::web::{
    At, CHOOSE, Choice, Done, Form, Invalid, Names, Page, PageResult, Person, Shown, WebError, html,
};

use super::fields::{Fields, Values, add_conflict, lines, read};
use super::item::bound_runs;
use super::view::{priority, status, target};
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
    /// The values that the form is rendered with.
    before: Values,
    bound_runs: usize,
    /// The fields whose current value differs from the entry: label and current value.
    conflicts: Vec<(&'static str, Shown)>,
    has_changed: bool,
}

pub(in crate::web) async fn show_form(person: At<Person, WorkItemKey>) -> PageResult {
    let item = use_cases(&person)?
        .get(&person.principal, person.id)
        .await?;
    let (entries, errors) = (person.entries(), Invalid::default());
    if entries.get("version").parse::<u64>().is_err() {
        let values = Values::of(&item);
        let before = values.remembered();
        return render(&person, &item, values, before, errors, false).await;
    }
    render_again(&person, item, entries, errors).await
}

pub(in crate::web) async fn edit(person: At<Person, WorkItemKey>, form: Form) -> PageResult {
    let (work, principal) = (use_cases(&person)?, &person.principal);
    let key = person.id;
    let current = work.get(principal, key).await?;
    let mut errors = Invalid::default();
    let read = read(&form, &mut errors);
    let status = form.get("status").parse::<ItemStatus>();
    let status = errors.check("status", status, |_| CHOOSE);
    let mut has_changed = false;
    if let (Some(read), Some(status)) = (read, status) {
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
        let (change, context) = (WorkItemChange::Edit(edit), &person.context);
        let changed = work.change(principal, None, key, expected(&form), change, context);
        match changed.await {
            Ok(_) => {
                return Ok(Done::ItemChanged.to(&person.site, &path_of(key), &key.to_string()));
            }
            Err(WorkItemError::Conflict(WorkItemConflict::VersionMismatch { .. })) => {
                has_changed = true;
            }
            Err(WorkItemError::Conflict(why)) => {
                // The other fields of an item can always be changed.
                add_conflict(&person, &why, "status", &mut errors).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if has_changed {
        let item = work.get(principal, key).await?;
        let mut values = Values::typed(&form);
        values.refresh(&Values::before(&form), &item);
        let before = Values::of(&item).remembered();
        return render(&person, &item, values, before, errors, true).await;
    }
    render_again(&person, current, &form, errors).await
}

/// Renders a form as entered. It keeps the version that it was shown with, to detect changes since
/// then.
async fn render_again(person: &Person, item: WorkItem, form: &Form, errors: Invalid) -> PageResult {
    let version = form.get("version").parse().unwrap_or(0);
    let item = WorkItem { version, ..item };
    let (values, before) = (Values::typed(form), Values::before(form));
    render(person, &item, values, before, errors, false).await
}

async fn render(
    person: &Person,
    item: &WorkItem,
    values: Values,
    before: Values,
    errors: Invalid,
    has_changed: bool,
) -> PageResult {
    let conflicts = if has_changed {
        differences(person, item, &values).await?
    } else {
        Vec::new()
    };
    let status_choices = std::iter::once(item.status)
        .chain(item.status.next().iter().copied())
        .map(|one| Choice::new(one.as_str(), status(one), values.get("status")))
        .collect();
    let response_status = if has_changed {
        StatusCode::CONFLICT
    } else {
        errors.status()
    };
    let template = EditPage {
        page: person.page("work"),
        key: item.key.to_string(),
        version: item.version,
        statuses: status_choices,
        fields: Fields::of(person, values, item.assignee, errors).await?,
        before,
        bound_runs: bound_runs(person, item.key).await?,
        conflicts,
        has_changed,
    };
    html(response_status, &template)
}

/// Returns the fields whose current value differs from the entry: label and current value.
async fn differences(
    person: &Person,
    item: &WorkItem,
    typed: &Values,
) -> Result<Vec<(&'static str, Shown)>, WebError> {
    let names = Names::of(person, item.assignee.into_iter().collect()).await?;
    let now = Values::of(item);
    let differing = now.pairs().filter(|(field, now)| match *field {
        "title" => *now != typed.get(field).trim(),
        _ => *now != typed.get(field),
    });
    let shown = differing.map(|(field, now)| match field {
        "title" => ("Title", Shown::of(now)),
        "description" => ("Description", Shown::of(now)),
        "priority" => ("Priority", Shown::of(priority(item.priority))),
        "target" => ("Who can claim it", Shown::of(target(item.target))),
        "assignee" => {
            let assignee = item.assignee.map(|user| names.get(user));
            (
                "Assignee",
                assignee.unwrap_or_else(|| Shown::of("Unassigned")),
            )
        }
        _ => ("Status", Shown::of(status(item.status))),
    });
    Ok(shown.collect())
}
