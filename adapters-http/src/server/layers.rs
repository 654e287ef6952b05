//! What surrounds every route, from the outside in: the id of the request, counters and the log line,
//! panics; the check of its head, the reading of its body, the time that each may take, the bound on
//! what is worked on at once, and the conditions of a read.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use http_body::Body as _;
use ipnet::IpNet;
use openindex_domain::audit::RequestId;
use openindex_domain::entropy::Entropy;
use openindex_domain::token::TokenKind;
use tokio::time::timeout;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use super::api::Shared;
use super::body::{self, HeldBack};
use super::client_address::client_address;
use super::head;
use super::if_match::OnRead;
use super::overload::Bound;
use super::{ClientAddress, Code, PeerAddress, Problem};

/// The largest body that is read, in bytes: 64 KiB.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The most that a request's target and headers may have together, in bytes: 16 KiB.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// How many requests may be in progress at once, unless told otherwise: enough to keep a database
/// busy that is some milliseconds away, and few enough that what they need stays in the caches.
pub const DEFAULT_MAX_REQUESTS_IN_PROGRESS: usize = 256;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Limits of the layers around the routes.
#[derive(Debug, Clone)]
pub struct LayerSettings {
    /// How long a request's body may take to arrive before the response is 408, and the request after
    /// that before it is 503.
    pub request_timeout: Duration,
    /// How many requests may be in progress at once; probes are not counted, and neither is a
    /// request whose body has not arrived.
    pub max_requests_in_progress: usize,
    /// How long a request waits for its turn when so many are, before it is answered with 503.
    pub overload_patience: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for LayerSettings {
    /// 30 seconds, [`DEFAULT_MAX_REQUESTS_IN_PROGRESS`], one second, and no proxy.
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            max_requests_in_progress: DEFAULT_MAX_REQUESTS_IN_PROGRESS,
            overload_patience: Duration::from_secs(1),
            trusted_proxies: Vec::new(),
        }
    }
}

/// Puts the layers around routes that have their state already.
pub(super) fn wrap(router: Router, state: Shared) -> Router {
    let limits = &state.settings.layers;
    let bound = Bound::new(
        limits.max_requests_in_progress,
        limits.overload_patience,
        state.metrics.requests.clone(),
    );
    let limits = Limits {
        bound,
        time: limits.request_timeout,
    };
    router
        .layer(middleware::from_fn_with_state(limits, admit))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(middleware::from_fn_with_state(state, observe))
}

#[derive(Clone)]
struct Limits {
    bound: Bound,
    /// How long the body may take, and then the response.
    time: Duration,
}

/// Whoever restarts or takes out an instance must hear from it while it is busy.
fn is_probe(route: Option<&MatchedPath>) -> bool {
    route.is_some_and(|route| matches!(route.as_str(), "/health" | "/ready"))
}

/// Gives the request an id, answers with it, counts it, and writes one line about it to the log. The
/// line has the route's pattern, never the target: what a client puts into a query stays out of the
/// log.
async fn observe(State(state): State<Shared>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(acceptable_id)
        .or_else(|| new_id(&*state.entropy));
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        id = id.as_ref().map_or("-", RequestId::as_str),
        %method,
    );
    if let Some(id) = &id {
        request.extensions_mut().insert(id.clone());
    }
    if let Some(PeerAddress(peer)) = request.extensions().get().copied() {
        let trusted = &state.settings.layers.trusted_proxies;
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
            .answered(route, &method, status, took);
        let (route, status) = (route.unwrap_or("-"), status.as_u16());
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::info!(route, status, micros, "answered");
        response
    }
    .instrument(span)
    .await
}

/// A proxy's id is taken over if it is one, unless it looks like a secret that somebody put into
/// the wrong header.
fn acceptable_id(text: &str) -> Option<RequestId> {
    let secret = TokenKind::ALL
        .iter()
        .any(|kind| text.contains(kind.secret_prefix()));
    (!secret).then(|| RequestId::parse(text).ok()).flatten()
}

pub(super) fn new_id(entropy: &dyn Entropy) -> Option<RequestId> {
    let mut random = [0; 16];
    entropy.fill(&mut random).ok()?;
    let uuid = uuid::Builder::from_random_bytes(random).into_uuid();
    RequestId::parse(&format!("req_{}", uuid.simple())).ok()
}

/// Checks the head and reads the body before anything is decided. A response that leaves some of the
/// body unread, such as a 401, would make the server close the connection, and the client's next
/// request on it could be lost. A client that waits for `100 Continue` holds its body back: it is asked
/// for the body only if the head alone does not decide (RFC 9110 §10.1.1).
///
/// From then on the request is in progress, and not before: clients that send their bodies slowly
/// take no place from others.
async fn admit(State(limits): State<Limits>, mut request: Request, next: Next) -> Response {
    if let Err(problem) = head::check(&mut request) {
        return problem.into_last_response();
    }
    if !request.body().is_end_stream() {
        let (parts, body) = request.into_parts();
        if head::awaits_continue(&parts) {
            let held_back = HeldBack::default();
            let mut head = Request::from_parts(parts.clone(), Body::empty());
            head.extensions_mut().insert(held_back.clone());
            let response = serve(&limits, head, next.clone()).await;
            if !held_back.is_wanted() {
                return body::unread(response);
            }
        }
        let bytes = match timeout(limits.time, body::read(body)).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(problem)) => return problem.into_last_response(),
            Err(_) => return body_too_slow(limits.time).into_last_response(),
        };
        request = Request::from_parts(parts, Body::from(bytes));
    }
    serve(&limits, request, next).await
}

async fn serve(limits: &Limits, request: Request, next: Next) -> Response {
    let conditions = OnRead::of(request.method(), request.headers());
    let is_probe = is_probe(request.extensions().get());
    let response = async {
        if is_probe {
            return next.run(request).await;
        }
        match limits.bound.enter().await {
            Ok(_in_progress) => next.run(request).await,
            Err(problem) => problem.into_response(),
        }
    };
    match (timeout(limits.time, response).await, conditions) {
        (Ok(response), None) => response,
        (Ok(response), Some(conditions)) => conditions.apply(response),
        (Err(_), _) => too_slow().into_response(),
    }
}

fn body_too_slow(limit: Duration) -> Problem {
    Problem::new(
        Code::RequestTimeout,
        format!(
            "the body did not arrive within {} seconds, so nothing was changed; send the request \
             again",
            limit.as_secs()
        ),
    )
}

fn too_slow() -> Problem {
    Problem::new(
        Code::Unavailable,
        "the request took too long and was given up; whether a change was made is not known, \
         so look before you repeat it",
    )
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature is that of tower-http's panic handlers"
)]
fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(message, "a handler panicked");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_wrong_header_does_not_become_an_id() {
        assert!(acceptable_id("0af7651916cd43dd8448eb211c80319c").is_some());
        for text in ["oi_pat_jZHvxRBv86", "x-oi_run_jZHv", "two words", ""] {
            assert_eq!(acceptable_id(text), None, "{text}");
        }
    }
}
