//! Names of methods. Any other method is client text, which could be a secret in the wrong place.

use http::Method;

/// Returns the name of a method that HTTP servers commonly support.
pub(super) fn common(method: &Method) -> Option<&'static str> {
    const COMMON: [&str; 7] = ["GET", "POST", "DELETE", "PATCH", "PUT", "HEAD", "OPTIONS"];
    COMMON.into_iter().find(|name| *name == method.as_str())
}

/// Returns the name of a standard method.
pub(super) fn standard(method: &Method) -> Option<&'static str> {
    let others = ["TRACE", "CONNECT"];
    let other = || others.into_iter().find(|name| *name == method.as_str());
    common(method).or_else(other)
}
