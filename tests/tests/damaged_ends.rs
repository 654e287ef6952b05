//! On the built programs: how damaged rows can be deleted or ended, what the pages show of them,
//! and what is an outage instead.

use openindex_tests::{Bootstrapped, Database, Kind, Oi, Response, Server, both_stores};
use serde_json::{Value, json};

both_stores! {
    a_damaged_work_item_is_listed_as_damaged_and_deleted,
    a_token_of_no_known_kind_or_owner_is_listed_and_deleted,
    the_pages_of_a_damaged_user_can_end_what_they_show,
    a_user_is_deleted_with_everything_that_is_damaged,
    a_damaged_row_breaks_no_other,
    a_missing_column_is_an_outage_not_damage,
    a_used_form_says_nothing_about_other_users_or_pages,
    changing_a_users_address_withdraws_the_invite_for_it,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text: {value}"))
}

fn damaged(list: &Response) -> Vec<[String; 3]> {
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let rows = list["damaged"].as_array().cloned().unwrap_or_default();
    let rows = rows
        .iter()
        .map(|row| ["table", "id", "column"].map(|field| text(&row[field]).to_owned()));
    rows.collect()
}

fn post_item(server: &Server, admin: &Bootstrapped, title: &str) {
    let item = json!({"domain": "OPS", "title": title});
    let posted = server.http.post("/browse", &admin.token, &item);
    assert_eq!(posted.status, 201, "{posted:?}");
}

fn patch(server: &Server, path: &str, token: &str, body: &Value) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = body.to_string();
    server.http.send("PATCH", path, &headers, Some(&body))
}

