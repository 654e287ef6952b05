//! The `oi` command lines that do what each operation does, as the document's `x-oi` extension.
//! Command line and description are held against each other by a test of `oi`.

use serde_json::{Map, Value};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::extensions::Extensions;

use super::operations;

/// The command lines by the operation's id. One extension of the document and not one of each
/// operation, which has another: the order of several differs from run to run.
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
