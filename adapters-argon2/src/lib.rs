#![doc = include_str!("../README.md")]
//!
//! The algorithm is that of [RFC 9106]. [`Limits`] on running and queued hashes keep a flood of
//! sign-ins from starving token verification of CPU time, and from exhausting memory.
//!
//! [RFC 9106]: https://www.rfc-editor.org/rfc/rfc9106

mod argon2id;
mod hasher;
mod limiter;

pub use hasher::Argon2Hasher;
pub use limiter::Limits;
