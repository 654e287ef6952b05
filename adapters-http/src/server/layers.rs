//! What is around every route, outermost first: request id, metrics and access log; then CORS,
//! panics, the check of the head, the body, timeouts, the limit on requests in progress, and
//! conditional reads.
//!
//! All of it is one service: each service of its own would be cloned and allocated per request.
//! What few requests require is boxed, because a future is copied with room for all that it may
//! contain.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::Route;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Body as _;
use openindex_domain::audit::RequestId;
use tokio::time::{Instant, timeout, timeout_at};
use tower::{Layer as _, Service, ServiceExt as _, layer::layer_fn, service_fn};
use tower_http::cors::CorsLayer;
use tracing::{Instrument as _, Span, field};

use super::body::{self, HeldBack, TooLargeForm};
use super::client_address::client_address;
use super::cors;
use super::head;
use super::if_match::OnRead;
use super::method::standard;
use super::metrics::RouteMetrics;
use super::overload::RequestLimit;
use super::request_ids::RequestIds;
use super::state::Shared;
use super::{ClientAddress, Code, PeerAddress, Problem, Stopping, is_browser};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// Wraps routes that already have their state; `forwarded` are those that ignore the body and
/// conditional headers, because these belong to a request that a proxy will pass on.
pub(super) fn wrap(router: Router, forwarded: Router, state: Shared) -> Router {
    let limits = &state.settings.layers;
    let layers = Arc::new(Layers {
        in_progress: RequestLimit::new(
            limits.max_requests_in_progress,
            limits.overload_timeout,
            state.metrics.requests.clone(),
        ),
        time: limits.request_timeout,
        cors: cors::layer(&limits.cors_origins, state.pages()),
        ids: RequestIds::new(state.entropy.clone()),
        shared: state,
    });
    let wrap = |is_forwarded| {
        let layers = layers.clone();
        layer_fn(move |route| {
            Wrapped(Arc::new(Inner {
                layers: layers.clone(),
                is_forwarded,
                metrics: RouteMetrics::default(),
                route,
            }))
        })
    };
    router.layer(wrap(false)).merge(forwarded.layer(wrap(true)))
}

/// What all routes share.
struct Layers {
    shared: Shared,
    in_progress: RequestLimit,
    /// How long the body may take, and then the response.
    time: Duration,
    cors: Option<CorsLayer>,
    ids: RequestIds,
}

/// A route with everything that is around it. The router clones it for each request.
#[derive(Clone)]
struct Wrapped(Arc<Inner>);

struct Inner {
    layers: Arc<Layers>,
    is_forwarded: bool,
    metrics: RouteMetrics,
    route: Route,
}

impl Service<Request> for Wrapped {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move { Ok(inner.observe(request).await) })
    }
}

/// Returns whether the route is a probe. Orchestrators must get a response even from a busy server.
fn is_probe(route: Option<&MatchedPath>) -> bool {
    route.is_some_and(|route| matches!(route.as_str(), "/health" | "/ready"))
}

impl Inner {
    /// Assigns a request id, returns it in the response, counts the request and logs it. The log
    /// line has the route's pattern, not the target, so that no query reaches the log.
    async fn observe(&self, mut request: Request) -> Response {
        let begun = Instant::now();
        let state = &self.layers.shared;
        let id = id_of_client(request.headers()).or_else(|| self.layers.ids.next());
        let method = request.method().clone();
        let span = tracing::info_span!(
            "request",
            id = id.as_ref().map_or("-", RequestId::as_str),
            method = standard(&method).unwrap_or("-"),
            trace_id = field::Empty,
        );
        let spans = state.settings.layers.spans.as_deref();
        if let Some(trace) = spans.and_then(|it| it.begun(&span, request.headers())) {
            span.record("trace_id", trace);
        }
        if let Some(id) = &id {
            request.extensions_mut().insert(id.clone());
        }
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let is_probe = is_probe(matched.as_ref());
        if let Some(PeerAddress(peer)) = request.extensions_mut().remove() {
            let trusted = &state.settings.layers.trusted_proxies;
            state
                .proxy_warnings()
                .check(peer, request.headers(), trusted, is_probe);
            let address = client_address(peer, request.headers(), trusted);
            request.extensions_mut().insert(ClientAddress(address));
        }
        let observed = async {
            let mut response = match &self.layers.cors {
                // Without forwarded requests: CORS would accept their preflight without a token.
                Some(cors) if !self.is_forwarded => {
                    Box::pin(self.share(cors, request, begun, is_probe)).await
                }
                _ => self.catch(request, begun, is_probe).await,
            };
            let headers = response.headers_mut();
            state.put_under_prefix(headers);
            if let Some(Ok(value)) = id.map(|id| HeaderValue::from_str(id.as_str())) {
                headers.insert(REQUEST_ID, value);
            }
            headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
            let (status, took) = (response.status(), begun.elapsed());
            let route = matched.as_ref().map(MatchedPath::as_str);
            let counters = &state.metrics.requests;
            self.metrics.record(counters, route, &method, status, took);
            if let Some(spans) = spans {
                spans.ended(&Span::current(), route, status);
            }
            let (route, status) = (route.unwrap_or("-"), status.as_u16());
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            tracing::info!(route, status, micros, "request completed");
            response
        };
        observed.instrument(span).await
    }

