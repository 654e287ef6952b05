//! Ids and keys in paths.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use openindex_domain::invite::{InviteError, InviteId};
use openindex_domain::token::{TokenError, TokenId};
use openindex_domain::user::{UserError, UserId};
use openindex_domain::work_item::{WorkItemError, WorkItemKey};

use super::Problem;

/// The id or key in a path. A malformed one is 404, like one that does not exist.
pub(super) struct PathId<T>(pub(super) T);

/// An id or key, with the problem for one that does not exist.
pub(super) trait Missing: FromStr {
    fn missing() -> Problem;
}

impl Missing for TokenId {
    fn missing() -> Problem {
        TokenError::NotFound.into()
    }
}

impl Missing for UserId {
    fn missing() -> Problem {
        UserError::NotFound.into()
    }
}

impl Missing for InviteId {
    fn missing() -> Problem {
        InviteError::NotFound.into()
    }
}

impl Missing for WorkItemKey {
    fn missing() -> Problem {
        WorkItemError::NotFound.into()
    }
}

impl<S: Send + Sync, T: Missing> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Path::<String>::from_request_parts(parts, state)
            .await
            .ok()
            .and_then(|Path(id)| id.parse().ok())
            .map(Self)
            .ok_or_else(T::missing)
    }
}
