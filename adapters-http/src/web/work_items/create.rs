use askama::Template;
use openindex_domain::access::ActorError;
use openindex_domain::form::FormId;
use openindex_domain::work_item::{
    DomainKey, NewWorkItem, Placement, TopKind, WorkItemConflict, WorkItemError,
};

use crate::web::{Done, Form, Invalid, Names, Page, PageResult, Person, html, once};

use super::fields::{Fields, Values, read};
use super::view::conflict;
use super::{path_of, use_cases};

#[derive(Template)]
#[template(path = "work/new.html")]
struct NewPage {
    page: Page,
    form: FormId,
    fields: Fields,
    place: TypedPlace,
}

/// The placement of the new item, as entered.
#[derive(Default)]
struct TypedPlace {
    parent: String,
    domain: String,
    is_project: bool,
}

impl TypedPlace {
    fn of(form: &Form) -> Self {
        Self {
            parent: form.shown("parent").to_owned(),
            domain: form.shown("domain").to_owned(),
            is_project: form.get("kind") == "project",
        }
    }
}

/// Shows the form. With `?parent=`, it is the form for a sub-task.
pub(in crate::web) async fn show_form(person: Person) -> PageResult {
    let entries = person.entries();
    let is_entered = !entries.get("priority").is_empty();
    let (place, values) = if is_entered {
        (TypedPlace::of(entries), Values::typed(entries))
    } else {
        let place = TypedPlace {
            parent: person.query.get("parent").to_owned(),
            domain: person.query.get("domain").to_owned(),
            ..TypedPlace::default()
        };
        (place, Values::blank())
    };
    let fields = Fields::of(&person, values, None, Invalid::default());
    let fields = fields.await?;
    render(&person, entries, fields, place)
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
                let names = Names::of(&person, Vec::new()).await?;
                let field = match why {
                    WorkItemConflict::AssigneeNotFound => "assignee",
                    _ => at,
                };
                errors.add(field, conflict(&why, &names));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let fields = Fields::of(&person, Values::typed(&form), None, errors).await?;
    render(&person, &form, fields, TypedPlace::of(&form))
}

/// Parses the placement: below a parent, or at the top level of a domain. Returns `None` after
/// adding its error.
fn place(form: &Form, errors: &mut Invalid) -> Option<Placement> {
    let parent = form.get("parent").trim();
    if !parent.is_empty() {
        let parent = parent.parse().map(Placement::PartOf);
        return errors.check("parent", parent, |error| format!("The parent {error}."));
    }
    let kind = if form.get("kind") == "project" {
        TopKind::Project
    } else {
        TopKind::Task
    };
    let domain = DomainKey::parse(form.get("domain").trim());
    let domain = errors.check("domain", domain, |error| format!("The domain {error}."));
    domain.map(|domain| Placement::Domain(domain, kind))
}

fn render(person: &Person, form: &Form, fields: Fields, place: TypedPlace) -> PageResult {
    let template = NewPage {
        page: person.page("work"),
        form: once::to_show(person, form)?,
        fields,
        place,
    };
    html(template.fields.errors.status(), &template)
}
