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
// docs.rs labels what requires a feature.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "testing"),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the documentation is that of all features"
    )
)]

pub mod access;
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
pub mod invite;
mod opaque;
pub mod page;
pub mod rate_limit;
pub mod registry;
mod secret;
pub mod session;
mod store;
pub mod text;
pub mod token;
pub mod use_cases;
pub mod user;
mod vocabulary;
pub mod work_item;

#[cfg(feature = "testing")]
pub mod testing;

pub use id::InvalidId;
pub use opaque::OpaqueSecret;
pub use store::{BoxError, Damaged, DamagedColumn, Listing, StoreError, StoreHealth};