fn submit(server: &Server, cookie: &str, path: &str, form: &str) -> Response {
    let headers = [
        ("cookie", cookie),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    server.http.send("POST", path, &headers, Some(form))
}

fn open(server: &Server, cookie: &str, path: &str) -> Response {
    server.http.send("GET", path, &[("cookie", cookie)], None)
}

fn a_damaged_work_item_is_listed_as_damaged_and_deleted(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    for title in ["one", "two", "three"] {
        post_item(&server, &admin, title);
    }
    database.damage("work_items", "status", "status = 'stuck' WHERE number = 1");
    database.damage("work_items", "priority", "priority = 9 WHERE number = 2");
    let path = "/browse/OPS-1";
    for named in [
        http.get(path, &admin.token),
        http.post(&format!("{path}/claim"), &admin.token, &json!({})),
        http.post(&format!("{path}/complete"), &admin.token, &json!({})),
        http.post(
            "/browse",
            &admin.token,
            &json!({"parent": "OPS-1", "title": "part"}),
        ),
        http.post(
            "/agent-runs",
            &admin.token,
            &json!({"agentId": "a", "ttlSeconds": 60, "workItemKey": "OPS-1"}),
        ),
    ] {
        assert_eq!(named.status, 500, "{named:?}");
        let problem = named.json();
        let detail = text(&problem["detail"]);
        assert!(detail.contains("OPS-1"), "{detail}");
        assert!(detail.contains("status"), "{detail}");
        assert!(detail.contains("oi work-item delete"), "{detail}");
        assert!(!named.text.contains("stuck"), "{detail}");
    }
    let queue = http.get("/browse/queue?limit=1", &admin.token);
    assert_eq!(queue.status, 200, "{queue:?}");
    let claimed = http.post("/browse/OPS-3/claim", &admin.token, &json!({}));
    assert_eq!(claimed.status, 200, "{claimed:?}");
    let deleted = http.delete("/browse/OPS-2", &admin.token);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let oi = Oi::new()
        .with_env("OPENINDEX_TOKEN", &admin.token)
        .with_env("OPENINDEX_APP_URL", &server.url);
    let deleted = oi.run(&["work-item", "delete", "OPS-1", "--yes"]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    let list = http.get("/browse", &admin.token);
    assert_eq!(damaged(&list).len(), 0, "{list:?}");
    assert_eq!(list.json()["items"].as_array().expect("items").len(), 1);
    for key in ["OPS-1", "OPS-2"] {
        let gone = http.get(&format!("/browse/{key}"), &admin.token);
        assert_eq!(gone.status, 404, "{gone:?}");
        let trail = http.get(&format!("/audit?subject={key}"), &admin.token);
        assert!(trail.text.contains("work_item.deleted"), "{trail:?}");
    }
}

fn a_token_of_no_known_kind_or_owner_is_listed_and_deleted(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let names = [
        "by owner",
        "by page",
        "by admin",
        "orphan",
        "orphan of page",
    ];
    let tokens = names.map(|name| {
        let body = json!({"name": name, "scope": "read_write"});
        http.post("/me/pats", &admin.token, &body).json()
    });
    let ids = tokens.each_ref().map(|token| text(&token["id"]));
    database.damage("tokens", "kind", "kind = 'robot' WHERE name LIKE 'by %'");
    database.damage(
        "tokens",
        "owner_id",
        "owner_id = id WHERE name LIKE 'orphan%'",
    );

    let row = |id: &str, column: &str| ["tokens".to_owned(), id.to_owned(), column.to_owned()];
    let mine = [2, 1, 0].map(|index: usize| row(ids[index], "kind"));
    assert_eq!(damaged(&http.get("/me/pats", &admin.token)), mine);
    let orphans = [4, 3].map(|index: usize| row(ids[index], "owner_id"));
    let all = [&orphans[..], &mine[..]].concat();
    assert_eq!(damaged(&http.get("/admin/pats", &admin.token)), all);
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    for (path, shown) in [
        ("/settings/tokens", &ids[..3]),
        ("/settings/admin/tokens", &ids[..]),
    ] {
        let page = open(&server, &cookie, path);
        assert_eq!(page.status, 200, "{page:?}");
        for id in shown {
            assert!(
                page.text.contains(&format!("{path}/{id}/")),
                "{id}: {page:?}"
            );
        }
    }
    for (path, action) in [
        (
            format!("/settings/tokens/{}/delete", ids[1]),
            "Delete token",
        ),
        (
            format!("/settings/admin/tokens/{}/revoke", ids[4]),
            "Revoke token",
        ),
    ] {
        let page = open(&server, &cookie, &path);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.text.contains(action), "{page:?}");
        let ended = submit(&server, &cookie, &path, "");
        assert_eq!(ended.status, 303, "{ended:?}");
    }
    for path in [
        format!("/me/pats/{}", ids[0]),
        format!("/admin/pats/{}", ids[2]),
        format!("/admin/pats/{}", ids[3]),
    ] {
        let deleted = http.delete(&path, &admin.token);
        assert_eq!(deleted.status, 204, "{path}: {deleted:?}");
    }
    for path in ["/me/pats", "/admin/pats"] {
        assert_eq!(damaged(&http.get(path, &admin.token)).len(), 0, "{path}");
    }
    for token in &tokens {
        let used = http.get("/me", text(&token["token"]));
        assert_eq!(used.outcome(), (401, "token_unknown".to_owned()));
    }
}

fn the_pages_of_a_damaged_user_can_end_what_they_show(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let cookie = server.sign_in_by_link(&database, "ada@example.com");
    let (grace, token) = http.join_with_token(&admin.token, "grace@example.com");
    let damage = || database.damage("users", "role", "role = 'owner' WHERE name = 'Grace'");
    damage();
    let user = format!("/settings/admin/users/{grace}");
    let own = ["", "/suspend", "/role", "/email", "/delete"].map(|page| format!("{user}{page}"));
    let list = "/settings/admin/users".to_owned();
    for path in own.iter().chain([&list]) {
        let page = open(&server, &cookie, path);
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.text.contains("damaged"), "{path}: {page:?}");
        for end in ["suspend", "delete"] {
            let action = format!("action=\"{user}/{end}\"");
            assert!(page.text.contains(&action), "{path}: {page:?}");
        }
    }
    for path in [
        format!("/settings/admin/tokens?user={grace}"),
        format!("/settings/admin/audit?actor={grace}"),
        format!("/settings/admin/audit?subject={grace}"),
    ] {
        assert_eq!(open(&server, &cookie, &path).status, 200, "{path}");
    }
    let read = http.get(&format!("/admin/users/{grace}"), &admin.token);
    assert!(
        read.text.contains(&grace) && read.text.contains("role"),
        "{read:?}"
    );
    // The owner of a credential learns nothing about the row.
    let response = http.get("/me", &token);
    assert_eq!(response.outcome(), (500, "internal_error".to_owned()));
    assert!(!response.text.contains("usr_"), "{response:?}");
    let suspended = submit(&server, &cookie, &format!("{user}/suspend"), "");
    assert_eq!(suspended.status, 303, "{suspended:?}");
    assert_eq!(open(&server, &cookie, &user).status, 200);
    assert_eq!(
        http.get("/me", &token).outcome(),
        (401, "owner_suspended".to_owned())
    );
    damage();
    let deleted = submit(&server, &cookie, &format!("{user}/delete"), "");
    assert_eq!(deleted.status, 303, "{deleted:?}");
    assert_eq!(open(&server, &cookie, &user).status, 404);
}

