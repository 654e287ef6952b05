//! The typed client: blocking, over ureq, without axum or an async runtime. The `oi` command uses
//! it.
//!
//! It guarantees, whatever the server returns:
//! - it follows no redirects, so a token goes to no address but the configured one;
//! - it sends no secret over plain `http` to another machine, unless explicitly allowed;
//! - it limits the size and time of every response, and never retries; an export has no size limit
//!   and is passed on as it arrives;
//! - no error, `Debug` output or log contains the token or a response body;
//! - every error says whether the requested change was made: [`Effect`].

mod admin;
mod api;
mod calls;
mod connect;
mod error;
mod failure;
mod forward;
mod options;
mod proxy;
mod public;
mod query;
mod response;
mod runs;
mod transport;
mod work_items;

pub use crate::base_url::{BaseUrl, InvalidBaseUrl};
pub use api::{Client, Probe};
pub use error::{Cause, ClientError, Effect, ExportError, Origin, Problem};
pub use options::{CertificateError, ClientOptions};
pub use proxy::ProxyVariables;

pub use crate::wire::{AuditQuery, ExportFormat, PageQuery, PatFilter, PatQuery, WorkItemQuery};

#[cfg(test)]
mod tests;
