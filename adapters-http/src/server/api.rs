use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::{FromRef, Request};
use axum::handler::Handler;
use axum::response::IntoResponse as _;
use axum::{Extension, Router};
use http::{HeaderMap, HeaderValue, Uri, header};
use openindex_domain::admin_tokens::AdminTokens;
use openindex_domain::agent_run::AgentRuns;
use openindex_domain::audit::Audit;
use openindex_domain::entropy::Entropy;
use openindex_domain::invite::Invites;
use openindex_domain::session::Sessions;
use openindex_domain::token::Tokens;
use openindex_domain::user::Users;
use openindex_domain::work_item::WorkItems;
use openindex_domain::{OpaqueSecret, StoreHealth};
use tower::ServiceExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use zeroize::Zeroizing;

use super::client_address::ProxyDoubts;
use super::if_match::Untagged;
use super::layers::{self, LayerSettings};
use super::permission::{Needs, Permission};
use super::unexpected::{self, Argument, Reads};
use super::{Code, Guard, Metrics, openapi, routes};
use crate::web;

/// Everything the routes need.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of agent runs.
    pub agent_runs: AgentRuns,
    /// The use cases of work items, where this instance keeps them.
    pub work_items: Option<WorkItems>,
    /// The use cases of users.
    pub users: Users,
    /// The use cases of browser sessions.
    pub sessions: Sessions,
    /// The use cases of invites.
    pub invites: Invites,
    /// The use cases on all tokens.
    pub admin_tokens: AdminTokens,
    /// The use cases of the audit trail.
    pub audit: Audit,
    /// Whether the store is fit to serve.
    pub health: Arc<dyn StoreHealth>,
    /// Where ids of requests come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where it is counted what becomes of requests.
    pub metrics: Arc<Metrics>,
    /// How this instance presents itself.
    pub settings: Arc<ApiSettings>,
}

/// How this instance presents itself, and its limits.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// What API paths are appended to, as clients reach it, without a slash at its end.
    pub public_url: String,
    /// The server's version.
    pub version: &'static str,
    /// Limits of the layers around the routes.
    pub layers: LayerSettings,
}

impl ApiSettings {
    /// Where an invite is claimed with a browser.
    #[must_use]
    pub fn invite_link(&self, secret: &OpaqueSecret) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/join/{}", self.public_url, secret.expose()))
    }

    /// Where a one-time sign-in link is used.
    #[must_use]
    pub fn sign_in_link(&self, secret: &OpaqueSecret) -> Zeroizing<String> {
        let url = format!("{}/sign-in/link/{}", self.public_url, secret.expose());
        Zeroizing::new(url)
    }
}

/// The path that stands before every path of an instance, as clients reach it: empty, or without a
/// slash at its end.
pub(crate) fn base_path(public_url: &str) -> String {
    let url: Uri = public_url.parse().unwrap_or_default();
    url.path().trim_end_matches('/').to_owned()
}

/// The state behind one pointer, with the guard that is made of it: what is cloned with each
/// request. Cloned by itself, the state is dozens of counts that all cores write to.
#[derive(Clone)]
pub(super) struct Shared(Arc<Parts>);

struct Parts {
    state: ApiState,
    guard: Guard,
    /// The path of the public URL, without a slash at its end.
    base: String,
    openapi: OnceLock<Bytes>,
    doubts: ProxyDoubts,
}

impl Shared {
    fn new(state: ApiState) -> Self {
        let guard = Guard::new(state.tokens.clone())
            .with_audit(state.audit.clone())
            .with_metrics(state.metrics.clone());
        Self(Arc::new(Parts {
            guard,
            base: base_path(&state.settings.public_url),
            openapi: OnceLock::new(),
            doubts: ProxyDoubts::default(),
            state,
        }))
    }

    /// What was said of proxies that are not what the settings say.
    pub(super) fn doubts(&self) -> &ProxyDoubts {
        &self.0.doubts
    }

    /// The description as JSON, made once.
    pub(super) fn openapi(&self, make: impl FnOnce() -> String) -> Bytes {
        let openapi = &self.0.openapi;
        openapi.get_or_init(|| make().into()).clone()
    }

