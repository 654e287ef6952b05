//! The server's side.

mod api;
mod body;
mod client_address;
mod context;
mod credentials;
mod guard;
mod layers;
mod mapping;
mod openapi;
mod path;
mod permission;
mod problem;
mod routes;
mod to_wire;

pub use api::{ApiSettings, ApiState, router};
pub use client_address::{ClientAddress, PeerAddress};
pub use context::Context;
pub use guard::Guard;
pub use layers::{LayerSettings, MAX_BODY_BYTES, MAX_HEADER_BYTES};
pub use openapi::document as openapi;
pub use permission::{AnyToken, Human, HumanAdmin, Needs, Permission, Public};
pub use problem::{Code, Problem};
pub use to_wire::bootstrapped;
