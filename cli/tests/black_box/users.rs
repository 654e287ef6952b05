use serde_json::{Value, json};

use crate::stub::{ME, Stub, page, problem, user, user_id};
use crate::support::{Home, Ran};

fn run(server: &Stub, arguments: &[&str]) -> Ran {
    let users = [&["settings", "admin", "users"][..], arguments].concat();
    Home::with_profile(&server.url).run(&users)
}

#[test]
fn a_page_is_printed_unchanged_with_a_note_about_more() {
    let first = page(&[user(1, "a@b.example")], Some("a&b"));
    let last = page(&[user(2, "c@d.example")], None);
    let server = Stub::new(&[
        ("GET /admin/users?limit=50", 200, &first),
        ("GET /admin/users?cursor=a%26b&limit=7", 200, &last),
    ]);
    let ran = run(&server, &["list"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&first).unwrap());
    assert!(
        ran.stderr
            .starts_with("note: there are more items; pass --cursor a&b")
    );
    let ran = run(&server, &["list", "--cursor", "a&b", "--limit", "7"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&last).unwrap());
}

#[test]
fn all_pages_are_one_list() {
    let (first, second) = (user(1, "a@b.example"), user(2, "c@d.example"));
    let server = Stub::new(&[
        (
            "GET /admin/users?limit=200",
            200,
            &page(std::slice::from_ref(&first), Some("a&b")),
        ),
        (
            "GET /admin/users?cursor=a%26b&limit=200",
            200,
            &page(std::slice::from_ref(&second), None),
        ),
    ]);
    let ran = run(&server, &["list", "--all"]);
    assert_eq!(
        ran.json(),
        json!({"items": [first, second], "nextCursor": null})
    );
}

#[test]
fn a_user_is_found_by_email_address_in_any_case_on_any_page() {
    let server = Stub::new(&[
        (
            "GET /admin/users?limit=200",
            200,
            &page(&[user(1, "a@b.example")], Some("n")),
        ),
        (
            "GET /admin/users?cursor=n&limit=200",
            200,
            &page(&[user(2, "Grace@Example.com")], Some("never")),
        ),
    ]);
    let ran = run(&server, &["get", "grace@example.COM"]);
    assert_eq!(ran.json()["id"], user_id(2));
    assert_eq!(server.requests().len(), 2);
    let one = page(&[user(1, "a@b.example")], None);
    let server = Stub::new(&[("GET /admin/users?limit=200", 200, &one)]);
    let ran = run(&server, &["suspend", "--yes", "nobody@example.com"]);
    ran.assert_failed(1, "not_found");
    assert_eq!(server.requests(), ["GET /admin/users?limit=200"]);
}

#[test]
fn users_are_suspended_unsuspended_and_given_a_role() {
    let id = user_id(1);
    let response = user(1, "a@b.example").to_string();
    let paths = [
        format!("POST /admin/users/{id}/suspend"),
        format!("POST /admin/users/{id}/unsuspend"),
        format!("PATCH /admin/users/{id}"),
    ];
    let [suspend, unsuspend, patch] = paths.clone().map(|path| &*path.leak());
    let server = Stub::new(&[
        (suspend, 200, &response),
        (unsuspend, 200, &response),
        (patch, 200, &response),
    ]);
    for arguments in [
        &["suspend", &id, "-y"][..],
        &["unsuspend", &id],
        &["set-role", &id, "member", "--yes"],
    ] {
        let ran = run(&server, arguments);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{arguments:?}");
        assert_eq!(ran.json(), user(1, "a@b.example"));
    }
    assert_eq!(server.requests(), paths);
    assert_eq!(server.received()[2].body, r#"{"role":"member"}"#);
}

#[test]
fn a_sign_in_link_is_printed_alone_with_url_only() {
    let path = format!("POST /admin/users/{}/sign-in-link", user_id(1));
    let link = json!({
        "id": "lnk_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", "userId": user_id(1),
        "expiresAt": "2026-11-24T07:00:00.000Z", "url": "https://x.example/link/abc",
    });
    let server = Stub::new(&[(path.leak(), 201, &link.to_string())]);
    let id = user_id(1);
    let ran = run(&server, &["sign-in-link", &id]);
    assert_eq!((ran.status, ran.json()), (0, link));
    let ran = run(&server, &["sign-in-link", &id, "--url-only"]);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("https://x.example/link/abc\n", "")
    );
}

