//! The fields shared by the forms for new and edited items.

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use openindex_domain::user::UserId;
use openindex_domain::work_item::{Description, ExecutionTarget, Priority, Title, WorkItem};

use crate::web::access::Person;
use crate::web::admin::People;
use crate::web::error::WebError;
use crate::web::form::Form;
use crate::web::names::Names;
use crate::web::site::Web;

use super::list::choices;
use super::view::{Choice, priority, target};

/// The values of the fields.
#[derive(Default)]
pub(super) struct Values {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) priority: String,
    pub(super) target: String,
    pub(super) assignee: String,
}

/// The values that the form was rendered with, to find out which of them the user changed.
#[derive(Default)]
pub(super) struct Before {
    pub(super) title: String,
    /// A digest of the text, which is not sent twice.
    pub(super) description: String,
    pub(super) priority: String,
    pub(super) target: String,
    pub(super) assignee: String,
    pub(super) status: String,
}

impl Before {
    pub(super) fn of(item: &WorkItem) -> Self {
        let now = Values::of(item);
        Self {
            description: digest(&now.description),
            title: now.title,
            priority: now.priority,
            target: now.target,
            assignee: now.assignee,
            status: item.status.to_string(),
        }
    }

    pub(super) fn typed(form: &Form) -> Self {
        let was = |name: &str| form.shown(&format!("was-{name}")).to_owned();
        Self {
            title: was("title"),
            description: was("description"),
            priority: was("priority"),
            target: was("target"),
            assignee: was("assignee"),
            status: was("status"),
        }
    }

    /// Replaces the fields that the user did not change with the item's current values.
    pub(super) fn refresh(&self, values: &mut Values, status: &mut String, item: &WorkItem) {
        // Without the initial values, every field counts as changed.
        if self.status.is_empty() {
            return;
        }
        let now = Values::of(item);
        let is_same = self.description == digest(&values.description);
        for (is_same, value, now) in [
            (self.title == values.title, &mut values.title, now.title),
            (is_same, &mut values.description, now.description),
            (
                self.priority == values.priority,
                &mut values.priority,
                now.priority,
            ),
            (self.target == values.target, &mut values.target, now.target),
            (
                self.assignee == values.assignee,
                &mut values.assignee,
                now.assignee,
            ),
            (self.status == *status, status, item.status.to_string()),
        ] {
            if is_same {
                *value = now;
            }
        }
    }
}

/// Returns a digest to compare texts. It can differ between versions of the server, where every
/// text counts as changed.
fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The validation errors.
#[derive(Default)]
pub(super) struct Errors {
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) other: Option<String>,
}

/// The parsed fields.
pub(super) struct Read {
    pub(super) title: Title,
    pub(super) description: Description,
    pub(super) priority: Priority,
    pub(super) target: ExecutionTarget,
    pub(super) assignee: Option<UserId>,
}

/// The data of the template `work/fields.html`.
pub(super) struct Fields {
    pub(super) values: Values,
    pub(super) priorities: Vec<Choice>,
    pub(super) targets: Vec<Choice>,
    pub(super) assignees: Vec<Choice>,
    pub(super) has_more_people: bool,
    pub(super) errors: Errors,
}

/// Converts the line breaks of a browser (CR LF) to LF.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

impl Values {
    pub(super) fn blank() -> Self {
        Self {
            priority: Priority::Medium.as_str().to_owned(),
            target: ExecutionTarget::Either.as_str().to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn of(item: &WorkItem) -> Self {
        Self {
            title: item.title.to_string(),
            description: lines(item.description.as_str()),
            priority: item.priority.to_string(),
            target: item.target.to_string(),
            assignee: item
                .assignee
                .map(|user| user.to_string())
                .unwrap_or_default(),
        }
    }

    /// Returns the values as entered. Fields that contain a token are empty.
    pub(super) fn typed(form: &Form) -> Self {
        Self {
            title: form.shown("title").to_owned(),
            description: lines(form.shown("description")),
            priority: form.shown("priority").to_owned(),
            target: form.shown("target").to_owned(),
            assignee: form.shown("assignee").to_owned(),
        }
    }
}

impl Errors {
    pub(super) const fn any(&self) -> bool {
        self.title.is_some() || self.description.is_some() || self.other.is_some()
    }
}

/// Parses the fields.
///
/// # Errors
///
/// The message of each invalid field.
pub(super) fn read(form: &Form) -> Result<Read, Errors> {
    let mut errors = Errors::default();
    let text = |error: &dyn Display| Some(error.to_string());
    let title = Title::parse(form.get("title")).map_err(|error| errors.title = text(&error));
    let description = Description::parse(&lines(form.get("description")));
    let description = description.map_err(|error| errors.description = text(&error));
    let choice = || "Choose a value from each list.".to_owned();
    let priority = form.get("priority").parse();
    let priority = priority.map_err(|_| errors.other = Some(choice()));
    let target = form.get("target").parse();
    let target = target.map_err(|_| errors.other = Some(choice()));
    let assignee = match form.get("assignee") {
        "" => Ok(None),
        id => id.parse().map(Some),
    };
    let assignee = assignee.map_err(|_| errors.other = Some(choice()));
    match (title, description, priority, target, assignee) {
        (Ok(title), Ok(description), Ok(priority), Ok(target), Ok(assignee)) => Ok(Read {
            title,
            description,
            priority,
            target,
            assignee,
        }),
        _ => Err(errors),
    }
}

impl Fields {
    /// Loads the choices. `current` is the item's assignee, who remains a choice.
    pub(super) async fn of(
        web: &Web,
        person: &Person,
        values: Values,
        current: Option<UserId>,
        errors: Errors,
    ) -> Result<Self, WebError> {
        let principal = &person.principal;
        let selected = values.assignee.as_str();
        let me = principal.user_id().to_string();
        let mut assignees = vec![
            Choice::new("", "Unassigned", selected),
            Choice::new(&me, "You", selected),
        ];
        let mut has_more_people = false;
        if person.is_administrator() {
            let mut people = People::load(web, principal).await?;
            people.meet(web, principal, current.as_slice()).await?;
            has_more_people = people.has_more;
            let others = people.choices(selected).into_iter();
            assignees.extend(others.filter(|one| one.id != me).map(|one| Choice {
                value: one.id,
                label: one.label,
                is_selected: one.is_selected,
            }));
        } else if let Some(user) = current.filter(|user| *user != principal.user_id()) {
            let name = Names::of(web, person, vec![user]).await?.get(user);
            assignees.push(Choice::new(&user.to_string(), name.as_str(), selected));
        }
        Ok(Self {
            priorities: choices(Priority::ALL, Priority::as_str, priority, &values.priority),
            targets: choices(
                ExecutionTarget::ALL,
                ExecutionTarget::as_str,
                target,
                &values.target,
            ),
            assignees,
            has_more_people,
            values,
            errors,
        })
    }
}
