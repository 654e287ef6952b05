//! Paths that lead somewhere else, and those that lead nowhere.

use axum::response::Response;

use super::access::{Administrator, Anybody, Person, Visitor};
use super::error::WebError;
use super::site::redirect;

pub(super) async fn root(Visitor(principal): Visitor) -> Response {
    redirect(match principal {
        Some(_) => "/settings/tokens",
        None => "/sign-in",
    })
}

pub(super) async fn settings(_: Person) -> Response {
    redirect("/settings/tokens")
}

pub(super) async fn admin(_: Administrator) -> Response {
    redirect("/settings/admin/users")
}

/// Where password managers send their user (<https://www.w3.org/TR/change-password-url/>).
pub(super) async fn change_password(_: Anybody) -> Response {
    redirect("/settings/account#password")
}

pub(super) async fn nothing(_: Anybody) -> WebError {
    WebError::NOT_FOUND
}
