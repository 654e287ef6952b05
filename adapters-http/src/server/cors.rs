//! CORS: which scripts of other origins may call the API
//! (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::MatchedPath;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long browsers cache a preflight response.
const MAX_AGE: Duration = Duration::from_mins(10);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Returns the layer that lets scripts of these origins call the API, or `None` if the list is
/// empty.
///
/// Preflights need no token. Credentials are not allowed, so browsers send no cookie; scripts send
/// their own token. Pages of the web interface are never shared.
pub(super) fn layer(origins: &[HeaderValue], pages: &HashSet<&'static str>) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins: HashSet<HeaderValue> = origins.iter().cloned().collect();
    let pages = pages.clone();
    let may_call = move |origin: &HeaderValue, request: &Parts| {
        let path = request.extensions.get().map(MatchedPath::as_str);
        let is_page = path.is_some_and(|path| pages.contains(path));
        let is_one = request.headers.get_all(header::ORIGIN).iter().count() == 1;
        is_one && !is_page && origins.contains(origin)
    };
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(may_call))
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            REQUEST_ID,
            TRACE_PARENT,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            REQUEST_ID,
        ])
        .max_age(MAX_AGE);
    Some(layer)
}
