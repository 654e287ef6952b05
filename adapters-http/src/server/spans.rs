//! The spans of requests.

use std::collections::HashMap;
use std::fmt;

use http::{HeaderMap, Method, StatusCode};
use tracing::Span;
use utoipa::openapi::OpenApi as Document;

/// What follows the span of each request, such as an exporter of traces.
pub trait RequestSpans: fmt::Debug + Send + Sync {
    /// Called when a request has arrived, with its span and its headers, which may name the trace
    /// that it belongs to. Returns the id of its trace, for the log.
    fn begun(&self, span: &Span, headers: &HeaderMap) -> Option<String>;

    /// Called with the pattern of the route and the status once there is a response.
    fn ended(&self, span: &Span, route: Option<&str>, status: StatusCode);
}

/// The ids of operations, by method and the pattern of the route.
pub(super) type Operations = HashMap<(Method, String), String>;

/// Returns the ids of the operations of the API.
pub(super) fn operations(api: Document) -> Operations {
    let paths = api.paths.paths.into_iter();
    let operations = paths.flat_map(|(path, item)| {
        let operations = [
            (Method::GET, item.get),
            (Method::POST, item.post),
            (Method::PUT, item.put),
            (Method::PATCH, item.patch),
            (Method::DELETE, item.delete),
        ];
        operations
            .into_iter()
            .filter_map(move |(method, operation)| {
                Some(((method, path.clone()), operation?.operation_id?))
            })
    });
    operations.collect()
}
