use openindex_adapters_http::wire::Open;
use serde::Serialize;

use super::plain;

/// Formats a value of an API enumeration, whether or not this version knows it.
pub(crate) fn word<T: Serialize>(value: &Open<T>) -> String {
    plain(&value.to_string())
}
