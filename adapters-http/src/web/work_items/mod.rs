//! `/work`: work items and the queue, where the instance keeps them.

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

use super::error::WebError;
use super::form::Form;
use super::site::Web;

/// Where the list is.
const PATH: &str = "/work";

/// The use cases. Without them, no route leads here.
fn use_cases(web: &Web) -> Result<&WorkItems, WebError> {
    web.api.work_items.as_ref().ok_or(WebError::NOT_FOUND)
}

fn path_of(key: WorkItemKey) -> String {
    format!("{PATH}/{key}")
}

/// The version of the item that the form was shown with; a form that does not say is none of ours,
/// and fits no version.
fn expected(form: &Form) -> Versions {
    Versions::OneOf(form.get("version").parse().into_iter().collect())
}
