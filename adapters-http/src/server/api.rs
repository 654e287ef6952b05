use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::{FromRef, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use http::{HeaderMap, HeaderValue, Uri, header};
use openindex_domain::entropy::Entropy;
use openindex_domain::use_cases::UseCases;
use openindex_domain::work_item::WorkItems;
use openindex_domain::{OpaqueSecret, StoreHealth};
use tower::ServiceExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use zeroize::Zeroizing;

use super::client_address::ProxyWarnings;
use super::layers::{self, LayerSettings};
use super::{Code, Guard, HttpMetrics, MAX_BODY_BYTES, is_browser, openapi, routes};
use super::{if_match, unexpected};
use crate::guard::{Conditions, HandlerSignature};

/// The state of all routes.
#[derive(Clone)]
pub struct ApiState {
    /// All use cases, to which this dereferences.
    pub use_cases: UseCases,
    /// The readiness check of the store.
    pub health: Arc<dyn StoreHealth>,
    /// The source of request ids.
    pub entropy: Arc<dyn Entropy>,
    /// The counters of requests and verifications.
    pub metrics: Arc<HttpMetrics>,
    /// The public URL, version and limits of this instance.
    pub settings: Arc<ApiSettings>,
}

impl Deref for ApiState {
    type Target = UseCases;

    fn deref(&self) -> &UseCases {
        &self.use_cases
    }
}

/// The public URL, version and limits of an instance.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The base URL of the API as clients see it, without a trailing slash.
    pub public_url: String,
    /// The server version.
    pub version: &'static str,
    /// Limits that the middleware enforces.
    pub layers: LayerSettings,
}

impl ApiSettings {
    /// Returns the link that claims an invite in a browser.
    #[must_use]
    pub fn invite_link(&self, secret: &OpaqueSecret) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/join/{}", self.public_url, secret.expose()))
    }

    /// Returns a one-time sign-in link.
    #[must_use]
    pub fn sign_in_link(&self, secret: &OpaqueSecret) -> Zeroizing<String> {
        let url = format!("{}/sign-in/link/{}", self.public_url, secret.expose());
        Zeroizing::new(url)
    }
}

/// Returns the path of the public URL: empty, or without a trailing slash.
pub(crate) fn base_path(public_url: &str) -> String {
    let url: Uri = public_url.parse().unwrap_or_default();
    url.path().trim_end_matches('/').to_owned()
}

/// The web interface, and what the middleware has to know about it.
pub(crate) struct Pages {
    pub(crate) router: Router,
    /// Responds with a "not found" page.
    pub(crate) not_found: Router,
    /// The patterns of all routes.
    pub(crate) paths: HashSet<&'static str>,
    /// The maximum size of each form in bytes, by the pattern of its route.
    pub(crate) max_form_bytes: HashMap<&'static str, usize>,
}

/// The state and its guard behind one pointer, because every request clones it. Cloning the state
/// itself would touch dozens of reference counts that all cores share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Parts>);

struct Parts {
    state: ApiState,
    guard: Guard,
    /// The path of the public URL, without a trailing slash.
    base: String,
    openapi: OnceLock<Bytes>,
    proxy_warnings: ProxyWarnings,
    /// The patterns of the pages.
    pages: HashSet<&'static str>,
    max_form_bytes: HashMap<&'static str, usize>,
    /// The literal segments of all routes.
    literals: OnceLock<HashSet<String>>,
}

impl Shared {
    fn new(
        state: ApiState,
        pages: HashSet<&'static str>,
        max_form_bytes: HashMap<&'static str, usize>,
    ) -> Self {
        let metrics = state.metrics.clone();
        let guard = Guard::new(state.tokens.clone())
            .with_audit(state.audit.clone())
            .with_observer(move |kind, verified| metrics.verifications.verified(kind, verified));
        Self(Arc::new(Parts {
            guard,
            base: base_path(&state.settings.public_url),
            openapi: OnceLock::new(),
            proxy_warnings: ProxyWarnings::default(),
            pages,
            max_form_bytes,
            literals: OnceLock::new(),
            state,
        }))
    }

    /// Returns the warnings about misconfigured proxies.
    pub(super) fn proxy_warnings(&self) -> &ProxyWarnings {
        &self.0.proxy_warnings
    }

    /// Returns the OpenAPI description as JSON, generated once.
    pub(super) fn openapi(&self, make: impl FnOnce() -> String) -> Bytes {
        let openapi = &self.0.openapi;
        openapi.get_or_init(|| make().into()).clone()
    }

