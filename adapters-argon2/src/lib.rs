//! The password hasher of OpenIndex: argon2id ([RFC 9106]), off the async threads, with bounds on
//! how many run and how many wait, so that a flood of sign-ins takes neither the processor from
//! requests that present a token nor the machine's memory.
//!
//! [RFC 9106]: https://www.rfc-editor.org/rfc/rfc9106

mod argon2id;
mod gate;
mod hasher;

pub use gate::Limits;
pub use hasher::Argon2Hasher;
