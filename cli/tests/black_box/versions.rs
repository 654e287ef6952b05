//! Servers of other versions.

use serde_json::{Value, json};

use crate::stub::{ME, PAT, Stub, page, problem, user, work_item, work_item_summary};
use crate::support::Home;

/// Replaces every enumeration value in a response by one that this version does not know.
fn newer(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    match name.as_str() {
                        "role" | "scope" | "effectiveScope" | "kind" | "status" | "priority"
                        | "executionTarget" | "action" => *value = "brand_new".into(),
                        _ => walk(value),
                    }
                }
                fields.insert("brandNew".to_owned(), json!({"x": [1]}));
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut value);
    value
}

#[test]
fn unknown_values_and_fields_of_a_newer_server_are_accepted() {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let item = work_item("OPS-1");
    let queue = json!({
        "available": {"items": [work_item_summary("OPS-1")], "more": false},
        "mine": {"items": [], "more": false},
    });
    let invite = json!({
        "id": "inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e4", "email": "a@example.com", "role": "member",
        "status": "open", "createdBy": null, "createdAt": "2026-11-01T00:00:00.000Z",
        "expiresAt": "2026-11-08T00:00:00.000Z", "claimedAt": null, "claimedBy": null, "mixedScripts": [],
    });
    for (path, response, arguments) in [
        ("GET /me", parsed(ME), &["me"][..]),
        ("GET /me", parsed(ME), &["auth", "check"]),
        (
            "GET /me/pats?limit=1000",
            json!({"items": [parsed(PAT)]}),
            &["settings", "personal", "tokens", "list"],
        ),
        (
            "GET /agent-runs?limit=50",
            parsed(&page(&[crate::stub::agent_run()], None)),
            &["agent-run", "list"],
        ),
        (
            "GET /admin/users?limit=50",
            parsed(&page(&[user(1, "a@example.com")], None)),
            &["settings", "admin", "users", "list"],
        ),
        (
            "GET /admin/invites?limit=50",
            parsed(&page(&[invite], None)),
            &["settings", "admin", "invites", "list"],
        ),
        ("GET /browse/OPS-1", item, &["work-item", "get", "OPS-1"]),
        ("GET /browse/queue", queue, &["queue", "list"]),
    ] {
        let server = Stub::new(&[(path, 200, &newer(response).to_string())]);
        let ran = Home::with_profile(&server.url).run(arguments);
        assert_eq!(
            ran.status,
            0,
            "{arguments:?}: {ran:?} {:?}",
            server.requests()
        );
        assert!(ran.stdout.contains("brand_new"), "{arguments:?}: {ran:?}");
    }
}

fn discovery(version: &str) -> String {
    json!({"apiUrl": "BASE", "version": version}).to_string()
}

#[test]
fn an_invalid_response_names_the_field_and_which_side_is_older() {
    let mut me: Value = serde_json::from_str(ME).unwrap();
    me["user"]["id"] = 7.into();
    for (version, said) in [
        ("99.0.0", "is older than the server"),
        ("0.0.1", "the server (version 0.0.1) is older"),
        (
            env!("CARGO_PKG_VERSION"),
            "check that this is the URL of an OpenIndex server",
        ),
        (
            "someday",
            "check that this is the URL of an OpenIndex server",
        ),
    ] {
        let server = Stub::new(&[
            ("GET /me", 200, &me.to_string()),
            ("GET /.well-known/openindex.json", 200, &discovery(version)),
        ]);
        let ran = Home::with_profile(&server.url).run(&["me"]);
        ran.assert_failed(1, "unexpected_response");
        assert!(
            ran.stderr
                .contains("the field user.id has an unexpected type"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}

#[test]
fn a_path_or_field_that_an_older_server_lacks_is_explained() {
    let mut field: Value =
        serde_json::from_str(&problem(400, "invalid_field", "expiresIn")).unwrap();
    field["errors"] = json!([{"field": "expiresIn", "message": "is not known here"}]);
    let route = problem(
        404,
        "not_found",
        "no route matches GET /me; /openapi.json lists the routes",
    );
    for (status, body) in [
        (400, field.to_string()),
        (404, route),
        (405, problem(405, "x", "no")),
    ] {
        let server = Stub::new(&[
            ("POST /me/pats", status, &body),
            ("GET /.well-known/openindex.json", 200, &discovery("0.0.1")),
        ]);
        let ran = Home::with_profile(&server.url).run(&[
            "settings",
            "personal",
            "tokens",
            "create",
            "ci",
            "--expires-in",
            "1d",
        ]);
        assert_eq!(ran.status, 1);
        assert!(
            ran.stderr.contains("the server (version 0.0.1) is older"),
            "{ran:?}"
        );
        assert_eq!(ran.json()["serverVersion"], "0.0.1");
    }
}
