use std::sync::Arc;

use crate::stored_text::stored_text;

#[cfg(feature = "text")]
mod parse;

#[cfg(feature = "text")]
pub use parse::InvalidEmail;

/// An email address: one `@` between two parts, at most 254 bytes (RFC 5321 §4.5.3.1.3), without
/// white space, control characters or invisible characters, in NFC. Whether it receives mail is not
/// checked. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(Arc<str>);

stored_text!(Email, "the address as entered, in NFC");
