//! The `oi` command line for each operation, as the extension `x-oi` of the document. A test of
//! `oi` compares the two.

use serde_json::{Map, Value};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::extensions::Extensions;

use super::operations::operations;

/// Command lines by operation id. This is an extension of the document, not of each operation:
/// those have another extension, and the order of several differs between runs.
const EXTENSION: &str = "x-oi";

pub(super) fn add(document: &mut Document) {
    let mut commands: Map<String, Value> =
        serde_json::from_str(include_str!("commands.json")).unwrap_or_default();
    let operations = document.paths.paths.values_mut().flat_map(operations);
    let ids: Vec<_> = operations
        .filter_map(|it| it.operation_id.clone())
        .collect();
    commands.retain(|id, _| ids.contains(id));
    document
        .extensions
        .get_or_insert_with(Extensions::default)
        .insert(EXTENSION.to_owned(), commands.into());
}
