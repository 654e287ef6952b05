//! Middleware around every route, outermost first: request id, metrics and access log, panics; then
//! the check of the head, the body, timeouts, the limit on requests in progress, and conditional
//! reads.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::Body as _;
use openindex_domain::audit::RequestId;
use openindex_domain::entropy::Entropy;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use super::body::{self, HeldBack, TooLargeForm};
use super::client_address::client_address;
use super::cors;
use super::head;
use super::if_match::OnRead;
use super::method::standard;
use super::overload::RequestLimit;
use super::state::Shared;
use super::{ClientAddress, Code, PeerAddress, Problem, Stopping, is_browser};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Wraps routes that already have their state; `forwarded` are those that ignore the body and
/// conditional headers, because these belong to a request that a proxy will pass on.
pub(super) fn wrap(router: Router, forwarded: Router, state: Shared) -> Router {
    let limits = &state.settings.layers;
    let in_progress = RequestLimit::new(
        limits.max_requests_in_progress,
        limits.overload_timeout,
        state.metrics.requests.clone(),
    );
    let limits = Limits {
        shared: state.clone(),
        in_progress,
        time: limits.request_timeout,
    };
    let forwarded = forwarded
        .layer(middleware::from_fn_with_state(limits.clone(), ask))
        .layer(CatchPanicLayer::custom(respond_to_panic));
    let mut router = router
        .layer(middleware::from_fn_with_state(limits, admit))
        .layer(CatchPanicLayer::custom(respond_to_panic));
    // Outside the overload limit, so that scripts can read a 503.
    if let Some(cors) = cors::layer(&state.settings.layers.cors_origins, state.pages()) {
        router = router.layer(cors);
    }
    // Without CORS, which would accept the preflight of a forwarded request without a token.
    let router = router.merge(forwarded);
    router.layer(middleware::from_fn_with_state(state, observe))
}

#[derive(Clone)]
struct Limits {
    shared: Shared,
    in_progress: RequestLimit,
    /// How long the body may take, and then the response.
    time: Duration,
}

/// Returns whether the route is a probe. Orchestrators must get a response even from a busy server.
fn is_probe(route: Option<&MatchedPath>) -> bool {
    route.is_some_and(|route| matches!(route.as_str(), "/health" | "/ready"))
}

/// Assigns a request id, returns it in the response, counts the request and logs it. The log line
/// has the route's pattern, not the target, so that no query reaches the log.
async fn observe(State(state): State<Shared>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = id_of_client(request.headers()).or_else(|| new_id(&*state.entropy));
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        id = id.as_ref().map_or("-", RequestId::as_str),
        method = standard(&method).unwrap_or("-"),
    );
    if let Some(id) = &id {
        request.extensions_mut().insert(id.clone());
    }
    if let Some(PeerAddress(peer)) = request.extensions().get().copied() {
        let trusted = &state.settings.layers.trusted_proxies;
        let is_probe = is_probe(request.extensions().get());
        state
            .proxy_warnings()
            .check(peer, request.headers(), trusted, is_probe);
        let address = client_address(peer, request.headers(), trusted);
        request.extensions_mut().insert(ClientAddress(address));
    }
    let matched = request.extensions().get::<MatchedPath>().cloned();
    async move {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        state.put_under_prefix(headers);
        if let Some(Ok(value)) = id.map(|id| HeaderValue::from_str(id.as_str())) {
            headers.insert(REQUEST_ID, value);
        }
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        let (status, took) = (response.status(), begun.elapsed());
        let route = matched.as_ref().map(MatchedPath::as_str);
        state
            .metrics
            .requests
            .record_response(route, &method, status, took);
        let (route, status) = (route.unwrap_or("-"), status.as_u16());
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(route, status, micros, "request completed");
        response
    }
    .instrument(span)
    .await
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

pub(super) fn new_id(entropy: &dyn Entropy) -> Option<RequestId> {
    let mut random = [0; 16];
    entropy.fill(&mut random).ok()?;
    let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
    RequestId::parse(&format!("req_{}", uuid.simple())).ok()
}

/// Checks the head and reads the body before routing. A response that leaves part of the body
/// unread, such as a 401, would make the server close the connection, and the client's next request
/// on it could be lost. A client that waits for `100 Continue` is asked for the body only if the
/// head alone does not decide (RFC 9110 §10.1.1).
///
/// The request counts as in progress only from then on, so that slow uploads occupy no slot.
async fn admit(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = head::check(&mut request) {
        return problem.into_last_response();
    }
    if !request.body().is_end_stream() {
        let (parts, body) = request.into_parts();
        let limit = head::body_limit(&parts, &limits.shared);
        if head::announces_more(&parts.headers, limit) {
            return too_large(&limits, limit, parts, next).await;
        }
        if head::awaits_continue(&parts) {
            let held_back = HeldBack::default();
            let mut head = Request::from_parts(parts.clone(), Body::empty());
            head.extensions_mut().insert(held_back.clone());
            let response = serve(&limits, head, next.clone()).await;
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
            read = timeout(limits.time, body::read(body, limit)) => match read {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(problem)) if problem.code() == Code::BodyTooLarge => {
                    return too_large(&limits, limit, parts, next).await;
                }
                Ok(Err(problem)) => return problem.into_last_response(),
                Err(_) => return body_too_slow(limits.time).into_last_response(),
            },
            () = stopping => return stopped().into_last_response(),
        };
        request = Request::from_parts(parts, Body::from(bytes));
    }
    serve(&limits, request, next).await
}

/// Handles a request about another one, whose body and conditions are ignored.
async fn ask(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let response = match head::check(&mut request) {
        Ok(()) => {
            head::cut_original(request.uri_mut());
            let response = in_limits(&limits, request, next).await;
            response.unwrap_or_else(Problem::into_response)
        }
        Err(problem) => problem.into_response(),
    };
    body::ignore(body, response).await
}

/// Rejects a body above `limit`, of which nothing more is read: on its page, if a browser sent a
/// form.
async fn too_large(limits: &Limits, limit: usize, head: Parts, next: Next) -> Response {
    if !head::is_form(&head.headers) || !is_browser(&head.headers) {
        return body::body_too_large(limit).into_last_response();
    }
    let mut form = Request::from_parts(head, Body::empty());
    form.extensions_mut().insert(TooLargeForm);
    body::unread(serve(limits, form, next).await)
}

async fn serve(limits: &Limits, request: Request, next: Next) -> Response {
    let conditions = OnRead::of(request.method(), request.headers());
    match (in_limits(limits, request, next).await, conditions) {
        (Ok(response), None) => response,
        (Ok(response), Some(conditions)) => conditions.apply(response),
        (Err(problem), _) => problem.into_response(),
    }
}

/// Handles a request within the limits of requests in progress and of time.
///
/// # Errors
///
/// 503 after the timeout.
async fn in_limits(limits: &Limits, request: Request, next: Next) -> Result<Response, Problem> {
    let is_probe = is_probe(request.extensions().get());
    let response = async {
        if is_probe {
            return next.run(request).await;
        }
        match limits.in_progress.enter().await {
            Ok(_in_progress) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    };
    timeout(limits.time, response).await.map_err(|_| too_slow())
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

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is that of tower-http's panic handlers"
)]
fn respond_to_panic(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
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
