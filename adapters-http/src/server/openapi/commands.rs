//! The `oi` command lines that do what an operation does, as its `x-oi` extension. Command line and
//! description are held against each other by a test of `oi`.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::extensions::Extensions;

use super::operations;

/// In an operation, the command lines.
const EXTENSION: &str = "x-oi";

/// The command lines by the operation's id. An operation without one is only for programs.
static COMMANDS: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("commands.json")).unwrap_or_default());

pub(super) fn add(document: &mut Document) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        if let Some(commands) = COMMANDS.get(id) {
            operation
                .extensions
                .get_or_insert_with(Extensions::default)
                .insert(EXTENSION.to_owned(), commands.clone());
        }
    }
}
