//! The HTTP API, web interface and client of OpenIndex.
//!
//! Features:
//! - `server` (default): axum extractors that guard routes, the routes, the mapping of errors to
//!   status codes, OpenAPI and the web interface;
//! - `client`: the typed blocking client that the `oi` command uses, without axum.
//!
//! Both share the [`wire`] types. To guard the axum routes of another service, use
//! [`server::Human`] and the other permissions: see `examples/guard_your_routes.rs`.
#![cfg_attr(
    not(feature = "server"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is that of all features"
    )
)]

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "guard")]
pub mod guard;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod web;
pub mod wire;

/// Default listen address of `oi-server`, reachable from this machine only, and the default server
/// of its clients.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// The page of the web interface where users create and delete their own tokens.
pub const TOKENS_PAGE: &str = "/settings/tokens";
