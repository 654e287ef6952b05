//! Rejects query parameters and bodies that a route does not read, because ignoring a mistyped
//! parameter would widen the request. The check runs before the handler, but its
//! [`Permission`](crate::guard::Permission) returns the error, so that 401 and 403 come first.

use axum::body::Body as RawBody;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;

use super::Problem;
use super::body::{self, Body, HeldBack, Ignored, IntrospectionBody, LeakReportBody};
use super::given::Reader;
use super::if_match::IfMatch;
use super::path::PathId;
use super::query::{self, Query};
use crate::guard::{Argument, Deferred, Reads};

impl Argument for IfMatch {}
impl<T> Argument for PathId<T> {}

impl<A, B> Argument for Query<A, B> {
    const QUERY: bool = true;
}

impl<T> Argument for Body<T> {
    const BODY: bool = true;
}

impl Argument for Ignored {
    const BODY: bool = true;
}

impl Argument for IntrospectionBody {
    const BODY: bool = true;
}

impl Argument for LeakReportBody {
    const BODY: bool = true;
}

/// Adds the check to a route that reads only these parts.
pub(super) fn reject_unread<S: Clone + Send + Sync + 'static>(
    routes: MethodRouter<S>,
    reads: Reads,
) -> MethodRouter<S> {
    if reads.query && reads.body {
        return routes;
    }
    routes.route_layer(middleware::from_fn(move |request: Request, next: Next| {
        record(reads, request, next)
    }))
}

async fn record(reads: Reads, mut request: Request, next: Next) -> Response {
    if let Err(problem) = find_unread(reads, &mut request).await {
        request.extensions_mut().insert(Deferred(problem));
    }
    next.run(request).await
}

async fn find_unread(reads: Reads, request: &mut Request) -> Result<(), Problem> {
    if !reads.query {
        let given = query::given(request.uri());
        Reader::new(&given, "parameter").finish()?;
    }
    if !reads.body {
        let is_held_back = HeldBack::is_in(request.extensions());
        let body = std::mem::replace(request.body_mut(), RawBody::empty());
        body::reject(body, is_held_back).await?;
    }
    Ok(())
}