#[test]
fn changing_a_user_without_a_terminal_requires_yes() {
    let server = Stub::new(&[]);
    let id = user_id(1);
    for arguments in [
        &["suspend", &id][..],
        &["set-role", &id, "member"],
        &["set-role", &id, "owner", "--yes"],
        &["suspend", "Ada", "--yes"],
        &["get", "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"],
        &["list", "--limit", "0"],
        &["list", "--limit", "201"],
        &["list", "--all", "--limit", "5"],
        &["sign-in-link", &id, "--url-only", "--json"],
    ] {
        run(&server, arguments).assert_failed(2, "usage");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn denials_keep_the_servers_message_and_exit_with_4() {
    let path = format!("POST /admin/users/{}/suspend", user_id(1));
    let path: &str = path.leak();
    let message = "this user is the last active administrator";
    for (status, code, exit) in [
        (403, "insufficient_scope", 4),
        (403, "human_token_required", 4),
        (409, "last_admin", 1),
        (404, "not_found", 1),
        (429, "rate_limited", 1),
    ] {
        let server = Stub::new(&[(path, status, &problem(status, code, message))]);
        let ran = run(&server, &["suspend", "--yes", &user_id(1)]);
        let document = ran.assert_failed(exit, code);
        assert!(ran.stderr.contains(message), "{ran:?}");
        assert_eq!(document["error"]["status"], status);
        if status == 429 {
            assert_eq!(document["retryAfterSeconds"], 7);
            assert!(ran.stderr.contains("try again in 7 seconds"), "{ran:?}");
        }
    }
}

#[test]
fn a_deletion_requires_yes_and_prints_the_user() {
    let path = format!("DELETE /admin/users/{}", user_id(1));
    let server = Stub::new(&[(path.leak(), 204, "")]);
    let ran = run(&server, &["delete", &user_id(1)]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    let ran = run(&server, &["delete", &user_id(1), "--yes"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.json(), json!({"deleted": [user_id(1)]}));
}

#[test]
fn an_email_address_is_changed() {
    let path = format!("PATCH /admin/users/{}", user_id(1));
    let get = format!("GET /admin/users/{}", user_id(1));
    let changed = user(1, "new@b.example").to_string();
    let server = Stub::new(&[
        ("GET /me", 200, ME),
        (get.leak(), 200, &user(1, "a@b.example").to_string()),
        (path.leak(), 200, &changed),
    ]);
    let ran = run(
        &server,
        &["update", &user_id(1), "--email", "new@b.example"],
    );
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["email"], "new@b.example");
    let ran = run(
        &server,
        &["update", &user_id(1), "--email", "a\u{200b}@b.example"],
    );
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("invisible"), "{}", ran.stderr);
}

#[test]
fn changing_your_own_email_address_requires_yes() {
    let own = user_id(2);
    assert!(ME.contains(&own));
    let paths = ["GET", "PATCH"].map(|method| format!("{method} /admin/users/{own}"));
    let [get, patch] = paths.clone().map(|path| &*path.leak());
    let before = user(2, "a@b.example").to_string();
    let after = user(2, "new@b.example").to_string();
    let server = Stub::new(&[
        ("GET /me", 200, ME),
        (get, 200, &before),
        (patch, 200, &after),
    ]);
    let update = ["update", &own, "--email", "new@b.example"];
    run(&server, &update).assert_failed(2, "usage");
    assert!(!server.requests().contains(&paths[1]));
    let ran = run(&server, &[&update[..], &["--yes"]].concat());
    assert_eq!(ran.json()["email"], "new@b.example", "{ran:?}");
}
