use std::pin::Pin;
use std::task;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::IntoResponse as _;
use http::{Request, Response};
use openindex_domain::BoxError;
use openindex_domain::access::Requirement;
use tower_layer::Layer;
use tower_service::Service;

use super::Guard;

/// Guards a whole service: a nested router, a file service, a gRPC server. Created by
/// [`Guard::layer`].
#[derive(Clone)]
pub struct GuardLayer {
    guard: Guard,
    requirement: Requirement,
}

impl Guard {
    /// Returns a layer that lets only requests pass whose token meets the requirement. The
    /// [`Principal`](openindex_domain::access::Principal) is then among the extensions of the
    /// request, and the permissions take it from there without verifying the token again.
    ///
    /// On a router, use `route_layer`, so that a request for an unknown path is a 404; with `layer`
    /// it is a 401 first.
    #[must_use]
    pub fn layer(&self, requirement: Requirement) -> GuardLayer {
        GuardLayer {
            guard: self.clone(),
            requirement,
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            layer: self.clone(),
        }
    }
}

/// A guarded service.
#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    layer: GuardLayer,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Boxed<Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> task::Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The service that is ready is called; its clone need not be.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let GuardLayer { guard, requirement } = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match guard.admit(&parts, requirement).await {
                Ok(principal) => {
                    parts.extensions.insert(principal);
                    let response = inner.call(Request::from_parts(parts, body)).await?;
                    Ok(response.map(Body::new))
                }
                Err(problem) => Ok(problem.into_response()),
            }
        })
    }
}
