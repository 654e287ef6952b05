use serde_json::{Value, json};

use crate::stub::{PAT, PAT_ID, Stub, page, problem, user, user_id};
use crate::support::{Home, Ran, profile_token};

const DIGEST: &str = "3c3913016c5570e9fd21be78a0e9c3d3a9522b6ba7152fd99d26e566a5bead3e";

fn run(server: &Stub, arguments: &[&str]) -> Ran {
    let tokens = [&["settings", "admin", "tokens"][..], arguments].concat();
    Home::with_profile(&server.url).run(&tokens)
}

fn admin_pat() -> Value {
    let mut pat: Value = serde_json::from_str(PAT).expect("JSON");
    pat["owner"] = json!({
        "id": user_id(1), "email": "a@b.example", "name": null, "role": "member",
    });
    pat
}

fn revoked(dry_run: bool, count: usize) -> Value {
    json!({
        "dryRun": dry_run, "count": count, "keptOwn": false,
        "expected": dry_run.then_some(DIGEST), "nextCursor": null,
        "items": vec![admin_pat(); count],
    })
}

#[test]
fn filters_are_sent_and_the_page_is_printed_unchanged() {
    let list = page(&[admin_pat()], None);
    let users = page(&[user(1, "a@b.example")], None);
    let path = format!(
        "GET /admin/pats?expiringBefore=2026-12-31T00%3A00%3A00.000Z&scope=admin&status=live\
         &unusedSince=2026-01-01T00%3A00%3A00.000Z&user={}&limit=50",
        user_id(1)
    );
    let server = Stub::new(&[
        ("GET /admin/users?limit=200", 200, &users),
        (path.leak(), 200, &list),
    ]);
    let ran = run(
        &server,
        &[
            "list",
            "--user",
            "A@b.example",
            "--scope",
            "admin",
            "--status",
            "live",
            "--unused-since",
            "2026-01-01",
            "--expiring-before",
            "2026-12-31",
        ],
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&list).unwrap());
}

#[test]
fn any_users_token_is_revoked_by_its_id() {
    let path = format!("DELETE /admin/pats/{PAT_ID}");
    let server = Stub::new(&[(path.leak(), 204, "")]);
    let ran = run(&server, &["revoke", "--yes", PAT_ID, PAT_ID]);
    assert_eq!((ran.status, ran.json()), (0, json!({"revoked": [PAT_ID]})));
    let unknown = PAT_ID.replace('9', "8");
    let ran = run(&server, &["revoke", "--yes", PAT_ID, &unknown]);
    let document = ran.assert_failed(1, "not_found");
    assert_eq!(document["revoked"], json!([PAT_ID]));
}

#[test]
fn matching_tokens_are_reviewed_before_they_are_revoked() {
    // The stub returns the same response to both requests, which is enough to see what was sent.
    let response = revoked(true, 2);
    let server = Stub::new(&[("POST /admin/pats/revoke", 200, &response.to_string())]);
    let arguments = ["revoke-matching", "--unused-since", "2026-01-01", "--yes"];
    let ran = run(&server, &arguments);
    assert_eq!((ran.status, ran.json()), (0, response));
    let sent: Vec<Value> = server
        .received()
        .iter()
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            json!({"unusedSince": "2026-01-01T00:00:00.000Z", "dryRun": true}),
            json!({"unusedSince": "2026-01-01T00:00:00.000Z", "dryRun": false, "expected": DIGEST})
        ]
    );
}

#[test]
fn a_duration_means_the_same_time_in_both_requests() {
    let response = revoked(true, 1).to_string();
    let server = Stub::new(&[("POST /admin/pats/revoke", 200, &response)]);
    run(
        &server,
        &["revoke-matching", "--unused-for", "90d", "--yes"],
    );
    let bodies: Vec<Value> = server
        .received()
        .iter()
        .filter(|request| request.what.starts_with("POST "))
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    assert_eq!(bodies[0]["unusedSince"], bodies[1]["unusedSince"]);
}

