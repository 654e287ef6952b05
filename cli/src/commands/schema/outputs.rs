//! The output format of every command, as JSON Schema (draft 2020-12).

use serde_json::{Map, Value, json};

/// Returns the output format of a command: a reference to a definition, or a media type.
pub(super) fn of(command: &str) -> Value {
    let name = match command {
        "oi profile list" => "ProfileList",
        "oi profile show" => "Profile",
        "oi profile set" => "ProfileSet",
        "oi profile use" => "ProfileUse",
        "oi profile delete" => "ProfileDelete",
        "oi auth check" => "AuthCheck",
        "oi me" => "Me",
        "oi queue list" => "WorkQueue",
        "oi work-item list" => "WorkItemList",
        "oi work-item get"
        | "oi work-item create"
        | "oi work-item update"
        | "oi work-item claim"
        | "oi work-item release"
        | "oi work-item complete" => "WorkItem",
        "oi agent-run list" => "AgentRunList",
        "oi agent-run start" => "StartedAgentRun",
        "oi agent-run end" => "Ended",
        "oi settings personal tokens list" => "PatList",
        "oi settings personal tokens create" => "CreatedPat",
        "oi settings personal tokens rotate" => "RotatedPat",
        "oi settings personal tokens delete" | "oi work-item delete" => "Deleted",
        "oi invite claim" => "ClaimedInvite",
        "oi report-leak" => "Reported",
        "oi settings admin users list" => "UserList",
        "oi settings admin users get"
        | "oi settings admin users suspend"
        | "oi settings admin users unsuspend"
        | "oi settings admin users set-role" => "User",
        "oi settings admin users sign-in-link" => "SignInLink",
        "oi settings admin invites list" => "InviteList",
        "oi settings admin invites create" => "CreatedInvite",
        "oi settings admin invites withdraw" => "Withdrawn",
        "oi settings admin tokens list" => "AdminPatList",
        "oi settings admin tokens revoke" => "Revoked",
        "oi settings admin tokens revoke-matching" => "RevokedPats",
        "oi settings admin audit list" => "AuditList",
        // Without --output, the output is the export itself.
        "oi settings admin audit export" => "Exported",
        "oi settings admin stats" => "Stats",
        "oi doctor" => "Doctor",
        "oi man" => "ManualPages",
        "oi schema" => return json!({"contentMediaType": "application/json"}),
        _ => return json!({"contentMediaType": "text/plain"}),
    };
    json!({"$ref": format!("#/$defs/{name}")})
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

pub(super) fn definitions() -> Value {
    with(
        &with(&user_definitions(), work_definitions()),
        admin_definitions(),
    )
}

fn user_definitions() -> Value {
    let user = owner();
    let token = json!({
        "id": text(), "kind": {"enum": ["personal", "agent_run"]}, "name": text(),
        "scope": scope(), "effectiveScope": scope(), "expiresAt": time_or_null(),
    });
    let mut token = object(&token);
    // Only an agent run's token has it.
    token["properties"]["run"] =
        object(&json!({"agentId": text(), "workItemKey": or_null("string")}));
    let me = json!({"user": object(&user), "token": token});
    let profile = json!({
        "name": text(), "current": {"type": "boolean"}, "appUrl": or_null("string"),
        "apiUrl": text(), "apiResolutionSource": {"enum": ["profile", "default"]},
        "token": or_null("string"), "agentId": or_null("string"),
    });
    json!({
        "ProfileList": object(&json!({
            "items": list(&object(&profile)), "currentProfile": text(), "configPath": text(),
        })),
        "Profile": object(&with(&profile, json!({"configPath": text()}))),
        "ProfileSet": object(&json!({
            "profile": text(), "current": {"type": "boolean"}, "configPath": text(),
            "appUrl": or_null("string"), "resolvedApiUrl": text(),
            "apiResolutionSource": {"enum": ["discovery", "app_url", "profile", "default"]},
            "token": or_null("string"), "agentId": or_null("string"),
        })),
        "ProfileUse": object(&json!({"currentProfile": text()})),
        "ProfileDelete": object(&json!({"deleted": list(&text()), "currentProfile": text()})),
        "Me": object(&me),
        "AuthCheck": object(&with(&me, json!({
            "expiresInSeconds": or_null("integer"), "source": text(),
            "appUrl": text(), "apiUrl": text(),
            "appUrlSource": {"enum": ["--app-url", "OPENINDEX_APP_URL", "profile", "default"]},
        }))),
        "PatList": listed(object(&json!({"items": list(&pat_with(json!({})))}))),
        "CreatedPat": pat_with(json!({"token": text()})),
        "RotatedPat": pat_with(json!({
            "token": text(), "replaced": object(&json!({"id": text(), "expiresAt": time()})),
        })),
        "Deleted": object(&json!({"deleted": list(&text())})),
        // Without a directory, the output is the page itself.
        "ManualPages": object(&json!({"written": list(&text())})),
        "Doctor": object(&json!({
            "ok": {"type": "boolean"},
            "checks": list(&object(&json!({
                "name": text(), "status": {"enum": ["ok", "warn", "fail", "skip"]},
                "detail": text(), "hint": or_null("string"),
            }))),
        })),
    })
}

fn work_definitions() -> Value {
    let summary = json!({
        "key": text(), "kind": {"enum": ["project", "task", "sub_task"]},
        "parent": or_null("string"), "title": text(),
        "status": {"enum": ["todo", "in_progress", "done", "cancelled"]},
        "priority": {"enum": ["low", "medium", "high", "urgent"]},
        "executionTarget": {"enum": ["human", "agent", "either"]},
        "assignee": or_null("string"), "activeAgentId": or_null("string"),
        "activeUserId": or_null("string"), "activeRunId": or_null("string"),
        "claimedAt": time_or_null(),
        "createdBy": text(), "createdAt": time(), "updatedAt": time(),
        "resolvedAt": time_or_null(), "version": whole(),
    });
    let summaries = list(&object(&summary));
    let bucket = listed(object(
        &json!({"items": summaries, "more": {"type": "boolean"}}),
    ));
    let run = json!({
        "id": text(), "agentId": text(), "workItemKey": or_null("string"), "scope": scope(),
        "issuedBy": text(), "createdAt": time(), "expiresAt": time_or_null(),
        "endedAt": time_or_null(), "lastUsedAt": time_or_null(),
        "status": {"enum": ["live", "expired", "revoked"]},
    });
    json!({
        "WorkItem": object(&with(&summary, json!({"description": text()}))),
        "WorkItemList": page(&summaries),
        "WorkQueue": object(&json!({"available": bucket, "mine": bucket})),
        "AgentRunList": page(&list(&object(&run))),
        "StartedAgentRun": object(&with(&run, json!({"token": text()}))),
        "Ended": object(&json!({"ended": list(&text())})),
    })
}

fn admin_definitions() -> Value {
    let user = json!({
        "id": text(), "email": text(), "name": text(), "role": role(),
        "createdAt": time(), "suspendedAt": time_or_null(),
    });
    let invite = json!({
        "id": text(), "email": or_null("string"), "role": role(),
        "status": {"enum": ["open", "claimed", "withdrawn", "replaced", "expired"]},
        "createdBy": or_null("string"), "createdAt": time(), "expiresAt": time(),
        "claimedAt": time_or_null(), "claimedBy": or_null("string"),
        "replacedBy": or_null("string"),
    });
    let pats = list(&pat_with(json!({"owner": object(&owner())})));
    let event = json!({
        "id": text(), "at": time(),
        "actor": object(&json!({
            "kind": {"enum": ["token", "session", "operator", "anonymous"]},
            "userId": or_null("string"), "credentialId": or_null("string"),
            "userName": or_null("string"), "credentialName": or_null("string"),
        })),
        "action": text(), "subject": text(), "related": or_null("string"),
        "subjectName": or_null("string"), "relatedName": or_null("string"),
        "requestId": or_null("string"), "clientAddress": or_null("string"),
    });
    let counts = [
        "usersActive",
        "usersSuspended",
        "adminsActive",
        "tokensLive",
        "tokensLiveAdmin",
        "tokensExpired",
        "invitesOpen",
    ];
    let counts: Map<_, _> = counts
        .map(|name| (name.to_owned(), whole()))
        .into_iter()
        .collect();
    json!({
        "User": object(&user),
        "UserList": page(&list(&object(&user))),
        "SignInLink": object(&json!({
            "id": text(), "userId": text(), "expiresAt": time(), "url": text(),
        })),
        "InviteList": page(&list(&object(&invite))),
        "CreatedInvite": object(&with(&invite, json!({"url": text(), "code": text()}))),
        "Withdrawn": object(&json!({"withdrawn": list(&text())})),
        "AdminPatList": page(&pats),
        "Revoked": object(&json!({"revoked": list(&text())})),
        "RevokedPats": listed(object(&json!({
            "dryRun": {"type": "boolean"}, "count": whole(), "keptOwn": {"type": "boolean"},
            "expected": or_null("string"), "items": pats, "nextCursor": or_null("string"),
        }))),
        "AuditList": object(&json!({
            "items": list(&object(&event)), "nextCursor": or_null("string"),
        })),
        "Exported": {"oneOf": [
            object(&json!({"format": {"enum": ["json", "csv"]}, "path": text(), "bytes": whole()})),
            list(&object(&event)),
            {"contentMediaType": "text/csv"},
        ]},
        "Stats": object(&Value::Object(counts)),
        "ClaimedInvite": object(&json!({
            "user": object(&user), "pat": {"oneOf": [pat_with(json!({})), {"type": "null"}]},
            "token": or_null("string"), "profile": or_null("string"),
        })),
        "Reported": object(&json!({"reported": whole(), "malformed": whole()})),
    })
}

fn pat() -> Value {
    json!({
        "id": text(), "name": text(), "scope": scope(), "createdAt": time(),
        "expiresAt": time_or_null(), "lastUsedAt": time_or_null(),
        "status": {"enum": ["live", "expired", "revoked"]},
    })
}

/// Returns the format of a token with additional properties.
fn pat_with(more: Value) -> Value {
    let mut object = object(&with(&pat(), more));
    // Only rotated tokens have it.
    object["properties"]["replacedBy"] = text();
    // Only present if known, or if the token is revoked.
    for name in ["lastFour", "createdFrom", "lastUsedFrom"] {
        object["properties"][name] = text();
    }
    object["properties"]["revokedAt"] = time();
    object["properties"]["revokedBy"] =
        json!({"enum": ["owner", "administrator", "rotation", "leak"]});
    object
}

fn owner() -> Value {
    json!({
        "id": text(), "email": or_null("string"), "name": or_null("string"), "role": role(),
    })
}

/// Returns the format of a page; with `--all`, it contains all items.
fn page(items: &Value) -> Value {
    listed(object(
        &json!({"items": items, "nextCursor": or_null("string")}),
    ))
}

/// Adds the rows that the server cannot read, which are present only if there are any.
fn listed(mut list_of_items: Value) -> Value {
    let row = object(&json!({"id": text(), "table": text(), "column": text()}));
    list_of_items["properties"]["damaged"] = list(&row);
    list_of_items
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

/// Returns the format of an object in which all of these properties are required.
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
