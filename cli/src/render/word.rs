use openindex_adapters_http::wire::Open;
use serde::Serialize;

use super::plain;

/// Formats a value of an API enumeration, whether or not this version knows it.
pub(crate) fn word<T: Serialize>(value: &Open<T>) -> String {
    plain(&value.to_string())
}

/// Formats an object with a name: `Ada Lovelace (usr_…)`.
pub(crate) fn with_id(name: &str, id: &str) -> String {
    format!("{} ({})", plain(name), plain(id))
}

/// Formats a user: `Ada Lovelace <ada@example.com>`.
pub(crate) fn with_email(name: &str, email: &str) -> String {
    format!("{} <{}>", plain(name), plain(email))
}

/// Formats an optional value.
pub(crate) fn or(value: Option<&str>, missing: &str) -> String {
    value.map_or_else(|| missing.to_owned(), plain)
}
