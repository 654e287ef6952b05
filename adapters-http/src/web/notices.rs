//! `POST /settings/notices/dismiss`: dismisses notices.

use axum::extract::State;
use axum::response::Response;
use openindex_domain::clock::Timestamp;

use crate::server::{Code, Context};

use super::access::Person;
use super::error::WebError;
use super::form::Form;
use super::paths;
use super::site::{Web, redirect};

/// Dismisses the notices that the user was shown, but none that arrived later.
pub(super) async fn dismiss(
    person: Person,
    State(web): State<Web>,
    context: Context,
    form: Form,
) -> Result<Response, WebError> {
    let up_to = form
        .get("upTo")
        .parse()
        .ok()
        .and_then(Timestamp::from_unix_millis)
        .ok_or(WebError::of(Code::InvalidRequest))?;
    web.api
        .users
        .dismiss_notices(&person.principal, up_to, &context)
        .await?;
    Ok(redirect(paths::TOKENS))
}
