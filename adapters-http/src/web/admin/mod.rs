//! `/settings/admin`: people, invites, everybody's tokens, and the audit trail.

pub(super) mod audit;
pub(super) mod bulk;
pub(super) mod invites;
mod link;
mod people;
mod token_filter;
pub(super) mod tokens;
pub(super) mod user;
pub(super) mod users;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use super::error::WebError;

pub(super) use people::People;

/// How many items a page of a list has.
const PAGE: u32 = 50;

/// An id, a code or a name in a path. One that cannot be is like one that is not there.
pub(super) struct IdPath<T>(pub(super) T);

impl<S: Send + Sync, T: std::str::FromStr> FromRequestParts<S> for IdPath<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, WebError> {
        Path::<String>::from_request_parts(parts, state)
            .await
            .ok()
            .and_then(|Path(id)| id.parse().ok())
            .map(Self)
            .ok_or(WebError::NOT_FOUND)
    }
}
