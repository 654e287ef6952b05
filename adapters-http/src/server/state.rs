//! The state that routes and middleware share.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRef;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use openindex_domain::entropy::Entropy;
use openindex_domain::use_cases::UseCases;
use openindex_domain::work_item::WorkItems;
use openindex_domain::{OpaqueSecret, StoreHealth};
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::openapi::{OpenApi as Document, Server};
use zeroize::Zeroizing;

use super::client_address::ProxyWarnings;
use super::limits::{LayerSettings, MAX_BODY_BYTES};
use super::method::standard;
use super::spans::{Operations, operations};
use super::{Guard, HttpMetrics};

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

impl Pages {
    /// An API without pages.
    #[cfg(not(feature = "web"))]
    pub(crate) fn none() -> Self {
        Self {
            router: Router::new(),
            not_found: Router::new(),
            paths: HashSet::new(),
            max_form_bytes: HashMap::new(),
        }
    }
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
    /// Describes all routes, with or without those of work items.
    describe: fn(bool) -> Document,
    openapi: OnceLock<Bytes>,
    operations: OnceLock<Operations>,
    proxy_warnings: ProxyWarnings,
    /// The patterns of the pages.
    pages: HashSet<&'static str>,
    max_form_bytes: HashMap<&'static str, usize>,
    /// The literal segments of all routes.
    literals: OnceLock<HashSet<String>>,
    introspections: Semaphore,
}

/// How many parts of introspections are verified at once, each of at most
/// [`INTROSPECTED_AT_ONCE`](super::limits::INTROSPECTED_AT_ONCE) tokens.
const INTROSPECTIONS: usize = 4;

impl Shared {
    /// `describe` returns the description of all routes, with or without those of work items.
    pub(super) fn new(
        state: ApiState,
        pages: HashSet<&'static str>,
        max_form_bytes: HashMap<&'static str, usize>,
        describe: fn(bool) -> Document,
    ) -> Self {
        let metrics = state.metrics.clone();
        let guard = Guard::new(state.tokens.clone())
            .with_audit(state.audit.clone())
            .with_observer(move |kind, verified| metrics.verifications.verified(kind, verified));
        Self(Arc::new(Parts {
            guard,
            base: base_path(&state.settings.public_url),
            describe,
            openapi: OnceLock::new(),
            operations: OnceLock::new(),
            proxy_warnings: ProxyWarnings::default(),
            pages,
            max_form_bytes,
            literals: OnceLock::new(),
            introspections: Semaphore::new(INTROSPECTIONS),
            state,
        }))
    }

    /// Returns the warnings about misconfigured proxies.
    pub(super) fn proxy_warnings(&self) -> &ProxyWarnings {
        &self.0.proxy_warnings
    }

    /// Waits until a part of an introspection can be verified, so that those of all callers leave
    /// most of the lookups' queue to everyone else. The semaphore is never closed.
    pub(super) async fn begin_introspection(&self) -> Option<SemaphorePermit<'_>> {
        self.0.introspections.acquire().await.ok()
    }

    /// Returns the OpenAPI description as JSON, generated once. The server is the public URL,
    /// because "/" would drop the path prefix of a proxy.
    pub(super) fn openapi(&self) -> Bytes {
        let make = || {
            let mut document = (self.0.describe)(self.work_items.is_some());
            document.servers = Some(vec![Server::new(&self.settings.public_url)]);
            let json = document.to_json().unwrap_or_else(|_| "{}".to_owned());
            json.into()
        };
        self.0.openapi.get_or_init(make).clone()
    }

    /// Returns the name of what a request does: the id of the operation, or its method and the
    /// pattern of its route if that is a page.
    pub(super) fn operation(&self, method: &Method, route: &str) -> String {
        let make = || operations((self.0.describe)(true));
        let operations = self.0.operations.get_or_init(make);
        let known = operations.get(&(method.clone(), route.to_owned()));
        known
            .cloned()
            .unwrap_or_else(|| format!("{} {route}", standard(method).unwrap_or("-")))
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

    /// Returns the path of the public URL, without a trailing slash.
    pub(super) fn base(&self) -> &str {
        &self.0.base
    }

    /// Returns the literal segments of all routes, including those of the pages.
    pub(super) fn literals(&self) -> &HashSet<String> {
        let make = || literals(&self.0.pages, (self.0.describe)(true));
        self.0.literals.get_or_init(make)
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

/// Returns the literal segments of all routes: of these pages, and of the API.
pub(super) fn literals(pages: &HashSet<&'static str>, api: Document) -> HashSet<String> {
    let paths = pages.iter().map(ToString::to_string);
    let segments = paths.chain(api.paths.paths.into_keys()).flat_map(|path| {
        let segments = path.split('/').filter(|segment| !segment.starts_with('{'));
        segments.map(str::to_owned).collect::<Vec<_>>()
    });
    segments.collect()
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
