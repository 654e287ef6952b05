#![doc = include_str!("../README.md")]
//!
//! Handling of arguments and environment variables, shared by `oi` and `oi-server`.
//!
//! Errors repeat user input only if it cannot be a secret, and a variable that is set but empty is
//! an error instead of unset.

mod manual;
mod quote;
mod redact;
mod usage;
mod variable;

pub use manual::{manual_page, write_manual};
pub use quote::quoted;
pub use redact::{redact, shown};
pub use usage::{closest, conceal};
pub use variable::{InvalidVariable, check};
