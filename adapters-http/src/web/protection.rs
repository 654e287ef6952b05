//! What surrounds every page: forms of other sites are refused, a browser is told what a page may
//! load and who may frame it, nothing but assets is kept, and an error becomes a page.

use axum::Router;
use axum::extract::{FromRequest as _, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::server::if_match;

use super::access::{self, Sender};
use super::done;
use super::draft::{self, Draft};
use super::error::{Asked, WebError};
use super::form::Form;
use super::local_path::LocalPath;
use super::origin::{self, Foreign};
use super::site::Web;

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
pub(super) fn wrap(router: Router<Web>, web: Web) -> Router {
    let protection = middleware::from_fn_with_state(web.clone(), protect);
    router.layer(protection).with_state(web)
}

/// Whether a browser asks, and not a program.
pub(crate) fn is_browser(headers: &HeaderMap) -> bool {
    matches!(Reader::of(headers), Reader::Browser)
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

async fn protect(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let site = &*web.site;
    let sender = Sender::default();
    request.extensions_mut().insert(sender.clone());
    let asked = Asked::of(&request, site);
    let cookies = request.headers().clone();
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let is_here = site.is_reached_by(host);
    let reader = Reader::of(request.headers());
    let has_done = done::is_pending(request.headers(), site);
    let has_draft = Draft::of_page(request.headers(), site, &asked.path).is_some();
    // A page has no ETag. Browsers send no conditions with a form.
    let conditions = if_match::check(request.method(), request.headers(), None);
    let from = origin::check(request.method(), request.headers(), &site.origin);
    let mut response = match (is_here, from, conditions) {
        (true, Ok(()), Ok(())) => run(&web, request, next, &asked).await,
        (true, Ok(()), Err(problem)) => WebError::from(problem).into_response(),
        (true, Err(Foreign::Site), _) => WebError::CROSS_SITE.into_response(),
        (true, Err(Foreign::Address), _) => WebError::OTHER_ADDRESS.into_response(),
        (false, _, _) => WebError::ELSEWHERE.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<WebError>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        let problem = match reader {
            Reader::Browser => None,
            Reader::Program => error.into_problem(),
        };
        response = if let Some(problem) = problem {
            problem
        } else {
            // The page keeps the frame of the user; a store that is away is not asked again.
            if is_here && error.leaves_store() {
                let _ = access::verified(&cookies, Some(&sender), &web).await;
            }
            error.into_page(&web, &asked, &sender)
        };
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if has_done {
        done::was_said(&mut response, site);
    }
    if has_draft && asked.method == Method::GET && response.status() == StatusCode::OK {
        draft::drop(&mut response, site);
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

/// Answers a request. A form that needs a session and comes without a live one is not carried out:
/// its entries go along to the sign-in and back.
async fn run(web: &Web, request: Request, next: Next, asked: &Asked) -> Response {
    if asked.method != Method::POST || LocalPath::parse(&asked.path).is_none() {
        return next.run(request).await;
    }
    let sender = request.extensions().get::<Sender>().cloned();
    match access::verified(&request.headers().clone(), sender.as_ref(), web).await {
        Ok(Some(_)) => next.run(request).await,
        Ok(None) => {
            let sent = Form::from_request(request, web).await.unwrap_or_default();
            asked.to_sign_in(&web.site, &sent)
        }
        Err(error) => {
            // Its entries come back, too.
            let _ = Form::from_request(request, web).await;
            error.into_response()
        }
    }
}
