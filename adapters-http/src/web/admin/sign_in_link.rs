use askama::Template;
use http::StatusCode;

use crate::web::{Moment, Page, PageResult, Shown, html};

/// A one-time link for an administrator to pass on, shown once.
#[derive(Template)]
#[template(path = "admin/link.html")]
pub(super) struct LinkPage<'a> {
    pub(super) page: Page,
    pub(super) title: &'static str,
    /// The recipient.
    pub(super) email: Shown,
    /// The scripts mixed in the address; empty if it uses a single one.
    pub(super) mixed: String,
    /// The role of the invited user; `None` for a user who has one.
    pub(super) role: Option<&'static str>,
    /// Whether the address of the invited user may lack its ending.
    pub(super) is_dotless: bool,
    /// What anyone with the link can do.
    pub(super) purpose: &'static str,
    pub(super) expires: Moment,
    /// What creating another link does to this one.
    pub(super) again: &'static str,
    pub(super) url: &'a str,
    /// The path of the Done button.
    pub(super) back: String,
    pub(super) back_label: &'static str,
}

impl LinkPage<'_> {
    pub(super) fn respond(&self) -> PageResult {
        html(StatusCode::CREATED, self)
    }
}
