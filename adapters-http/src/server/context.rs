use std::convert::Infallible;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use openindex_domain::audit::{RequestContext, RequestId};

use super::ClientAddress;

/// What the audit trail should know of this request; outside the layers of
/// [`router`](super::router) it knows nothing.
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
    /// What is known of this request.
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