#[test]
fn a_dry_run_changes_nothing_and_does_not_require_yes() {
    let response = revoked(true, 2);
    let server = Stub::new(&[("POST /admin/pats/revoke", 200, &response.to_string())]);
    let ran = run(
        &server,
        &["revoke-matching", "--scope", "admin", "--dry-run"],
    );
    assert_eq!((ran.status, ran.json()), (0, response));
    assert_eq!(
        server.received()[0].body,
        r#"{"scope":"admin","dryRun":true}"#
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn reviewed_tokens_are_revoked_without_another_dry_run() {
    let response = revoked(false, 2);
    let server = Stub::new(&[("POST /admin/pats/revoke", 200, &response.to_string())]);
    let arguments = ["revoke-matching", "--scope", "admin", "--expected", DIGEST];
    let ran = run(&server, &arguments);
    assert_eq!((ran.status, ran.json()), (0, response));
    let sent = json!({"scope": "admin", "dryRun": false, "expected": DIGEST});
    assert_eq!(server.last_body(), sent);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_change_since_the_review_is_an_error_with_a_hint() {
    let mut body: Value = serde_json::from_str(&problem(
        409,
        "review_outdated",
        "the matching tokens have changed",
    ))
    .unwrap();
    body["matching"] = json!({"count": 3, "expected": DIGEST});
    let server = Stub::new(&[("POST /admin/pats/revoke", 409, &body.to_string())]);
    for way in [&["--expected", DIGEST][..], &["--yes"], &["--dry-run"]] {
        let arguments = [&["revoke-matching", "--scope", "admin"][..], way].concat();
        let ran = run(&server, &arguments);
        let document = ran.assert_failed(1, "review_outdated");
        assert_eq!(document["matching"], body["matching"], "{way:?}");
        assert!(document.to_string().contains("--dry-run"), "{document}");
    }
}

#[test]
fn a_dry_run_lists_every_page_of_one_review() {
    let mut page = revoked(true, 2);
    page["count"] = json!(4);
    page["nextCursor"] = json!(PAT_ID);
    let server = Stub::new(&[("POST /admin/pats/revoke", 200, &page.to_string())]);
    let arguments = ["revoke-matching", "--scope", "admin", "--dry-run"];
    // The stub's cursors form a cycle, which is an error.
    run(&server, &arguments).assert_failed(1, "unexpected_response");
    let sent = json!({"scope": "admin", "dryRun": true, "expected": DIGEST, "cursor": PAT_ID});
    assert_eq!(server.last_body(), sent);
}

#[test]
fn an_unknown_review_digest_revokes_nothing() {
    let mut response = revoked(true, 2);
    for expected in [json!(null), json!("x")] {
        response["expected"] = expected;
        let server = Stub::new(&[("POST /admin/pats/revoke", 200, &response.to_string())]);
        let arguments = ["revoke-matching", "--scope", "admin", "--yes"];
        run(&server, &arguments).assert_failed(1, "unexpected_response");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn without_matching_tokens_nothing_is_sent_after_the_dry_run() {
    let server = Stub::new(&[(
        "POST /admin/pats/revoke",
        200,
        &revoked(true, 0).to_string(),
    )]);
    let ran = run(
        &server,
        &["revoke-matching", "--status", "expired", "--yes"],
    );
    assert_eq!((ran.status, ran.json()), (0, revoked(false, 0)));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_invalid_command_line_exits_with_2_and_sends_nothing() {
    let server = Stub::new(&[]);
    let own = profile_token();
    for arguments in [
        &["revoke", PAT_ID][..],
        &["revoke", "--yes", "laptop"],
        &["revoke", "--yes", &own],
        &["revoke-matching", "--yes"],
        &["revoke-matching", "--dry-run"],
        &["revoke-matching", "--scope", "admin"],
        &["revoke-matching", "--status", "revoked", "--yes"],
        &["revoke-matching", "--unused-since", "", "--yes"],
        &["revoke-matching", "--user", "", "--yes"],
        &["revoke-matching", "--scope", "admin", "--expected", "x"],
        &["revoke-matching", "--expected", DIGEST],
        &["list", "--unused-for", "1d", "--unused-since", "2026-01-01"],
        &["list", "--expiring-within", "soon"],
    ] {
        run(&server, arguments).assert_failed(2, "usage");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn without_the_scope_admin_the_exit_status_is_4() {
    let body = problem(403, "insufficient_scope", "the scope admin is required");
    let server = Stub::new(&[("GET /admin/pats?limit=50", 403, &body)]);
    let document = run(&server, &["list"]).assert_failed(4, "insufficient_scope");
    assert_eq!(document["source"], "profile:default");
}
