//! OpenIndex personal access tokens: what a token is, who may do what with it, and when it ends.
//!
//! This crate is the inside of the hexagon. It holds the entities, the rules, the use cases and
//! the *ports* (traits) through which the rules reach a store, a clock and a source of entropy.
//! It performs no IO: no runtime, no database and no HTTP crate is among its dependencies, and a
//! unit test drives everything here with the in-memory store of the [`testing`] feature.
//!
//! | you want to | start at |
//! |---|---|
//! | issue, verify, list, rotate, revoke | [`token::Tokens`] |
//! | let a request in or keep it out | [`access::Principal::authorize`] |
//! | let an agent work, with a token of its own | [`agent_run::AgentRuns`] |
//! | write a store of your own | [`token::TokenStore`] and the contract suite in [`testing`] |
//! | see it run | `cargo run -p openindex-domain --example embed --features testing` |
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
pub mod clock;
pub mod entropy;
pub mod form;
mod id;
pub mod invite;
mod opaque;
mod page;
pub mod rate_limit;
pub mod session;
mod store;
pub mod text;
pub mod token;
pub mod user;
pub mod work_item;

#[cfg(feature = "testing")]
pub mod testing;

pub use id::InvalidId;
pub use opaque::OpaqueSecret;
pub use store::{BoxError, Damaged, DamagedColumn, Listing, StoreError, StoreHealth};
