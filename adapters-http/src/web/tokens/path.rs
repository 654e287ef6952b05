use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use openindex_domain::token::TokenId;

use crate::web::error::WebError;

/// The ID of a token in a path. An invalid one is reported as not found.
pub(in crate::web) struct TokenPath(pub(in crate::web) TokenId);

impl<S: Send + Sync> FromRequestParts<S> for TokenPath {
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