fn a_user_is_deleted_with_everything_that_is_damaged(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let (grace, token) = http.join_with_token(&admin.token, "grace@example.com");
    let run = json!({"agentId": "agent-1", "ttlSeconds": 3600});
    assert_eq!(http.post("/agent-runs", &token, &run).status, 201);
    let cookie = server.sign_in_by_link(&database, "grace@example.com");
    let admin_role = json!({"role": "admin"});
    let path = format!("/admin/users/{grace}");
    assert_eq!(patch(&server, &path, &admin.token, &admin_role).status, 200);
    let page = open(&server, &cookie, "/settings/admin/invites");
    let form = format!("email=eve%40example.com&role=member&form={}", page.form());
    let invited = submit(&server, &cookie, "/settings/admin/invites", &form);
    assert!(invited.status < 400, "{invited:?}");
    let page = open(
        &server,
        &cookie,
        &format!("/settings/admin/users/{}", admin.user_id()),
    );
    let link = format!("/settings/admin/users/{}/sign-in-link", admin.user_id());
    let created = submit(&server, &cookie, &link, &format!("form={}", page.form()));
    assert!(created.status < 400, "{created:?}");

    database.damage(
        "tokens",
        "scope",
        "scope = 'root' WHERE name <> 'bootstrap' AND agent_id IS NOT NULL OR name = 'first'",
    );
    database.damage(
        "invites",
        "role",
        "role = 'owner' WHERE email = 'eve@example.com'",
    );
    for table in ["sessions", "sign_in_links"] {
        database.damage(table, "digest", "digest = substr(digest, 1, 16)");
    }
    database.damage("users", "role", "role = 'owner' WHERE name = 'Grace'");
    let deleted = http.delete(&path, &admin.token);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    for path in ["/admin/users", "/admin/pats", "/admin/invites"] {
        let list = http.get(path, &admin.token);
        assert_eq!(damaged(&list).len(), 0, "{path}: {list:?}");
    }
    assert_eq!(
        http.get("/me", &token).outcome(),
        (401, "token_unknown".to_owned())
    );
    let trail = http.get("/audit", &admin.token);
    for action in [
        "token.revoked",
        "agent_run.ended",
        "invite.withdrawn",
        "user.deleted",
    ] {
        assert!(trail.text.contains(action), "{action}: {trail:?}");
    }
}

fn a_damaged_row_breaks_no_other(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let (grace, _) = http.join_with_token(&admin.token, "grace@example.com");
    post_item(&server, &admin, "one");
    // A rate limit.
    let wrong = json!({"code": "oi_inv_no", "name": "Eve", "tokenName": "first"}).to_string();
    let headers = [("content-type", "application/json")];
    let claim = |body: &str| http.send("POST", "/auth/invites/claim", &headers, Some(body));
    let before = claim(&wrong).outcome();
    database.damage("rate_limits", "count", "count = -1");
    assert_eq!(claim(&wrong).outcome(), before);
    // The first user in the list.
    let invite = http.post(
        "/admin/invites",
        &admin.token,
        &json!({"email": "eve@example.com"}),
    );
    let code = text(&invite.json()["code"]).to_owned();
    database.damage("users", "role", "role = 'owner' WHERE name <> 'Grace'");
    let claimed = json!({"code": code, "name": "Eve", "tokenName": "first"}).to_string();
    let rejected = claim(&claimed).outcome();
    let not_open = (409, "invite_not_open".to_owned());
    assert_eq!(
        rejected, not_open,
        "an invite of a damaged user is not open"
    );
    let page = http.send("GET", &format!("/join/{code}"), &[], None);
    assert!(page.status < 500, "{page:?}");
    database.execute("UPDATE users SET role = 'admin' WHERE name <> 'Grace'");
    // An assignee.
    database.damage("users", "role", "role = 'owner' WHERE name = 'Grace'");
    let assigned = patch(
        &server,
        "/browse/OPS-1",
        &admin.token,
        &json!({ "assignee": grace }),
    );
    assert_eq!(assigned.outcome(), (400, "invalid_field".to_owned()));
    let claimed = http.post("/browse/OPS-1/claim", &admin.token, &json!({}));
    assert_eq!(claimed.status, 200, "{claimed:?}");
}

