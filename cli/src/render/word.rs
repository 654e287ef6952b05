use openindex_adapters_http::wire::Open;
use serde::Serialize;

use super::plain;

/// A word of a vocabulary as the server says it, known to this version or not.
pub(crate) fn word<T: Serialize>(value: &Open<T>) -> String {
    plain(&value.to_string())
}
