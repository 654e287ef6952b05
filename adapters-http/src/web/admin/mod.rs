//! `/settings/admin`: people, invites, everybody's tokens, and the audit trail.

pub(super) mod audit;
pub(super) mod bulk;
pub(super) mod invites;
mod people;
mod sign_in_link;
mod token_filter;
pub(super) mod tokens;
pub(super) mod user;
pub(super) mod users;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use super::error::WebError;
use super::local_path::LocalPath;
use super::query::Query;

pub(super) use people::People;

/// How many items a page of a list has.
const PAGE: u32 = 50;

/// The list that something was chosen from, with its filters, to come back to.
pub(super) struct Back {
    /// Where it is.
    pub(super) path: String,
    /// What hands it on, behind the path of a page; blank where the list was not filtered.
    pub(super) query: String,
}

impl Back {
    /// Returns where `next` of a query or a form leads, or the whole list unless it is a page among the
    /// settings.
    pub(super) fn to(next: &str, list: &'static str) -> Self {
        match LocalPath::parse(next) {
            Some(path) if path.as_str() != list => Self {
                query: Query::default().with("next", path.as_str()).on(""),
                path: path.as_str().to_owned(),
            },
            _ => Self {
                path: list.to_owned(),
                query: String::new(),
            },
        }
    }

    /// Returns where to go after a change: back to the list, or on to a page when it was not filtered.
    pub(super) fn or(&self, page: String) -> String {
        if self.query.is_empty() {
            page
        } else {
            self.path.clone()
        }
    }
}

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
