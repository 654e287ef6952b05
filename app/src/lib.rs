#![doc = include_str!("../README.md")]
//!
//! The composition root: selects a store by the scheme of its URL, wires clock, entropy, use cases
//! and routes together, and serves them. [`build()`] creates the same [`App`] from a [`Config`] for
//! tests as for operators.

mod build;
mod config;
mod connections;
mod copy;
mod error;
mod listen;
mod metrics;
mod metrics_listener;
mod on_wake;
mod operations;
mod request_body;
mod response_body;
mod serve;
mod store;
mod tls;
mod wire;

pub use build::{App, Reloader, build};
pub use config::{Config, DEFAULT_DATABASE_URL, DatabaseUrl, InvalidDatabaseUrl};
pub use connections::{ConnectionLimits, DEFAULT_MAX_CONNECTIONS};
pub use copy::copy_database;
pub use error::AppError;
pub use listen::{InvalidListenAddress, ListenAddress, Listener, Passed};
pub use openindex_adapters_http::DEFAULT_LISTEN;
pub use openindex_adapters_sql::copy::{Copied, CopyError, Progress, Step};
pub use operations::{NotSqlite, backup, check, check_version, rebuild_search_index, restore_file};
pub use tls::{TlsError, TlsFiles};

/// Compiles the Rust of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
