use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::handler::Handler;
use openindex_domain::audit::Audit;
use openindex_domain::entropy::Entropy;
use openindex_domain::inventory::Inventory;
use openindex_domain::invite::Invites;
use openindex_domain::session::Sessions;
use openindex_domain::token::Tokens;
use openindex_domain::user::Users;
use openindex_domain::{OpaqueSecret, StoreHealth};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use zeroize::Zeroizing;

use super::layers::{self, LayerSettings};
use super::permission::{Needs, Permission};
use super::{Guard, openapi, routes};
use crate::web;

/// Everything the routes need.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of users.
    pub users: Users,
    /// The use cases of browser sessions.
    pub sessions: Sessions,
    /// The use cases of invites.
    pub invites: Invites,
    /// The use cases on all tokens.
    pub inventory: Inventory,
    /// The use cases of the audit trail.
    pub audit: Audit,
    /// Whether the store is fit to serve.
    pub health: Arc<dyn StoreHealth>,
    /// Where ids of requests come from.
    pub entropy: Arc<dyn Entropy>,
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

impl FromRef<ApiState> for Guard {
    fn from_ref(state: &ApiState) -> Self {
        Self::new(state.tokens.clone()).with_audit(state.audit.clone())
    }
}

/// The whole API and the web interface: every route, behind limits, timeouts, request ids and the
/// log.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().into_parts();
    let router = router
        .method_not_allowed_fallback(routes::method_not_allowed)
        .with_state(state.clone())
        .merge(web::router(state.clone()))
        .fallback(routes::not_found);
    layers::wrap(router, state)
}

/// Collects routes, each with what it needs, and their description.
pub(super) struct Routes(OpenApiRouter<ApiState>);

impl Routes {
    pub(super) fn new() -> Self {
        Self(OpenApiRouter::with_openapi(openapi::base()))
    }

    /// Adds a route. What it needs is read off the handler's type, so a handler that does not say
    /// who may call it does not compile; use it through [`route!`].
    pub(super) fn declare<H, T>(
        mut self,
        _handler: &H,
        (schemas, mut paths, method_router): UtoipaMethodRouter<ApiState>,
    ) -> Self
    where
        H: Handler<T, ApiState>,
        T: Declares,
    {
        openapi::describe_needs(&mut paths, T::NEEDS);
        self.0 = self.0.routes((schemas, paths, method_router));
        self
    }

    pub(super) fn into_parts(self) -> (Router<ApiState>, utoipa::openapi::OpenApi) {
        self.0.split_for_parts()
    }
}

/// `route!(routes, module::handler)` adds a handler that is annotated with `#[utoipa::path]`.
macro_rules! route {
    ($routes:expr, $($handler:tt)+) => {
        $routes.declare(&$($handler)+, utoipa_axum::routes!($($handler)+))
    };
}
pub(super) use route;

/// The arguments of a handler whose first one is a [`Permission`].
pub(super) trait Declares {
    const NEEDS: Needs;
}

macro_rules! declares {
    ($($rest:ident)*) => {
        impl<Via, P: Permission, $($rest),*> Declares for (Via, P, $($rest,)*) {
            const NEEDS: Needs = P::NEEDS;
        }
    };
}
declares!();
declares!(A);
declares!(A B);
declares!(A B C);
declares!(A B C D);
declares!(A B C D E);