    /// Applies CORS, outside the overload limit, so that scripts can read a 503.
    async fn share(
        &self,
        cors: &CorsLayer,
        request: Request,
        begun: Instant,
        is_probe: bool,
    ) -> Response {
        let service = service_fn(|request| {
            let response = self.catch(request, begun, is_probe);
            response.map(Ok::<_, Infallible>)
        });
        let Ok(response) = cors.layer(service).oneshot(request).await;
        response
    }

    async fn catch(&self, request: Request, begun: Instant, is_probe: bool) -> Response {
        let response = AssertUnwindSafe(self.admit(request, begun, is_probe)).catch_unwind();
        response
            .await
            .unwrap_or_else(|panic| respond_to_panic(&*panic))
    }

    /// Checks the head, and reads the body, if any, before the request is handled.
    async fn admit(&self, mut request: Request, begun: Instant, is_probe: bool) -> Response {
        if self.is_forwarded {
            return Box::pin(self.ask(request, begun, is_probe)).await;
        }
        if let Err(problem) = head::check(&mut request) {
            return problem.into_last_response();
        }
        if !request.body().is_end_stream() {
            return Box::pin(self.receive(request, is_probe)).await;
        }
        self.serve(request, begun, is_probe).await
    }

    /// Reads the body. A response that leaves part of it unread, such as a 401, would make the
    /// server close the connection, and the client's next request on it could be lost. A client
    /// that waits for `100 Continue` is asked for the body only if the head alone does not decide
    /// (RFC 9110 §10.1.1).
    ///
    /// The request counts as in progress only from then on, so that slow uploads occupy no slot.
    async fn receive(&self, request: Request, is_probe: bool) -> Response {
        let (parts, body) = request.into_parts();
        let time = self.layers.time;
        let limit = head::body_limit(&parts, &self.layers.shared);
        if head::announces_more(&parts.headers, limit) {
            return self.too_large(limit, parts, is_probe).await;
        }
        if head::awaits_continue(&parts) {
            let held_back = HeldBack::default();
            let mut head = Request::from_parts(parts.clone(), Body::empty());
            head.extensions_mut().insert(held_back.clone());
            let response = self.serve(head, Instant::now(), is_probe).await;
            if !held_back.is_wanted() {
                return body::unread(response);
            }
        }
        let stopping = async {
            match parts.extensions.get::<Stopping>().cloned() {
                Some(stopping) => stopping.begun().await,
                None => std::future::pending().await,
            }
        };
        let bytes = tokio::select! {
            // A request that has arrived completely is handled even when the server is stopping.
            biased;
            read = timeout(time, body::read(body, limit)) => match read {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(problem)) if problem.code() == Code::BodyTooLarge => {
                    return self.too_large(limit, parts, is_probe).await;
                }
                Ok(Err(problem)) => return problem.into_last_response(),
                Err(_) => return body_too_slow(time).into_last_response(),
            },
            () = stopping => return stopped().into_last_response(),
        };
        let request = Request::from_parts(parts, Body::from(bytes));
        self.serve(request, Instant::now(), is_probe).await
    }

    /// Handles a request about another one, whose body and conditions are ignored.
    async fn ask(&self, mut request: Request, begun: Instant, is_probe: bool) -> Response {
        let body = std::mem::replace(request.body_mut(), Body::empty());
        let response = match head::check(&mut request) {
            Ok(()) => {
                head::cut_original(request.uri_mut());
                let response = self.in_limits(request, begun, is_probe).await;
                response.unwrap_or_else(Problem::into_response)
            }
            Err(problem) => problem.into_response(),
        };
        body::ignore(body, response).await
    }

    /// Rejects a body above `limit`, of which nothing more is read: on its page, if a browser sent
    /// a form.
    async fn too_large(&self, limit: usize, head: Parts, is_probe: bool) -> Response {
        if !head::is_form(&head.headers) || !is_browser(&head.headers) {
            return body::body_too_large(limit).into_last_response();
        }
        let mut form = Request::from_parts(head, Body::empty());
        form.extensions_mut().insert(TooLargeForm);
        body::unread(self.serve(form, Instant::now(), is_probe).await)
    }

    async fn serve(&self, request: Request, begun: Instant, is_probe: bool) -> Response {
        let conditions = OnRead::of(request.method(), request.headers());
        match (self.in_limits(request, begun, is_probe).await, conditions) {
            (Ok(response), None) => response,
            (Ok(response), Some(conditions)) => conditions.apply(response),
            (Err(problem), _) => problem.into_response(),
        }
    }

    /// Returns the span of what the route does.
    fn use_case(&self, request: &Request) -> Span {
        if !tracing::span_enabled!(tracing::Level::DEBUG) {
            return Span::none();
        }
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map_or("-", MatchedPath::as_str);
        let operation = self.layers.shared.operation(request.method(), route);
        tracing::debug_span!("use case", operation)
    }

    /// Handles a request that has arrived at `begun` within the limits of requests in progress and
    /// of time.
    ///
    /// # Errors
    ///
    /// 503 after the timeout.
    async fn in_limits(
        &self,
        request: Request,
        begun: Instant,
        is_probe: bool,
    ) -> Result<Response, Problem> {
        let response = async {
            // Orchestrators must get a response even from a busy server.
            let _in_progress = if is_probe {
                None
            } else {
                match self.layers.in_progress.enter().await {
                    Ok(in_progress) => Some(in_progress),
                    Err(problem) => return problem.into_response(),
                }
            };
            let span = self.use_case(&request);
            let response = self.route.clone().call(request);
            let Ok(response) = if span.is_disabled() {
                response.await
            } else {
                Box::pin(response.instrument(span)).await
            };
            response
        };
        timeout_at(begun + self.layers.time, response)
            .await
            .map_err(|_| too_slow())
    }
}

