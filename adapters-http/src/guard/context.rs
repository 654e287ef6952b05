use std::convert::Infallible;
use std::net::IpAddr;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;
use openindex_domain::audit::{RequestContext, RequestId};

/// The client address, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The request context for the audit log: the [`RequestId`] and [`ClientAddress`] that a middleware
/// has set as request extensions. Empty without them.
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
    pub(crate) fn of(parts: &Parts) -> Self {
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
