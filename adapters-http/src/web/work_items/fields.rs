//! The fields shared by the forms for new and edited items.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use openindex_domain::user::UserId;
use openindex_domain::work_item::{
    Description, ExecutionTarget, Priority, Title, WorkItem, WorkItemConflict,
};

use crate::web::admin::People;
use crate::web::{CHOOSE, Choice, Form, Invalid, Names, Person, WebError};

use super::view::{conflict, priority, target};

/// The names of the fields in page order. The form for a new item has no status.
const FIELDS: [&str; 6] = [
    "title",
    "description",
    "priority",
    "target",
    "assignee",
    "status",
];

/// The value of each of the [`FIELDS`].
#[derive(Default)]
pub(super) struct Values([String; FIELDS.len()]);

/// Returns a digest to compare texts. It can differ between versions of the server, where every
/// text counts as changed.
fn digest(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
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
    pub(super) errors: Invalid,
}

/// Converts the line breaks of a browser (CR LF) to LF.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

impl Values {
    pub(super) fn of(item: &WorkItem) -> Self {
        Self([
            item.title.to_string(),
            lines(item.description.as_str()),
            item.priority.to_string(),
            item.target.to_string(),
            item.assignee
                .map(|user| user.to_string())
                .unwrap_or_default(),
            item.status.to_string(),
        ])
    }

    /// Returns the values as entered. Fields that contain a token are empty.
    pub(super) fn typed(form: &Form) -> Self {
        Self(FIELDS.map(|field| lines(form.shown(field))))
    }

    /// Returns the values that the form was rendered with, as [`remembered`](Self::remembered).
    pub(super) fn before(form: &Form) -> Self {
        Self(FIELDS.map(|field| form.shown(&format!("was-{field}")).to_owned()))
    }

    /// Returns the values as the form sends them along, to find out which of them the user changed:
    /// the description as a digest, so that the text is not sent twice.
    pub(super) fn remembered(&self) -> Self {
        Self(FIELDS.map(|field| match field {
            "description" => digest(self.get(field)),
            _ => self.get(field).to_owned(),
        }))
    }

    /// Replaces the values that the user did not change with the item's current ones.
    pub(super) fn refresh(&mut self, before: &Self, item: &WorkItem) {
        // Without the initial values, every field counts as changed.
        if before.get("status").is_empty() {
            return;
        }
        let (typed, now) = (self.remembered().0, Self::of(item).0);
        let was = typed.iter().zip(&before.0);
        for ((value, now), (typed, before)) in self.0.iter_mut().zip(now).zip(was) {
            if typed == before {
                *value = now;
            }
        }
    }

    pub(super) fn get(&self, field: &str) -> &str {
        let mut pairs = self.pairs();
        let found = pairs.find(|(name, _)| *name == field);
        found.map_or("", |(_, value)| value)
    }

    /// Returns the names and the values in page order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        FIELDS.into_iter().zip(self.0.iter().map(String::as_str))
    }
}

/// Parses the fields, except for the status. Returns `None` after adding each invalid one to
/// `errors`.
pub(super) fn read(form: &Form, errors: &mut Invalid) -> Option<Read> {
    let title = Title::parse(form.get("title"));
    let title = errors.named("title", "title", title);
    let description = Description::parse(&lines(form.get("description")));
    let description = errors.named("description", "description", description);
    let priority = form.get("priority").parse();
    let priority = errors.check("priority", priority, |_| CHOOSE);
    let target = form.get("target").parse();
    let target = errors.check("target", target, |_| CHOOSE);
    let assignee = match form.get("assignee") {
        "" => Ok(None),
        id => id.parse().map(Some),
    };
    let assignee = errors.check("assignee", assignee, |_| CHOOSE);
    Some(Read {
        title: title?,
        description: description?,
        priority: priority?,
        target: target?,
        assignee: assignee?,
    })
}

/// Adds a conflict as the error of the assignee, or else of the field `at`.
pub(super) async fn add_conflict(
    person: &Person,
    why: &WorkItemConflict,
    at: &'static str,
    errors: &mut Invalid,
) -> Result<(), WebError> {
    let names = Names::of(person, Vec::new()).await?;
    let field = match why {
        WorkItemConflict::AssigneeNotFound => "assignee",
        _ => at,
    };
    errors.add(field, conflict(why, &names));
    Ok(())
}

impl Fields {
    /// Loads the choices. `current` is the item's assignee, who remains a choice.
    pub(super) async fn of(
        person: &Person,
        values: Values,
        current: Option<UserId>,
        errors: Invalid,
    ) -> Result<Self, WebError> {
        let principal = &person.principal;
        let selected = values.get("assignee");
        let me = principal.user_id().to_string();
        let mut assignees = vec![
            Choice::new("", "Unassigned", selected),
            Choice::new(&me, "You", selected),
        ];
        let mut has_more_people = false;
        if person.is_administrator() {
            let people = People::load(person, current).await?;
            has_more_people = people.has_more;
            let others = people.choices(selected).into_iter();
            assignees.extend(others.filter(|one| one.value != me));
        } else if let Some(user) = current.filter(|user| *user != principal.user_id()) {
            let name = Names::of(person, vec![user]).await?.get(user);
            assignees.push(Choice::new(&user.to_string(), name.as_str(), selected));
        }
        Ok(Self {
            priorities: Choice::of_all(Priority::ALL, priority, values.get("priority")),
            targets: Choice::of_all(ExecutionTarget::ALL, target, values.get("target")),
            assignees,
            has_more_people,
            values,
            errors,
        })
    }
}
