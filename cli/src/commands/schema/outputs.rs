//! The output formats of the commands, as JSON Schema (draft 2020-12).
//!
//! What a command passes on from the server has the schema of the API's description. Only what `oi`
//! itself adds is described here.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::parts::Prints;

/// The API's description, which is generated from the types that the client reads.
const API: &str = include_str!("../../../openapi.json");
const IN_API: &str = "#/components/schemas/";
const HERE: &str = "#/$defs/";

/// Returns a reference to the definition of an output, or its media type.
pub(super) fn schema(output: Prints) -> Value {
    if output.0.contains('/') {
        json!({"contentMediaType": output.0})
    } else {
        reference(output.0)
    }
}

/// Returns the format of the error document.
pub(super) fn error() -> Value {
    object(&json!({
        "error": object(&json!({
            "code": text(), "message": text(),
            "status": or_null("integer"), "nextCommand": or_null("string"),
        })),
    }))
}

/// Returns the definitions of these outputs, and those that they refer to.
pub(super) fn definitions(outputs: &[Value]) -> Map<String, Value> {
    let api: Value = serde_json::from_str(API).unwrap_or_default();
    let (own, mut defined) = (own(), Map::new());
    let mut wanted = BTreeSet::new();
    for output in outputs {
        collect(output, &mut wanted);
    }
    while let Some(name) = wanted.pop_first() {
        let of_api = &api["components"]["schemas"][&name];
        let mut schema = own.get(&name).unwrap_or(of_api).clone();
        move_references(&mut schema);
        let mut mentioned = BTreeSet::new();
        collect(&schema, &mut mentioned);
        defined.insert(name, schema);
        wanted.extend(mentioned.into_iter().filter(|it| !defined.contains_key(it)));
    }
    defined
}

/// Collects the names of the definitions that a schema refers to.
fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            let name = map
                .get("$ref")
                .and_then(|it| it.as_str()?.strip_prefix(HERE));
            names.extend(name.map(str::to_owned));
            map.values().for_each(|value| collect(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

/// Lets references into the API's description refer to the definitions here.
fn move_references(schema: &mut Value) {
    match schema {
        Value::Object(map) => map.values_mut().for_each(move_references),
        Value::Array(values) => values.iter_mut().for_each(move_references),
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(IN_API) {
                *text = format!("{HERE}{name}");
            }
        }
        _ => {}
    }
}

/// Returns the formats that only `oi` has.
fn own() -> Value {
    let profile = json!({
        "name": text(), "current": boolean(), "appUrl": or_null("string"),
        "apiUrl": text(), "apiResolutionSource": {"enum": ["profile", "default"]},
        "token": or_null("string"), "agentId": or_null("string"),
    });
    let profile = object(&profile);
    let replaced = object(&json!({
        "id": text(), "expiresAt": {"type": "string", "format": "date-time"},
    }));
    json!({
        "ProfileList": object(&json!({
            "items": list(&profile), "currentProfile": text(), "configPath": text(),
        })),
        "Profile": both(&profile, &json!({"configPath": text()})),
        "ProfileSet": object(&json!({
            "profile": text(), "current": boolean(), "configPath": text(),
            "appUrl": or_null("string"), "resolvedApiUrl": text(),
            "apiResolutionSource": {"enum": ["discovery", "app_url", "profile", "default"]},
            "token": or_null("string"), "agentId": or_null("string"),
        })),
        "ProfileUse": object(&json!({"currentProfile": text()})),
        "ProfileDelete": object(&json!({"deleted": list(&text()), "currentProfile": text()})),
        "AuthCheck": both(&reference("Me"), &json!({
            "expiresInSeconds": or_null("integer"), "source": text(),
            "appUrl": text(), "apiUrl": text(),
            "appUrlSource": {"enum": ["--app-url", "OPENINDEX_APP_URL", "profile", "default"]},
        })),
        "AuthRotate": both(&reference("Pat"), &json!({
            "token": or_null("string"), "profile": or_null("string"), "replaced": replaced,
        })),
        "AuthRevoke": object(&json!({
            "revoked": text(), "source": text(), "profile": or_null("string"),
        })),
        "RotatedPat": both(&reference("CreatedPat"), &json!({"replaced": replaced})),
        "Deleted": object(&json!({"deleted": list(&text())})),
        "Ended": object(&json!({"ended": list(&text())})),
        "Revoked": object(&json!({"revoked": list(&text())})),
        "Withdrawn": object(&json!({"withdrawn": list(&text())})),
        // Without a directory, the output is the page itself.
        "ManualPages": object(&json!({"written": list(&text())})),
        "Doctor": object(&json!({
            "ok": boolean(),
            "checks": list(&object(&json!({
                "name": text(), "status": {"enum": ["ok", "warn", "fail", "skip"]},
                "detail": text(), "hint": or_null("string"),
            }))),
        })),
        // Without --output, the output is the export itself.
        "Exported": {"oneOf": [
            object(&json!({"format": {"enum": ["json", "csv"]}, "path": text(), "bytes": whole()})),
            list(&reference("AuditEvent")),
            {"contentMediaType": "text/csv"},
        ]},
        "ClaimedInvite": object(&json!({
            "user": reference("User"), "pat": {"oneOf": [reference("Pat"), {"type": "null"}]},
            "token": or_null("string"), "profile": or_null("string"),
        })),
        // With --sarif, the output is a SARIF log.
        "Scanned": {"oneOf": [scanned(), {"contentMediaType": "application/sarif+json"}]},
        "Reported": object(&json!({"reported": whole(), "malformed": whole()})),
    })
}

/// Returns the format of what was found in files.
fn scanned() -> Value {
    object(&json!({
        "findings": list(&object(&json!({
            "path": text(), "line": whole(), "column": whole(),
            "kind": {"enum": ["personal", "agent_run"]}, "lastFour": text(),
            "commit": or_null("string"), "change": {"enum": ["added", "removed", "unchanged", null]},
        }))),
        "scanned": whole(),
        "skipped": list(&object(&json!({
            "path": text(),
            "reason": {"enum": ["git", "binary", "symbolic_link", "special_file"]},
        }))),
        "unreadable": list(&object(&json!({"path": text(), "error": text()}))),
        "reported": whole(),
    }))
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("{HERE}{name}")})
}

/// Returns the format of an object in which all of these properties are required.
fn object(properties: &Value) -> Value {
    let properties = properties.as_object();
    let required: Vec<&String> = properties.into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// Returns the format of an object with further properties.
fn both(schema: &Value, properties: &Value) -> Value {
    json!({"allOf": [schema, object(properties)]})
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn boolean() -> Value {
    json!({"type": "boolean"})
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn or_null(name: &str) -> Value {
    json!({"type": [name, "null"]})
}
