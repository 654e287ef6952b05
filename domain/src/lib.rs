#![doc = include_str!("../README.md")]
//!
//! This crate is the core of a hexagonal architecture. It contains the entities, the rules, the use
//! cases and the *ports* (traits) through which they reach a store, a clock and a source of
//! entropy. It performs no IO: it depends on no runtime, database or HTTP crate, and unit tests run
//! everything here against the in-memory store of the [`testing`] feature.
//!
//! | to | start at |
//! |---|---|
//! | create, verify, list, rotate and revoke tokens | [`token::Tokens`] |
//! | authorize a request | [`access::Principal::authorize`] |
//! | give an agent a token of its own | [`agent_run::AgentRuns`] |
//! | wire all use cases to a store | [`use_cases::UseCases`] |
//! | implement your own store | [`token::TokenStore`] and the contract suite in [`testing`] |
//! | see it run | `cargo run -p openindex-domain --example embed --features testing` |
//!
//! Features:
//! - `text` (default): the rules for text that users enter, such as the names of tokens, with the
//!   tables of Unicode that they require; and the use cases that take such text: users, browser
//!   sessions, invites, administration and work items. Without it, the crate still creates,
//!   verifies and revokes tokens and authorizes requests, with half as many dependencies;
//! - `testing`: what tests use instead of a database, the system's clock and its entropy. It is
//!   exempt from semantic versioning.
// docs.rs labels what requires a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "text"),
    allow(
        unused,
        unreachable_pub,
        reason = "some of what modules share is used only by those that are left out"
    )
)]
#![cfg_attr(
    not(feature = "testing"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is that of all features"
    )
)]

pub mod access;
#[cfg(feature = "text")]
pub mod admin_tokens;
pub mod agent_run;
pub mod audit;
mod change;
pub mod clock;
mod credential;
mod digest;
pub mod duration;
mod email;
pub mod entropy;
pub mod form;
mod id;
#[cfg(feature = "text")]
pub mod invite;
mod opaque;
pub mod page;
pub mod rate_limit;
#[cfg(feature = "text")]
pub mod registry;
#[cfg(feature = "text")]
pub mod restore;
mod secret;
mod secret_prefix;
#[cfg(feature = "text")]
pub mod session;
mod store;
mod stored_text;
#[cfg(feature = "text")]
pub mod text;
pub mod token;
#[cfg(feature = "text")]
pub mod use_cases;
#[cfg(feature = "text")]
pub mod user;
/// Users and their roles, as far as their tokens require it.
#[cfg(not(feature = "text"))]
pub mod user {
    pub use crate::credential::{InvalidRole, Owner, PersonName, Profile, Role};
    pub use crate::email::Email;
    pub use crate::id::UserId;
}
mod vocabulary;
#[cfg(feature = "text")]
pub mod work_item;

#[cfg(feature = "testing")]
pub mod testing;

pub use id::InvalidId;
pub use opaque::OpaqueSecret;
/// The version of `uuid` in which ids can be named ([`UserId::from_uuid`](user::UserId::from_uuid)).
pub use uuid;

pub use store::{BoxError, Damaged, DamagedColumn, Listing, StoreError, StoreHealth};
