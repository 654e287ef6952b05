//! Rejects query parameters and bodies that a route does not read, because ignoring a mistyped
//! parameter would widen the request. The check runs before the handler, but its
//! [`Permission`](crate::guard::Permission) returns the error, so that 401 and 403 come first.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body as RawBody, HttpBody as _};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use axum::routing::{MethodRouter, Route};
use futures_util::future::{BoxFuture, Either};
use tower::Service;
use tower::layer::layer_fn;

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
    routes.route_layer(layer_fn(move |route| Checked {
        reads,
        route: Arc::new(route),
    }))
}

/// A route after the check.
#[derive(Clone)]
struct Checked {
    reads: Reads,
    route: Arc<Route>,
}

impl Service<Request> for Checked {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<RouteFuture<Infallible>, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let mut route = Route::clone(&self.route);
        let has_nothing = request.uri().query().is_none()
            && request.body().is_end_stream()
            && !HeldBack::is_in(request.extensions());
        if has_nothing {
            return Either::Left(route.call(request));
        }
        let reads = self.reads;
        Either::Right(Box::pin(async move {
            if let Err(problem) = find_unread(reads, &mut request).await {
                request.extensions_mut().insert(Deferred(problem));
            }
            route.call(request).await
        }))
    }
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
