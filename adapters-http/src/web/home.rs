//! Redirects.

use axum::response::Response;

use super::{Administrator, Anyone, Person, Visitor, paths, redirect};

pub(super) async fn root(visitor: Visitor) -> Response {
    redirect(match visitor.principal {
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
