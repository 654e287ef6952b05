//! Redirects.

use axum::response::Response;

use super::access::{Administrator, Anyone, Person, Visitor};
use super::paths;
use super::site::redirect;

pub(super) async fn root(Visitor(principal): Visitor) -> Response {
    redirect(match principal {
        Some(_) => paths::TOKENS,
        None => "/sign-in",
    })
}

pub(super) async fn settings(_: Person) -> Response {
    redirect(paths::TOKENS)
}

pub(super) async fn admin(_: Administrator) -> Response {
    redirect(paths::USERS)
}

/// Redirects password managers to the form (<https://www.w3.org/TR/change-password-url/>).
pub(super) async fn change_password(_: Anyone) -> Response {
    redirect("/settings/account#password")
}
