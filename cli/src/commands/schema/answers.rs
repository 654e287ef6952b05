//! The form of every answer, as JSON Schema (draft 2020-12).

use serde_json::{Map, Value, json};

/// The answer of a command: a reference to a definition, or a media type.
pub(super) fn of(command: &str) -> Value {
    let name = match command {
        "oi profile list" => "ProfileList",
        "oi profile show" => "Profile",
        "oi profile set" => "ProfileSet",
        "oi profile use" => "ProfileUse",
        "oi auth check" => "AuthCheck",
        "oi me" => "Me",
        "oi settings personal tokens list" => "PatList",
        "oi settings personal tokens create" | "oi settings personal tokens rotate" => "CreatedPat",
        "oi settings personal tokens delete" => "Deleted",
        "oi settings admin users list" => "UserList",
        "oi doctor" => "Doctor",
        "oi schema" => return json!({"contentMediaType": "application/json"}),
        _ => return json!({"contentMediaType": "text/plain"}),
    };
    json!({"$ref": format!("#/$defs/{name}")})
}

/// The document in place of an answer when a command fails.
pub(super) fn error() -> Value {
    object(&json!({
        "error": object(&json!({
            "code": text(), "message": text(),
            "status": or_null("integer"), "nextCommand": or_null("string"),
        })),
    }))
}

pub(super) fn definitions() -> Value {
    let user = json!({"id": text(), "email": or_null("string"), "name": or_null("string"), "role": role()});
    let token = json!({
        "id": text(), "kind": {"enum": ["personal", "agent_run"]}, "name": text(),
        "scope": scope(), "effectiveScope": scope(), "expiresAt": time_or_null(),
    });
    let me = json!({"user": object(&user), "token": object(&token)});
    let pat = json!({
        "id": text(), "name": text(), "scope": scope(), "createdAt": time(),
        "expiresAt": time_or_null(), "lastUsedAt": time_or_null(),
        "status": {"enum": ["live", "expired", "revoked"]},
    });
    let profile = json!({
        "name": text(), "current": {"type": "boolean"}, "appUrl": or_null("string"),
        "apiUrl": or_null("string"), "token": or_null("string"), "agentId": or_null("string"),
    });
    json!({
        "ProfileList": object(&json!({
            "items": list(&object(&profile)), "currentProfile": text(), "configPath": text(),
        })),
        "Profile": object(&with(&profile, json!({"configPath": text()}))),
        "ProfileSet": object(&json!({
            "profile": text(), "current": {"type": "boolean"}, "configPath": text(),
            "appUrl": or_null("string"), "resolvedApiUrl": or_null("string"),
            "apiResolutionSource": {"enum": ["discovery", "app_url", "profile", null]},
            "token": or_null("string"), "agentId": or_null("string"),
        })),
        "ProfileUse": object(&json!({"currentProfile": text()})),
        "Me": object(&me),
        "AuthCheck": object(&with(&me, json!({
            "expiresInSeconds": or_null("integer"), "source": text(),
            "appUrl": text(), "apiUrl": text(),
        }))),
        "PatList": object(&json!({"items": list(&object(&pat))})),
        "CreatedPat": object(&with(&pat, json!({"token": text()}))),
        "Deleted": object(&json!({"deleted": list(&text())})),
        "UserList": object(&json!({
            "items": list(&object(&json!({
                "id": text(), "email": text(), "name": text(), "role": role(),
                "createdAt": time(), "suspendedAt": time_or_null(),
            }))),
            "nextCursor": {"type": "null"},
        })),
        "Doctor": object(&json!({
            "ok": {"type": "boolean"},
            "checks": list(&object(&json!({
                "name": text(), "status": {"enum": ["ok", "warn", "fail", "skip"]},
                "detail": text(), "hint": or_null("string"),
            }))),
        })),
    })
}

/// An object in which all of these are present.
fn object(properties: &Value) -> Value {
    let required: Vec<String> = properties
        .as_object()
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default();
    json!({"type": "object", "required": required, "properties": properties})
}

fn with(properties: &Value, more: Value) -> Value {
    let maps = [properties.clone(), more]
        .into_iter()
        .filter_map(|value| match value {
            Value::Object(map) => Some(map),
            _ => None,
        });
    Value::Object(maps.flatten().collect::<Map<_, _>>())
}

fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn or_null(name: &str) -> Value {
    json!({"type": [name, "null"]})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn time_or_null() -> Value {
    json!({"type": ["string", "null"], "format": "date-time"})
}

fn scope() -> Value {
    json!({"enum": ["read_write", "admin"]})
}

fn role() -> Value {
    json!({"enum": ["member", "admin"]})
}
