//! `POST /settings/notices/dismiss`: dismisses notices.

use openindex_domain::clock::Timestamp;

use crate::server::Code;

use super::{Form, PageResult, Person, WebError, paths, redirect};

/// Dismisses the notices that the user was shown, but none that arrived later.
pub(super) async fn dismiss(person: Person, form: Form) -> PageResult {
    let up_to = form
        .get("upTo")
        .parse()
        .ok()
        .and_then(Timestamp::from_unix_millis)
        .ok_or(WebError::of(Code::InvalidRequest))?;
    person
        .users
        .dismiss_notices(&person.principal, up_to, &person.context)
        .await?;
    Ok(redirect(paths::TOKENS))
}
