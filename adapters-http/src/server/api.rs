use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::handler::Handler;
use openindex_domain::StoreHealth;
use openindex_domain::entropy::Entropy;
use openindex_domain::token::Tokens;
use openindex_domain::user::Users;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::layers::{self, LayerSettings};
use super::permission::{Needs, Permission};
use super::{Guard, openapi, routes};

/// Everything the routes need.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases of tokens.
    pub tokens: Tokens,
    /// The use cases of users.
    pub users: Users,
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

impl FromRef<ApiState> for Guard {
    fn from_ref(state: &ApiState) -> Self {
        Self::new(state.tokens.clone())
    }
}

/// The whole API: every route, behind limits, timeouts, request ids and the log.
pub fn router(state: ApiState) -> Router {
    let (router, _) = routes::all().into_parts();
    let router = router
        .fallback(routes::not_found)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .with_state(state.clone());
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
