//! Redirects, and paths without a page.

use axum::response::Response;
use http::{Method, Uri};

use super::access::{Administrator, Anyone, Person, Visitor};
use super::error::WebError;
use super::routes::is_page;
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

/// Redirects password managers to the form (<https://www.w3.org/TR/change-password-url/>).
pub(super) async fn change_password(_: Anyone) -> Response {
    redirect("/settings/account#password")
}

/// Redirects a path with a trailing slash to its page. Any other path is not found.
pub(super) async fn not_found(_: Anyone, method: Method, uri: Uri) -> Result<Response, WebError> {
    match uri.path().strip_suffix('/') {
        Some(path) if method == Method::GET && is_page(path) => Ok(redirect(path)),
        _ => Err(WebError::NOT_FOUND),
    }
}
