//! The typed client: blocking, over ureq, without axum or a runtime. The `oi` command uses it.
//!
//! What it holds to, whatever the server answers:
//! - it follows no redirect, so that a token goes to the one address it was given and no further;
//! - it sends no secret over plain `http` to another machine, unless that is allowed explicitly;
//! - it reads a bounded answer in bounded time, and retries nothing; an export, which has no bound,
//!   is passed on as it arrives;
//! - no error, no `Debug` and no log holds the token or the body of an answer;
//! - every error says what became of the change that was requested: [`Effect`].

mod admin;
mod answer;
mod api;
mod base_url;
mod connect;
mod error;
mod failure;
mod forward;
mod options;
mod proxy;
mod public;
mod query;
mod runs;
mod transport;
mod work_items;

pub use api::{Client, Probe};
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use error::{Cause, ClientError, Effect, ExportError, Origin, Problem};
pub use options::{CertificateError, ClientOptions};
pub use proxy::ProxyVariables;

pub use crate::wire::{AuditQuery, ExportFormat, PageQuery, PatFilter, PatQuery, WorkItemQuery};

#[cfg(test)]
mod tests;
