//! Paths that lead somewhere else, and those that lead nowhere.

use axum::extract::State;
use axum::response::Response;

use super::access::{Administrator, Anybody, Person, Visitor};
use super::error::WebError;
use super::site::Web;

pub(super) async fn root(Visitor(principal): Visitor, State(web): State<Web>) -> Response {
    web.site.redirect(match principal {
        Some(_) => "/settings/tokens",
        None => "/sign-in",
    })
}

pub(super) async fn settings(_: Person, State(web): State<Web>) -> Response {
    web.site.redirect("/settings/tokens")
}

pub(super) async fn admin(_: Administrator, State(web): State<Web>) -> Response {
    web.site.redirect("/settings/admin/users")
}

pub(super) async fn nothing(_: Anybody) -> WebError {
    WebError::NOT_FOUND
}