    /// Returns the patterns of the pages.
    pub(super) fn pages(&self) -> &HashSet<&'static str> {
        &self.0.pages
    }

    /// Returns the maximum size of the form of a route, given by its pattern, in bytes.
    pub(super) fn max_form_bytes(&self, route: &str) -> usize {
        let declared = self.0.max_form_bytes.get(route).copied();
        declared.unwrap_or(MAX_BODY_BYTES)
    }

    /// Responds to a path without a route.
    fn not_found(&self, request: &Request) -> Response {
        let pages = || self.0.pages.iter().copied();
        let literals = self.0.literals.get_or_init(|| routes::literals(pages()));
        routes::not_found(
            request.method(),
            request.uri().path(),
            &self.0.base,
            literals,
        )
    }

    /// Prepends the path of the public URL to `Location`. Routes do not know it, because the proxy
    /// that adds it removes it from requests. The host stays the one the client used.
    pub(super) fn put_under_prefix(&self, headers: &mut HeaderMap) {
        let base = &self.0.base;
        if base.is_empty() {
            return;
        }
        let Some(location) = headers.get_mut(header::LOCATION) else {
            return;
        };
        if location.as_bytes().starts_with(b"/") {
            let whole = [base.as_bytes(), location.as_bytes()].concat();
            if let Ok(whole) = HeaderValue::from_bytes(&whole) {
                *location = whole;
            }
        }
    }
}

impl Deref for Shared {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.0.state
    }
}

impl FromRef<Shared> for Guard {
    fn from_ref(shared: &Shared) -> Self {
        shared.0.guard.clone()
    }
}

/// The state of the work item routes.
#[derive(Clone)]
pub struct WorkItemsState {
    /// The use cases of work items.
    pub work_items: WorkItems,
    /// Authorizes callers.
    pub guard: Guard,
}

impl FromRef<WorkItemsState> for Guard {
    fn from_ref(state: &WorkItemsState) -> Self {
        state.guard.clone()
    }
}

/// Returns the whole API and the pages: every route behind limits, timeouts, request ids and the
/// access log. Work item routes are included if [`UseCases::work_items`] is set.
pub(crate) fn router(state: ApiState, pages: Pages) -> Router {
    let (router, _) = routes::all().into_parts();
    let shared = Shared::new(state, pages.paths, pages.max_form_bytes);
    let mut router = router
        .method_not_allowed_fallback(routes::other_method)
        .with_state(shared.clone())
        .merge(pages.router);
    if let Some(work_items) = shared.work_items.clone() {
        let guard = Guard::from_ref(&shared);
        router = router.merge(work_items_router(WorkItemsState { work_items, guard }));
    }
    let state = shared.clone();
    let router = router.fallback(async move |request: Request| {
        if is_browser(request.headers()) {
            return pages.not_found.oneshot(request).await.into_response();
        }
        state.not_found(&request)
    });
    layers::wrap(router, shared)
}

/// Returns only the work item routes, for a service that mounts them beside its own. That service
/// provides what [`router`](crate::router) wraps around them, such as request ids.
pub fn work_items_router(state: WorkItemsState) -> Router {
    let (router, _) = routes::work_items().into_parts();
    router
        .method_not_allowed_fallback(routes::other_method)
        .with_state(state)
}

/// Collects routes, their permissions and their OpenAPI description.
pub(super) struct Routes<S>(OpenApiRouter<S>);

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Starts without routes; `base` is the description before the first one.
    pub(super) fn new(base: utoipa::openapi::OpenApi) -> Self {
        Self(OpenApiRouter::with_openapi(base))
    }

    /// Adds a route. Its permission is read from the handler's type, so a handler without one does
    /// not compile. `problems` are specific to this route; problems that follow from its signature
    /// are added to the description. Call it through [`route!`].
    pub(super) fn declare<H, T>(
        mut self,
        _handler: &H,
        problems: &[Code],
        (schemas, mut paths, method_router): UtoipaMethodRouter<S>,
    ) -> Self
    where
        H: Handler<T, S>,
        T: HandlerSignature,
    {
        let shared = openapi::describe(&mut paths, T::ACCESS, problems);
        let document = self.0.get_openapi_mut();
        let components = document.components.get_or_insert_default();
        components.responses.extend(shared);
        let method_router = unexpected::reject_unread(method_router, T::READS);
        let is_change = paths.paths.values().any(|item| item.get.is_none());
        let method_router = if is_change && !T::HAS_ETAG {
            method_router.route_layer(Extension(Conditions(if_match::check)))
        } else {
            method_router
        };
        self.0 = self.0.routes((schemas, paths, method_router));
        self
    }

    pub(super) fn into_parts(self) -> (Router<S>, utoipa::openapi::OpenApi) {
        self.0.split_for_parts()
    }
}

/// `route!(routes, module::handler, Problem…)` adds a handler that has `#[utoipa::path]`, with the
/// [`Code`]s of the problems that are specific to it.
macro_rules! route {
    ($routes:expr, $($handler:ident)::+ $(, $code:ident)*) => {
        $routes.declare(
            &$($handler)::+,
            &[$($crate::server::Code::$code),*],
            utoipa_axum::routes!($($handler)::+),
        )
    };
}
pub(super) use route;
