use askama::Template;
use axum::response::Response;
use http::StatusCode;

use crate::web::error::WebError;
use crate::web::page::{Page, html};
use crate::web::view::{Moment, Shown};

/// A link that is shown once, for an administrator to hand on.
#[derive(Template)]
#[template(path = "admin/link.html")]
pub(super) struct LinkPage<'a> {
    pub(super) page: Page,
    pub(super) title: &'static str,
    /// Whom it is for.
    pub(super) email: Shown,
    /// The scripts that the address mixes; empty where it mixes none.
    pub(super) mixed: String,
    /// What whoever has it can do.
    pub(super) purpose: &'static str,
    pub(super) expires: Moment,
    /// What making another one does.
    pub(super) again: &'static str,
    pub(super) url: &'a str,
    /// Where to go on.
    pub(super) back: String,
    pub(super) back_label: &'static str,
}

impl LinkPage<'_> {
    pub(super) fn respond(&self) -> Result<Response, WebError> {
        html(StatusCode::CREATED, self)
    }
}
