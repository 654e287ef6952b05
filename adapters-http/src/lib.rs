//! The HTTP API, web interface and client of OpenIndex.
//!
//! Features:
//! - `guard`: axum extractors that guard the routes of any service ([`guard::Human`] and the other
//!   permissions), and problem documents: see `examples/guard_your_routes.rs`. It turns on no
//!   feature of axum that serves connections, and none of the tables of Unicode that names and email
//!   addresses require;
//! - `wire`: the types of all requests and responses, for a service that offers such routes itself;
//! - `server`: the API, built on `guard`;
//! - `web` (default): the web interface, built on `server`;
//! - `remote`: a verifier for `guard` that asks another server, in batches and without a cache;
//! - `client`: the typed blocking client that the `oi` command uses, without axum.
//!
//! All share the [`wire`] types, of which every feature has those of problems and verification. Imports go one way: `web` → `server` → `guard` → `wire` ← `client`,
//! and `remote` → `guard`.
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