fn a_missing_column_is_an_outage_not_damage(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let unavailable = (503, "unavailable".to_owned());
    for (table, column, path) in [
        ("owners", "role", "/me"),
        ("tokens", "scope", "/me"),
        ("invites", "kind", "/admin/invites"),
        ("work_items", "version", "/browse"),
    ] {
        assert_eq!(http.send("GET", "/ready", &[], None).status, 200);
        database.execute(&format!(
            "ALTER TABLE {table} RENAME COLUMN {column} TO renamed"
        ));
        assert_eq!(
            http.get(path, &admin.token).outcome(),
            unavailable,
            "{table}"
        );
        assert_eq!(
            http.send("GET", "/ready", &[], None).outcome(),
            unavailable,
            "{table}"
        );
        database.execute(&format!(
            "ALTER TABLE {table} RENAME COLUMN renamed TO {column}"
        ));
    }
    assert_eq!(http.send("GET", "/ready", &[], None).status, 200);
    let (_, log) = server.stop();
    assert!(
        log.contains("missing in the database: work_items.version"),
        "{log}"
    );
}

fn a_used_form_says_nothing_about_other_users_or_pages(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let _ = server
        .http
        .join_with_token(&admin.token, "grace@example.com");
    let ada = server.sign_in_by_link(&database, "ada@example.com");
    let grace = server.sign_in_by_link(&database, "grace@example.com");
    let form = open(&server, &ada, "/settings/tokens/new")
        .form()
        .to_owned();
    let token = format!("name=of+a+form&scope=read_write&expiry=&form={form}");
    let create = |cookie: &str| submit(&server, cookie, "/settings/tokens/new", &token);
    assert_eq!(create(&ada).status, 201);
    assert_eq!(create(&ada).status, 409);
    let of_another = create(&grace);
    assert_eq!(of_another.status, 201, "{of_another:?}");
    let again = create(&grace);
    assert_eq!(again.status, 409, "{again:?}");
    let invite = format!("email=eve%40example.com&role=member&form={form}");
    let invited = submit(&server, &ada, "/settings/admin/invites", &invite);
    assert!(invited.status < 400, "{invited:?}");
    let invited = submit(&server, &ada, "/settings/admin/invites", &invite);
    assert_eq!(invited.status, 409, "{invited:?}");
    assert!(invited.text.contains("eve@example.com"), "{invited:?}");
}

fn changing_a_users_address_withdraws_the_invite_for_it(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let (grace, _) = http.join_with_token(&admin.token, "grace@example.com");
    let invite = http.post(
        "/admin/invites",
        &admin.token,
        &json!({"email": "Eve@example.com"}),
    );
    let invite = invite.json();
    let path = format!("/admin/users/{grace}");
    let changed = patch(
        &server,
        &path,
        &admin.token,
        &json!({"email": "eve@Example.com"}),
    );
    assert_eq!(changed.status, 200, "{changed:?}");
    let claim = json!({"code": invite["code"], "name": "Eve", "tokenName": "first"}).to_string();
    let headers = [("content-type", "application/json")];
    let claimed = http.send("POST", "/auth/invites/claim", &headers, Some(&claim));
    assert_eq!(claimed.outcome(), (409, "invite_not_open".to_owned()));
    let page = http.send(
        "GET",
        &format!("/join/{}", text(&invite["code"])),
        &[],
        None,
    );
    assert!(page.status < 500, "{page:?}");
    let trail = http.get(
        &format!("/audit?subject={}", text(&invite["id"])),
        &admin.token,
    );
    assert!(trail.text.contains("invite.withdrawn"), "{trail:?}");
    assert!(trail.text.contains(&grace), "{trail:?}");
}
