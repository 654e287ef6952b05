//! Guards the axum routes of any service: the permission is the first argument of a handler, and
//! rejected requests get a challenge and a problem document.
//!
//! A handler can be tested without IO (feature `testing` of the domain, in your `dev-dependencies`):
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use openindex_adapters_http::guard::{Guard, Human};
//! use openindex_domain::testing::{InMemory, fixtures};
//! use openindex_domain::user::Role;
//! use tower::ServiceExt as _;
//!
//! async fn notes(Human(caller): Human) -> String {
//!     format!("notes of {}", caller.user_id())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let memory = InMemory::default();
//! let app = Router::new().route("/notes", get(notes));
//! let app = app.with_state(Guard::new(memory.tokens.clone()));
//!
//! let token = memory.live_token(fixtures::user(1).id, Role::Member);
//! let run = memory.live_run(&token.token);
//! for (secret, status) in [(token.secret, 200), (run.secret, 403)] {
//!     let authorization = format!("Bearer {}", secret.expose());
//!     let request = Request::get("/notes").header("Authorization", authorization);
//!     let request = request.body(Body::empty()).expect("a request");
//!     let response = app.clone().oneshot(request).await.expect("a response");
//!     assert_eq!(response.status(), status);
//! }
//! # }
//! ```
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
mod tokens;

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
