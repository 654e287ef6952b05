//! OpenIndex over HTTP.
//!
//! Feature `server` (the default): axum extractors that guard routes, the routes themselves, the
//! one mapping of errors to statuses, OpenAPI. Feature `client`: the typed client that the `oi`
//! command uses, without axum. The wire types are common to both.

pub mod wire;

#[cfg(feature = "client")]
pub mod client;
