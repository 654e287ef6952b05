//! Examples of bodies, as components that the operations reference.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Schema};

use crate::server::Code;

use super::operations::operations;
use super::problem_examples;

/// Examples by schema name; an example of a list has the name with an `s`.
static BODIES: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

/// Returns a reference to the example with this name.
pub(super) fn reference(name: &str) -> RefOr<Example> {
    RefOr::Ref(Ref::new(pointer(name)))
}

fn pointer(name: &str) -> String {
    format!("#/components/examples/{name}")
}

/// Adds examples to the bodies of all operations, and the components they reference.
pub(super) fn add(document: &mut Document) {
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            body.content.iter_mut().for_each(add_to);
        }
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.content.iter_mut().for_each(add_to);
            }
        }
    }
    let bodies = BODIES.iter().map(|(name, body)| {
        let example = ExampleBuilder::new().value(Some(body.clone()));
        (name.as_str(), example.build())
    });
    let problems = Code::ALL.iter().map(|code| {
        let body = serde_json::to_value(problem_examples::example(*code).body());
        let example = ExampleBuilder::new().summary(code.title()).value(body.ok());
        (code.as_str(), example.build())
    });
    let text = document.to_json().unwrap_or_default();
    let used = bodies
        .chain(problems)
        .filter(|(name, _)| text.contains(&format!("\"{}\"", pointer(name))))
        .map(|(name, example)| (name.to_owned(), example.into()));
    let components = document.components.get_or_insert_default();
    components.examples.extend(used);
}

fn add_to((content_type, content): (&String, &mut RefOr<Content>)) {
    let RefOr::T(content) = content else { return };
    let name = match &content.schema {
        _ if content_type == "text/csv" => Some("AuditCsv".to_owned()),
        Some(schema) => name(schema),
        None => None,
    };
    if let Some(name) = name.filter(|name| BODIES.contains_key(name)) {
        let example = reference(&name);
        content.examples.insert(name, example);
    }
}

fn name(schema: &RefOr<Schema>) -> Option<String> {
    match schema {
        RefOr::Ref(reference) => {
            let (_, name) = reference.ref_location.rsplit_once('/')?;
            Some(name.to_owned())
        }
        RefOr::T(Schema::Array(list)) => match &list.items {
            ArrayItems::RefOrSchema(items) => name(items).map(|name| name + "s"),
            ArrayItems::False => None,
        },
        RefOr::T(Schema::OneOf(one)) => one.items.iter().find_map(name),
        RefOr::T(_) => None,
    }
}
