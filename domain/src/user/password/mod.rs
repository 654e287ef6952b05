//! Passwords by NIST SP 800-63B-4 §3.1.1, for use as a single factor: at least 15 characters, up
//! to 256 accepted whole, no composition rules, refused when common or made of the person's own
//! words, and kept only as the output of a slow salted hash, which is a port.

mod common;
mod guess;
mod hasher;
mod policy;
mod text;

pub use hasher::{HashError, PasswordHash, PasswordHasher};
pub use policy::{MIN_PASSWORD_CHARS, WeakPassword};
pub use text::{MAX_PASSWORD_CHARS, Password, TooLongPassword};

#[cfg(feature = "testing")]
pub use hasher::MockPasswordHasher;
