//! What surrounds every page: forms of other sites are refused, a browser is told what a page may
//! load and who may frame it, nothing but assets is kept, and an error becomes a page.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::server::if_match;

use super::cookie;
use super::done;
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

/// Who reads an error: a browser gets a page, everything else a problem.
#[derive(Clone, Copy)]
enum Reader {
    Browser,
    Program,
}

impl Reader {
    /// Browsers name HTML in `Accept`. `*/*` is what programs send (RFC 9110 §12.5.1).
    fn of(headers: &HeaderMap) -> Self {
        let html = quality(headers, &["text/html", "application/xhtml+xml"]);
        let json = quality(headers, &["application/problem+json", "application/json"]);
        if html > 0.0 && html >= json {
            Self::Browser
        } else {
            Self::Program
        }
    }
}

/// The highest weight that `Accept` gives to one of these media types by name, from 0 to 1.
fn quality(headers: &HeaderMap, types: &[&str]) -> f32 {
    let lines = headers.get_all(header::ACCEPT).iter();
    let ranges = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let weights = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(Some(1.0), |weight| weight.parse().ok());
        let is_named = types.iter().any(|known| name.eq_ignore_ascii_case(known));
        weight.filter(|_| is_named)
    });
    weights.fold(0.0, f32::max)
}

async fn protect(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let wanted = (request.method() == Method::GET)
        .then(|| request.uri().path_and_query().cloned())
        .flatten();
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let is_here = site.is_reached_by(host);
    let reader = Reader::of(request.headers());
    let stale_cookie = cookie::is_presented(request.headers(), site.transport, cookie::SESSION);
    let has_done = done::is_pending(request.headers(), &site);
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
        let allow = response.headers_mut().remove(header::ALLOW);
        let wanted = wanted.as_ref().map(PathAndQuery::as_str);
        response = match reader {
            Reader::Browser => error.into_page(&site, wanted, stale_cookie),
            Reader::Program => error
                .into_problem()
                .unwrap_or_else(|| error.into_page(&site, wanted, stale_cookie)),
        };
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if has_done {
        done::was_said(&mut response, &site);
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
