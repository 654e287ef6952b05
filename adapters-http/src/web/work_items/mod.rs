//! `/work`: work items and the queue, if the instance has them.

mod act;
mod create;
mod edit;
mod fields;
mod history;
mod item;
mod list;
mod queue;
mod view;

pub(super) use act::{claim, complete, confirm_delete, delete, release};
pub(super) use create::{create, show_form as show_new_form};
pub(super) use edit::{edit, show_form as show_edit_form};
pub(super) use item::show;
pub(super) use list::list;
pub(super) use queue::queue;

use openindex_domain::work_item::{Versions, WorkItemKey, WorkItems};

use super::{Form, Web, WebError, paths};

/// Returns the use cases. Without work items, these routes do not exist.
fn use_cases(web: &Web) -> Result<&WorkItems, WebError> {
    web.work_items.as_ref().ok_or(WebError::NOT_FOUND)
}

pub(super) fn path_of(key: WorkItemKey) -> String {
    format!("{}/{key}", paths::WORK_ITEMS)
}

/// Returns the version that the form was shown with. A form without one matches no version.
fn expected(form: &Form) -> Versions {
    Versions::OneOf(form.get("version").parse().into_iter().collect())
}
