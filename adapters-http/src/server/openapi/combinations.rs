//! Constraints between the fields of a request, which utoipa cannot express. Each is described as
//! what is `not` valid: validators support the keyword, and client generators ignore it.

use serde_json::{Value, json};
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::{Components, Object, RefOr, Schema};

pub(super) fn describe(components: &mut Components) {
    for (name, schema) in &mut components.schemas {
        let RefOr::T(Schema::Object(object)) = schema else {
            continue;
        };
        match name.as_str() {
            "CreatePat" | "RotatePat" => {
                forbid(object, &both("expiresAt", "string", "expiresIn", "integer"));
            }
            "RevokePats" => {
                const OTHERS: [&str; 3] = ["dryRun", "expected", "cursor"];
                let filters = object.properties.keys();
                let filters: Vec<String> = filters
                    .filter(|name| !OTHERS.contains(&name.as_str()))
                    .cloned()
                    .collect();
                let turned = json!({
                    "required": ["cursor"],
                    "properties": {"cursor": {"type": "string"}, "dryRun": {"enum": [false]}},
                });
                let unfiltered = neither(filters.iter().map(String::as_str));
                forbid(object, &json!({"anyOf": [unfiltered, turned]}));
            }
            "ClaimInvite" => forbid(object, &neither(["password", "tokenName"])),
            "CreateWorkItem" => forbid(object, &misplaced()),
            "PatchUser" => {
                object.min_properties = Some(1);
                object.max_properties = Some(1);
            }
            "PatchWorkItem" => object.min_properties = Some(1),
            _ => {}
        }
    }
}

fn forbid(object: &mut Object, wrong: &Value) {
    let extensions = object.extensions.get_or_insert_with(Extensions::default);
    extensions.insert("not".to_owned(), wrong.clone());
}

/// Matches objects in which none of the fields is set.
fn neither<'a>(fields: impl IntoIterator<Item = &'a str>) -> Value {
    let null = |field: &str| (field.to_owned(), json!({"type": "null"}));
    let fields: serde_json::Map<String, Value> = fields.into_iter().map(null).collect();
    json!({"properties": fields})
}

/// Matches objects in which both fields are set.
fn both(one: &str, one_type: &str, other: &str, other_type: &str) -> Value {
    json!({
        "required": [one, other],
        "properties": {one: {"type": one_type}, other: {"type": other_type}},
    })
}

/// Matches new work items with neither or both of a domain and a parent, or a kind that does not
/// match.
fn misplaced() -> Value {
    json!({"anyOf": [
        neither(["parent", "domain"]),
        both("parent", "string", "domain", "string"),
        {
            "required": ["kind"],
            "properties": {"kind": {"enum": ["sub_task"]}, "parent": {"type": "null"}},
        },
        {
            "required": ["kind", "parent"],
            "properties": {"kind": {"enum": ["project", "task"]}, "parent": {"type": "string"}},
        },
    ]})
}