    /// Puts the public URL's path before the path in `Location`. Routes do not know of it, since the
    /// proxy that adds it takes it away from requests. The host stays the one that the client used.
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

/// What the routes of work items need.
#[derive(Clone)]
pub struct WorkState {
    /// The use cases of work items.
    pub work_items: WorkItems,
    /// Who may call them.
    pub guard: Guard,
}

impl FromRef<WorkState> for Guard {
    fn from_ref(state: &WorkState) -> Self {
        state.guard.clone()
    }
}

/// The whole API and the web interface: every route, behind limits, timeouts, request ids and the
/// log. The routes of work items are among them where there is [`ApiState::work`].
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().into_parts();
    let shared = Shared::new(state.clone());
    let mut router = router
        .method_not_allowed_fallback(routes::other_method)
        .with_state(shared.clone())
        .merge(web::router(state.clone()));
    if let Some(work_items) = shared.work_items.clone() {
        let guard = Guard::from_ref(&shared);
        router = router.merge(work_router(WorkState { work_items, guard }));
    }
    let base = shared.0.base.clone();
    let page = web::nowhere(state);
    let router = router.fallback(async move |request: Request| {
        if web::is_browser(request.headers()) {
            return page.oneshot(request).await.into_response();
        }
        routes::not_found(request.method(), request.uri().path(), &base)
    });
    layers::wrap(router, shared)
}

/// The routes of work items alone, for a service that mounts them beside its own. What surrounds
/// them in [`router`], such as the id of a request, is the service's own affair then.
pub fn work_router(state: WorkState) -> Router {
    let (router, _) = routes::work().into_parts();
    router
        .method_not_allowed_fallback(routes::other_method)
        .with_state(state)
}

/// Collects routes on a state, each with what it needs, and their description.
pub(super) struct Routes<S>(OpenApiRouter<S>);

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet; `base` is what the description says before the first.
    pub(super) fn new(base: utoipa::openapi::OpenApi) -> Self {
        Self(OpenApiRouter::with_openapi(base))
    }

    /// Adds a route. What it needs is read off the handler's type, so a handler that does not say
    /// who may call it does not compile. `problems` are those of this route alone; what follows from
    /// its shape is added to its description. Use it through [`route!`].
    pub(super) fn declare<H, T>(
        mut self,
        _handler: &H,
        problems: &[Code],
        (schemas, mut paths, method_router): UtoipaMethodRouter<S>,
    ) -> Self
    where
        H: Handler<T, S>,
        T: Declares,
    {
        let shared = openapi::describe(&mut paths, T::NEEDS, problems);
        let document = self.0.get_openapi_mut();
        let components = document.components.get_or_insert_default();
        components.responses.extend(shared);
        let method_router = unexpected::refusing(method_router, T::READS);
        let is_change = paths.paths.values().any(|item| item.get.is_none());
        let method_router = if is_change && !T::HAS_ETAG {
            method_router.route_layer(Extension(Untagged))
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

/// `route!(routes, module::handler, Problem…)` adds a handler that is annotated with
/// `#[utoipa::path]`, with the [`Code`]s of the problems that it alone returns.
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

/// The arguments of a handler whose first one is a [`Permission`].
pub(super) trait Declares {
    const NEEDS: Needs;
    /// What of the request it reads; the rest must not be there.
    const READS: Reads;
    const HAS_ETAG: bool;
}

macro_rules! declares {
    ($($rest:ident)*) => {
        impl<Via, P: Permission, $($rest: Argument),*> Declares for (Via, P, $($rest,)*) {
            const NEEDS: Needs = P::NEEDS;
            const READS: Reads = Reads {
                query: false $(|| $rest::QUERY)*,
                body: false $(|| $rest::BODY)*,
            };
            const HAS_ETAG: bool = P::HAS_ETAG;
        }
    };
}
declares!();
declares!(A);
declares!(A B);
declares!(A B C);
declares!(A B C D);
declares!(A B C D E);
