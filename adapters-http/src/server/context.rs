use std::convert::Infallible;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use openindex_domain::audit::{RequestContext, RequestId};

use super::ClientAddress;

/// The request context for the audit log: request id and client address. Empty outside the
/// middleware of [`router`](super::router).
#[derive(Debug, Clone, Default)]
pub struct Context(pub RequestContext);

impl Deref for Context {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

impl Context {
    /// Returns the context of a request.
    pub(super) fn of(parts: &Parts) -> Self {
        Self(RequestContext {
            request_id: parts.extensions.get::<RequestId>().cloned(),
            client_address: parts
                .extensions
                .get::<ClientAddress>()
                .map(|address| address.0),
            form: None,
        })
    }
}
