//! Passwords according to NIST SP 800-63B-4 §3.1.1 as a single factor: at least 15 and at most 256
//! characters, never truncated, without composition rules, rejected if common or based on the
//! user's own words, and stored only as a slow salted hash, which is computed by a port.

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