/// Returns the request id from the client or a proxy, or else its trace id.
fn id_of_client(headers: &HeaderMap) -> Option<RequestId> {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    only(&REQUEST_ID)
        .and_then(RequestId::of_client)
        .or_else(|| only(&TRACE_PARENT).and_then(RequestId::of_trace))
}

fn body_too_slow(limit: Duration) -> Problem {
    Problem::new(
        Code::RequestTimeout,
        format!(
            "the request body did not arrive within {} seconds; nothing was changed, so it is safe \
             to retry",
            limit.as_secs()
        ),
    )
}

fn stopped() -> Problem {
    Problem::new(
        Code::Unavailable,
        "the server is shutting down and the request body had not arrived; nothing was changed, so \
         it is safe to retry",
    )
}

fn too_slow() -> Problem {
    Problem::new(
        Code::Unavailable,
        "the request timed out and may or may not have taken effect; check before you retry",
    )
}

fn respond_to_panic(panic: &(dyn Any + Send)) -> Response<Body> {
    // A formatted message may quote client input; a literal cannot.
    let message = panic
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(not logged)");
    tracing::error!(cause = message, "handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_header_names_the_request_and_a_trace_where_there_is_none() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let trace = "00-b7ad6b71692033310af7651916cd43dd-b7ad6b7169203331-01";
        let of = |headers: &[(&HeaderName, &'static str)]| {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.append(*name, HeaderValue::from_static(value));
            }
            id_of_client(&all).map(|id| id.as_str().to_owned())
        };
        let traced = Some("b7ad6b71692033310af7651916cd43dd".to_owned());
        assert_eq!(of(&[(&REQUEST_ID, id)]), Some(id.to_owned()));
        assert_eq!(
            of(&[(&TRACE_PARENT, trace), (&REQUEST_ID, id)]),
            Some(id.to_owned())
        );
        assert_eq!(of(&[(&TRACE_PARENT, trace)]), traced);
        assert_eq!(
            of(&[(&TRACE_PARENT, trace), (&REQUEST_ID, "session")]),
            traced
        );
        assert_eq!(of(&[(&REQUEST_ID, id), (&REQUEST_ID, id)]), None);
        assert_eq!(of(&[(&TRACE_PARENT, trace), (&TRACE_PARENT, trace)]), None);
        assert_eq!(of(&[]), None);
    }
}
