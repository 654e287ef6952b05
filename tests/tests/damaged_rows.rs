//! Rows that were damaged past the constraints, on the built programs: lists show the other rows,
//! and damaged ones can be ended.

use openindex_tests::{Bootstrapped, Database, Kind, Oi, Server, both_stores};
use serde_json::{Value, json};

both_stores! {
    a_damaged_token_is_listed_as_damaged_and_deleted,
    a_damaged_row_of_any_list_hides_no_other,
    an_event_of_a_newer_version_is_in_the_audit_log_and_its_export,
    a_browser_whose_session_is_damaged_is_shown_the_sign_in_page,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text: {value}"))
}

fn create(server: &Server, admin: &Bootstrapped, name: &str) -> Value {
    let body = json!({"name": name, "scope": "read_write"});
    let created = server.http.post("/me/pats", &admin.token, &body);
    assert_eq!(created.status, 201, "{created:?}");
    created.json()
}

fn oi(server: &Server, admin: &Bootstrapped) -> Oi {
    Oi::new()
        .with_env("OPENINDEX_TOKEN", &admin.token)
        .with_env("OPENINDEX_APP_URL", &server.url)
}

fn a_damaged_token_is_listed_as_damaged_and_deleted(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let names = ["by owner", "by admin", "by filter", "by report", "by oi"];
    let tokens = names.map(|name| create(&server, &admin, name));
    database.damage("tokens", "scope", "scope = 'root' WHERE name LIKE 'by %'");

    for path in ["/me/pats", "/admin/pats"] {
        let list = http.get(path, &admin.token);
        assert_eq!(list.status, 200, "{list:?}");
        let list = list.json();
        assert_eq!(list["items"].as_array().expect("items").len(), 1, "{list}");
        let damaged = list["damaged"].as_array().expect("damaged");
        assert_eq!(damaged.len(), names.len(), "{list}");
        let newest = tokens.last().expect("a token");
        let expected = json!({"id": newest["id"], "table": "tokens", "column": "scope"});
        assert_eq!(damaged[0], expected);
    }
    // A page may end with a damaged row.
    let mut path = "/admin/pats?limit=1".to_owned();
    let mut seen = 0;
    loop {
        let page = http.get(&path, &admin.token).json();
        seen += page["items"].as_array().expect("items").len();
        seen += page["damaged"].as_array().map_or(0, Vec::len);
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        path = format!("/admin/pats?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, names.len() + 1);
    let oi = oi(&server, &admin);
    for list in [
        &["settings", "personal", "tokens", "list"][..],
        &["settings", "admin", "tokens", "list", "--all"],
    ] {
        let listed = oi.run(list);
        assert_eq!(listed.code, 0, "{listed:?}");
        assert!(listed.stderr.contains(text(&tokens[0]["id"])), "{listed:?}");
        assert!(
            listed.stderr.contains("is damaged and not listed"),
            "{listed:?}"
        );
    }

    for token in &tokens {
        let used = http.get("/me", text(&token["token"]));
        assert_eq!(used.outcome(), (500, "internal_error".to_owned()));
        assert!(!used.text.contains("root"), "{used:?}");
    }
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    for path in ["/settings/tokens", "/settings/admin/tokens"] {
        let page = http.send("GET", path, &[("cookie", &cookie)], None);
        assert_eq!(page.status, 200, "{page:?}");
        let action = format!("action=\"{path}/{}/", text(&tokens[0]["id"]));
        assert!(page.text.contains(&action), "{page:?}");
    }
    let ids = tokens.each_ref().map(|token| text(&token["id"]));
    let deleted = http.delete(&format!("/me/pats/{}", ids[0]), &admin.token);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let deleted = http.delete(&format!("/admin/pats/{}", ids[1]), &admin.token);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let again = http.delete(&format!("/admin/pats/{}", ids[1]), &admin.token);
    assert_eq!(again.outcome(), (404, "not_found".to_owned()));
    let report = json!({"tokens": [tokens[3]["token"]]}).to_string();
    let headers = [("content-type", "application/json")];
    let reported = http.send("POST", "/credentials/revoke", &headers, Some(&report));
    assert_eq!(reported.status, 202, "{reported:?}");
    let revoke = ["settings", "personal", "tokens", "delete", ids[4], "--yes"];
    let revoked = oi.run(&revoke);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    for dry_run in [true, false] {
        let body = json!({"user": admin.user_id(), "dryRun": dry_run});
        let revoked = http.post("/admin/pats/revoke", &admin.token, &body);
        assert_eq!(revoked.status, 200, "{revoked:?}");
        let revoked = revoked.json();
        assert_eq!(revoked["count"], 1, "{revoked}");
        assert_eq!(revoked["damaged"][0]["id"], ids[2], "{revoked}");
    }

    let list = http.get("/admin/pats", &admin.token).json();
    assert_eq!(list.get("damaged"), None, "{list}");
    for token in &tokens {
        let used = http.get("/me", text(&token["token"]));
        assert_eq!(used.outcome(), (401, "token_unknown".to_owned()));
        let path = format!("/audit?subject={}", text(&token["id"]));
        let trail = http.get(&path, &admin.token).json();
        let actions = trail["items"].as_array().expect("events");
        assert_eq!(actions.len(), 2, "{trail}");
    }
    let (_, log) = server.stop();
    assert!(log.contains("damaged row"), "{log}");
    for secret in tokens.iter().map(|token| text(&token["token"])) {
        assert!(!log.contains(secret));
    }
}

fn a_damaged_row_of_any_list_hides_no_other(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let (grace, token) = http.join_with_token(&admin.token, "grace@example.com");
    let mut runs = Vec::new();
    for (number, email) in [(1, "eve@example.com"), (2, "joan@example.com")] {
        let invite = json!({ "email": email });
        assert_eq!(
            http.post("/admin/invites", &admin.token, &invite).status,
            201
        );
        let item = json!({"domain": "OPS", "title": format!("Item {number}")});
        assert_eq!(http.post("/browse", &admin.token, &item).status, 201);
        let run = json!({"agentId": format!("agent-{number}"), "ttlSeconds": 3600});
        let run = http.post("/agent-runs", &admin.token, &run);
        assert_eq!(run.status, 201, "{run:?}");
        runs.push(run.json());
    }
    database.damage("users", "role", "role = 'owner' WHERE name = 'Grace'");
    database.damage(
        "invites",
        "role",
        "role = 'owner' WHERE email = 'eve@example.com'",
    );
    database.damage("work_items", "kind", "kind = 'epic' WHERE title = 'Item 1'");
    database.damage(
        "tokens",
        "scope",
        "scope = 'root' WHERE agent_id = 'agent-1'",
    );

    for (path, items, table) in [
        ("/admin/users", 1, "users"),
        ("/admin/pats", 1, "tokens"),
        ("/admin/invites", 3, "invites"),
        ("/browse", 1, "work_items"),
        ("/agent-runs", 1, "tokens"),
    ] {
        let list = http.get(path, &admin.token);
        assert_eq!(list.status, 200, "{path}: {list:?}");
        let list = list.json();
        assert_eq!(
            list["items"].as_array().expect("items").len(),
            items,
            "{list}"
        );
        assert_eq!(
            list["damaged"].as_array().expect("damaged").len(),
            1,
            "{list}"
        );
        assert_eq!(list["damaged"][0]["table"], table, "{list}");
    }
    let queue = http.get("/browse/queue", &admin.token).json();
    assert_eq!(
        queue["available"]["items"].as_array().expect("items").len(),
        1
    );
    assert_eq!(queue["available"]["damaged"][0]["id"], "OPS-1");
    let oi = oi(&server, &admin);
    for list in [
        &["settings", "admin", "users", "list"][..],
        &["settings", "admin", "invites", "list"],
        &["work-item", "list"],
        &["queue", "list"],
        &["agent-run", "list"],
    ] {
        let listed = oi.run(list);
        assert_eq!(listed.code, 0, "{list:?}: {listed:?}");
        assert!(listed.stderr.contains("is damaged"), "{list:?}: {listed:?}");
    }
    assert_eq!(http.get("/stats", &admin.token).status, 200);
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    for page in ["users", "tokens", "invites", "audit"] {
        let path = format!("/settings/admin/{page}");
        let shown = http.send("GET", &path, &[("cookie", &cookie)], None);
        assert_eq!(shown.status, 200, "{path}: {shown:?}");
        let told = shown.text.contains("A row in this list is damaged");
        assert_eq!(told, page != "audit", "{path}: {shown:?}");
    }

    end_what_is_damaged(&server, &admin, &grace, &token, text(&runs[0]["id"]));
}

/// Suspends a damaged user, withdraws a damaged invite and ends a damaged run.
fn end_what_is_damaged(server: &Server, admin: &Bootstrapped, grace: &str, token: &str, run: &str) {
    let http = &server.http;
    assert_eq!(http.get("/me", token).outcome().0, 500);
    let suspended = http.post(
        &format!("/admin/users/{grace}/suspend"),
        &admin.token,
        &json!({}),
    );
    assert_eq!(suspended.status, 200, "{suspended:?}");
    assert_eq!(
        http.get("/me", token).outcome(),
        (401, "owner_suspended".to_owned())
    );
    let invites = http.get("/admin/invites", &admin.token).json();
    let path = format!("/admin/invites/{}", text(&invites["damaged"][0]["id"]));
    assert_eq!(http.delete(&path, &admin.token).status, 204);
    let path = format!("/agent-runs/{run}");
    let ended = http.delete(&path, &admin.token);
    assert_eq!(ended.status, 204, "{ended:?}");
    for path in ["/admin/users", "/admin/invites", "/agent-runs"] {
        let list = http.get(path, &admin.token).json();
        assert_eq!(list.get("damaged"), None, "{path}: {list}");
    }
}

fn an_event_of_a_newer_version_is_in_the_audit_log_and_its_export(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let (id, at) = match kind {
        Kind::Sqlite => ("randomblob(16)", "1000"),
        Kind::Postgres => ("gen_random_uuid()", "to_timestamp(1)"),
    };
    database.execute(&format!(
        "INSERT INTO audit_events (id, at, actor, action, subject) \
         VALUES ({id}, {at}, 'operator', 'token.shared', 'grp_0199f3a1c6d07c35b2f0e8a4d1c7b9e2')"
    ));
    let list = http.get("/audit", &admin.token);
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let oldest = list["items"]
        .as_array()
        .expect("events")
        .last()
        .expect("one");
    assert_eq!(oldest["action"], "token.shared");
    assert_eq!(oldest["subject"], "grp_0199f3a1c6d07c35b2f0e8a4d1c7b9e2");
    assert_eq!(oldest["at"], "1970-01-01T00:00:01.000Z");
    let export = http.get("/audit/export", &admin.token).json();
    assert_eq!(export, list["items"]);
    let export = http.get("/audit/export?format=csv", &admin.token);
    assert!(export.text.contains(",token.shared,grp_0199"), "{export:?}");
    let listed = oi(&server, &admin).run(&["settings", "admin", "audit", "list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.stdout.contains("token.shared"), "{listed:?}");
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    let page = http.send("GET", "/settings/admin/audit", &[("cookie", &cookie)], None);
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("token.shared"), "{page:?}");
}

fn a_browser_whose_session_is_damaged_is_shown_the_sign_in_page(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let _ = Server::bootstrap(&database);
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    let open = |path: &str| server.http.send("GET", path, &[("cookie", &cookie)], None);
    assert_eq!(open("/settings/tokens").status, 200);
    database.damage("users", "role", "role = 'root'");
    assert_eq!(open("/settings/tokens").status, 303);
    assert_eq!(open("/sign-in").status, 200);
}
