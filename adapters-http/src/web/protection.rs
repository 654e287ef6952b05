//! What surrounds every page: forms of other sites are refused, a browser is told what a page may
//! load and who may frame it, nothing but assets is kept, and an error becomes a page.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, header};

use crate::server::if_match;

use super::cookie;
use super::error::WebError;
use super::origin::{self, Foreign};
use super::site::{Site, Web};

/// Scripts, styles and images of our own and nothing else; no inline script or style, so that text
/// which slips through as markup still does nothing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'";

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    // One-time codes are in paths, and must not travel to another site. To our own the origin still
    // does: a browser without `Sec-Fetch-Site` is known by it.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), \
             clipboard-write=(self)",
        ),
    ),
];

/// Puts the protection around routes.
pub(super) fn wrap(router: Router<Web>, site: &Arc<Site>) -> Router<Web> {
    router.layer(middleware::from_fn_with_state(site.clone(), protect))
}

async fn protect(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let wanted = (request.method() == Method::GET)
        .then(|| request.uri().path_and_query().cloned())
        .flatten();
    let host = request.uri().host().or_else(|| {
        let host = request.headers().get(header::HOST);
        host.and_then(|host| host.to_str().ok())
    });
    let is_here = site.is_reached_by(host);
    let stale_cookie = cookie::is_presented(request.headers(), site.transport);
    // A page has no ETag. Browsers send no conditions with a form.
    let conditions = if_match::check(request.method(), request.headers(), None);
    let sender = origin::check(request.method(), request.headers(), &site.origin);
    let mut response = match (is_here, sender, conditions) {
        (true, Ok(()), Ok(())) => next.run(request).await,
        (true, Ok(()), Err(problem)) => WebError::from(problem).into_response(),
        (true, Err(Foreign::Site), _) => WebError::CROSS_SITE.into_response(),
        (true, Err(Foreign::Address), _) => WebError::OTHER_ADDRESS.into_response(),
        (false, _, _) => WebError::ELSEWHERE.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<WebError>() {
        let wanted = wanted.as_ref().map(PathAndQuery::as_str);
        response = error.into_page(&site, wanted, stale_cookie);
    }
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    response
}
