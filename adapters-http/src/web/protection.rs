//! The middleware around every page. It rejects forms sent by other sites, sets the security
//! headers, disables caching except for assets, and renders errors as pages.

use axum::Router;
use axum::extract::{FromRequest as _, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::server::{if_match, is_browser};

use super::draft::{self, Draft};
use super::error::WebError;
use super::error_page::FailedRequest;
use super::form::{Form, Sender};
use super::local_path::LocalPath;
use super::origin::{self, Foreign};
use super::site::Web;
use super::{access, done};

/// Allows only our own scripts, styles and images. Inline scripts and styles are blocked, so
/// injected markup cannot run.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; form-action 'self'; frame-ancestors 'none'; \
     base-uri 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Paths contain one-time codes, which must not leak to other sites. Our own pages still receive
    // the origin, which identifies browsers without `Sec-Fetch-Site`.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), clipboard-write=(self)",
    ),
];

/// Wraps routes in the middleware.
pub(super) fn wrap(router: Router<Web>, web: Web) -> Router {
    let protection = middleware::from_fn_with_state(web.clone(), protect);
    router.layer(protection).with_state(web)
}

async fn protect(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let site = &*web.site;
    let sender = Sender::default();
    request.extensions_mut().insert(sender.clone());
    let asked = FailedRequest::of(&request, site);
    let cookies = request.headers().clone();
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let is_own_host = site.is_reached_by(host);
    let is_browser = is_browser(request.headers());
    let has_done = done::is_pending(request.headers(), site);
    let has_draft = Draft::of_page(request.headers(), site, &asked.path).is_some();
    // A page has no ETag. Browsers send no conditions with a form.
    let conditions = if_match::check(request.method(), request.headers(), None);
    let from = origin::check(request.method(), request.headers(), &site.origin);
    let mut response = match (is_own_host, from, conditions) {
        (true, Ok(()), Ok(())) => run(&web, request, next, &asked).await,
        (true, Ok(()), Err(problem)) => WebError::from(problem).into_response(),
        (true, Err(Foreign::Site), _) => WebError::CROSS_SITE.into_response(),
        (true, Err(Foreign::Address), _) => WebError::OTHER_ADDRESS.into_response(),
        (false, _, _) => WebError::WRONG_HOST.into_response(),
    };
    if let Some(error) = response.extensions_mut().remove::<WebError>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        let problem = (!is_browser).then(|| error.into_problem()).flatten();
        response = if let Some(problem) = problem {
            problem
        } else {
            // Finds the user for the page's navigation, unless the store is unavailable.
            if is_own_host && error.leaves_store() {
                let _ = access::verified(&cookies, Some(&sender), &web).await;
            }
            error.into_page(&web, &asked, &sender)
        };
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if has_done {
        done::clear_if_shown(&mut response, site);
    }
    if has_draft && asked.method == Method::GET && response.status() == StatusCode::OK {
        draft::drop(&mut response, site);
    }
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Handles a request. A form that requires a session and has no active one is not processed: its
/// entries are restored after sign-in.
async fn run(web: &Web, request: Request, next: Next, asked: &FailedRequest) -> Response {
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
            // Records the entries, so that the error page can restore them.
            let _ = Form::from_request(request, web).await;
            error.into_response()
        }
    }
}
