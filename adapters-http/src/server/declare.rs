use axum::handler::Handler;
use axum::{Extension, Router};
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{Code, if_match, openapi, unexpected};
use crate::guard::{Conditions, HandlerSignature};

/// Collects routes, their permissions and their OpenAPI description.
pub(super) struct Routes<S>(OpenApiRouter<S>);

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Starts without routes; `base` is the description before the first one.
    pub(super) fn new(base: Document) -> Self {
        Self(OpenApiRouter::with_openapi(base))
    }

    /// Adds a route. Its permission is read from the handler's type, so a handler without one does
    /// not compile. `problems` are specific to this route; problems that follow from its signature
    /// are added to the description. Call it through [`routes!`].
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

    pub(super) fn into_parts(self) -> (Router<S>, Document) {
        self.0.split_for_parts()
    }
}

/// `routes! { base; module::handler: Problem Problem; … }` collects handlers that have
/// `#[utoipa::path]`, each with the [`Code`]s of the problems that are specific to it.
macro_rules! routes {
    ($base:expr; $($($handler:ident)::+ $(: $($code:ident)+)?;)+) => {
        $crate::server::declare::Routes::new($base)$(.declare(
            &$($handler)::+,
            &[$($($crate::server::Code::$code),+)?],
            utoipa_axum::routes!($($handler)::+),
        ))+
    };
}
pub(super) use routes;
