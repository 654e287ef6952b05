//! Guards the axum routes of any service: the permission is the first argument of a handler, and
//! rejected requests get a challenge and a problem document.
//!
//! The API and the web interface of this crate are built on it; it depends on neither.
#![cfg_attr(
    not(feature = "server"),
    allow(dead_code, reason = "the routes of this crate use the rest")
)]

mod admission;
mod code;
mod context;
mod credentials;
mod layer;
mod mapping;
pub mod outage;
mod permission;
mod problem;
mod settings;

#[cfg(feature = "server")]
#[cfg(feature = "web")]
pub(crate) use admission::authorize;
pub use admission::{Guard, Verify};
pub use code::Code;
pub use context::{ClientAddress, Context};
pub use layer::{GuardLayer, Guarded};
pub use permission::{Access, AnyToken, Human, HumanAdmin, Permission, Public};
#[cfg(feature = "server")]
pub(crate) use permission::{Argument, Conditions, Deferred, HandlerSignature, Reads};
pub use problem::Problem;
pub use settings::GuardSettings;
