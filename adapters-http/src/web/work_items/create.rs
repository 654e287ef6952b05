use askama::Template;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::work_item::{
    DomainKey, ExecutionTarget, NewWorkItem, Placement, Priority, TopKind, WorkItemConflict,
    WorkItemError,
};

use crate::web::{Done, Form, Invalid, Page, PageResult, Person, html, once};

use super::fields::{Fields, Values, add_conflict, read};
use super::{path_of, use_cases};

#[derive(Template)]
#[template(path = "work/new.html")]
struct NewPage<'a> {
    page: Page,
    form: FormId,
    fields: Fields,
    /// The placement of the new item, as entered.
    place: &'a Form,
}

/// Shows the form. With `?parent=`, it is the form for a sub-task.
pub(in crate::web) async fn show_form(person: Person) -> PageResult {
    let (entries, query) = (person.entries(), &person.query);
    let linked = Form::of([
        ("parent", query.get("parent")),
        ("domain", query.get("domain")),
        ("priority", Priority::Medium.as_str()),
        ("target", ExecutionTarget::Either.as_str()),
    ]);
    let is_entered = !entries.get("priority").is_empty();
    let form = if is_entered { entries } else { &linked };
    render(&person, form, Invalid::default()).await
}

pub(in crate::web) async fn create(person: Person, form: Form) -> PageResult {
    let context = once::context(&person, &form)?;
    let mut errors = Invalid::default();
    let place = place(&form, &mut errors);
    let read = read(&form, &mut errors);
    if let (Some(place), Some(read)) = (place, read) {
        let at = match place {
            Placement::Domain(..) => "domain",
            Placement::PartOf(_) => "parent",
        };
        let new = NewWorkItem {
            place,
            title: read.title,
            description: read.description,
            priority: read.priority,
            target: read.target,
            assignee: read.assignee,
        };
        let work = use_cases(&person)?;
        match work.create(&person.principal, new, &context).await {
            Ok(item) => {
                let key = item.key;
                return Ok(Done::ItemCreated.to(&person.site, &path_of(key), &key.to_string()));
            }
            Err(WorkItemError::NotAuthorized(ActorError::FormUsed(created))) => {
                return once::already(&person, created).await;
            }
            Err(WorkItemError::ParentNotFound) => {
                errors.add("parent", "The parent item doesn’t exist.");
            }
            Err(WorkItemError::Conflict(WorkItemConflict::Resolved(_))) => {
                errors.add("parent", "The parent item is done or cancelled.");
            }
            Err(WorkItemError::Conflict(why)) => {
                add_conflict(&person, &why, at, &mut errors).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    render(&person, &form, errors).await
}

/// Parses the placement: below a parent, or at the top level of a domain. Returns `None` after
/// adding its error.
fn place(form: &Form, errors: &mut Invalid) -> Option<Placement> {
    let parent = form.get("parent").trim();
    if !parent.is_empty() {
        let parent = parent.parse().map(Placement::PartOf);
        return errors.named("parent", "parent", parent);
    }
    let kind = if form.get("kind") == "project" {
        TopKind::Project
    } else {
        TopKind::Task
    };
    let domain = DomainKey::parse(form.get("domain").trim());
    let domain = errors.named("domain", "domain", domain);
    domain.map(|domain| Placement::Domain(domain, kind))
}

async fn render(person: &Person, form: &Form, errors: Invalid) -> PageResult {
    let template = NewPage {
        page: person.page("work"),
        form: once::to_show(person, form)?,
        fields: Fields::of(person, Values::typed(form), None, errors).await?,
        place: form,
    };
    html(template.fields.errors.status(), &template)
}
