#![doc = include_str!("../README.md")]
//!
//! A guard is complete in `examples/guard_your_routes.rs`. [`guard::Human`] and its siblings are the
//! permissions.
//!
//! All share the [`wire`] types, of which every feature has those of problems and verification.
//! Imports go one way: `web` → `server` → `guard` → `wire` ← `client`, and `remote` → `guard`.
// docs.rs labels what requires a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "web"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is that of all features"
    )
)]

mod addresses;
#[cfg(any(feature = "client", feature = "remote"))]
mod base_url;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "guard")]
pub mod guard;
#[cfg(feature = "remote")]
pub mod remote;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "web")]
pub mod web;
pub mod wire;

pub use addresses::{DEFAULT_LISTEN, TOKENS_PAGE};
/// The domain, whose types are in the signatures of this crate: a service that only guards and
/// creates tokens does not have to name it, and its version, among its dependencies.
pub use openindex_domain as domain;

/// Returns the whole API, and the web interface with feature `web`: every route behind limits,
/// timeouts, request ids and the access log. Work item routes are included if
/// [`UseCases::work_items`](openindex_domain::use_cases::UseCases::work_items) is set.
#[cfg(feature = "server")]
pub fn router(state: server::ApiState) -> axum::Router {
    #[cfg(feature = "web")]
    let pages = web::pages(state.clone());
    #[cfg(not(feature = "web"))]
    let pages = server::Pages::none();
    server::router(state, pages)
}
