use serde_json::{Value, json};

use crate::stub::{ME, PAT, PAT_ID, Stub, created, problem};
use crate::support::{Home, environment_token, new_token, profile_token};

const TOKENS: [&str; 3] = ["settings", "personal", "tokens"];

fn tokens<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&TOKENS[..], arguments].concat()
}

#[test]
fn a_list_is_printed_unchanged() {
    let list = format!(r#"{{"items":[{PAT}],"nextCursor":null}}"#);
    let server = Stub::new(&[("GET /me/pats?limit=1000", 200, &list)]);
    let ran = Home::with_profile(&server.url).run(&tokens(&["list"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&list).unwrap());
}

#[test]
fn all_pages_are_listed_unless_one_is_requested() {
    let page = |next: &str| format!(r#"{{"items":[{PAT}],"nextCursor":{next}}}"#);
    let (first, last) = (page(r#""x""#), page("null"));
    let server = Stub::new(&[
        ("GET /me/pats?limit=1000", 200, &first),
        ("GET /me/pats?cursor=x&limit=1000", 200, &last),
        ("GET /me/pats?name=ci&status=live&limit=1", 200, &first),
        ("GET /me/pats?cursor=x", 200, &last),
        (
            "GET /me/pats?search=deploy&sort=last_used&status=revoked&limit=1000",
            200,
            &last,
        ),
    ]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&["list"]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(ran.json()["nextCursor"], json!(null));
    let one = ["list", "--status", "live", "--name", "ci", "--limit", "1"];
    let ran = home.run(&tokens(&one));
    assert_eq!(ran.json()["items"].as_array().unwrap().len(), 1);
    assert!(ran.stderr.contains("--cursor x"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("--all"), "{}", ran.stderr);
    let ran = home.run(&tokens(&["list", "--cursor", "x"]));
    assert_eq!(ran.json()["items"].as_array().unwrap().len(), 1);
    let found = [
        "list",
        "--status",
        "revoked",
        "--sort",
        "last_used",
        "--search",
        "Deploy",
    ];
    let ran = home.run(&tokens(&found));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    for wrong in [
        ["--status", "broken"],
        ["--sort", "owner"],
        ["--search", " "],
        ["--limit", "1001"],
        ["--name", " "],
    ] {
        assert_eq!(home.run(&tokens(&["list", wrong[0], wrong[1]])).status, 2);
    }
}

#[test]
fn creating_a_token_prints_it() {
    let response = created(&new_token());
    let server = Stub::new(&[("POST /me/pats", 201, &response)]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&[
        "create",
        " ci ",
        "--scope",
        "admin",
        "--expires",
        "2030-12-31",
    ]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(
        ran.json(),
        serde_json::from_str::<Value>(&response).unwrap()
    );
    let sent: Value = serde_json::from_str(&server.received()[0].body).unwrap();
    assert_eq!(
        sent,
        json!({"name": "ci", "scope": "admin", "expiresAt": "2030-12-31"}),
        "the server resolves the day, and can name it"
    );
    home.run(&tokens(&["create", "ci"]));
    let sent = server.last_body();
    assert_eq!(sent, json!({"name": "ci", "scope": "read_write"}));
}

#[test]
fn an_invalid_command_line_exits_with_2_and_sends_nothing() {
    let server = Stub::new(&[]);
    let home = Home::with_profile(&server.url);
    let own = profile_token();
    for arguments in [
        &["create"][..],
        &["create", " "],
        &["create", "x", "--scope", "root"],
        &["create", "x", "--expires", "someday"],
        &["create", "x", "--expires", ""],
        &["create", "x", "--expires-in", "0d"],
        &[
            "create",
            "x",
            "--expires",
            "2030-12-31",
            "--expires-in",
            "1d",
        ],
        &["rotate", PAT_ID, "--overlap", "25h"],
        &["rotate", PAT_ID, "--never-expires", "--expires-in", "1d"],
        &["create", "x", "--token-only", "--json"],
        &["rotate", &own],
        &["delete", "--yes", &own],
        &["delete", "--yes"],
        &["delete", PAT_ID],
        &["frobnicate", &own],
    ] {
        home.run(&tokens(arguments)).assert_failed(2, "usage");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn deleting_without_a_terminal_requires_yes() {
    let path = format!("DELETE /me/pats/{PAT_ID}");
    let server = Stub::new(&[(path.leak(), 204, "")]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&["delete", PAT_ID]));
    let document = ran.assert_failed(2, "usage");
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .contains("--yes")
    );
    let ran = home.run(&tokens(&["delete", PAT_ID, PAT_ID, "--yes"]));
    assert_eq!((ran.status, ran.json()), (0, json!({"deleted": [PAT_ID]})));
    let expected = ["GET /me".to_owned(), format!("DELETE /me/pats/{PAT_ID}")];
    assert_eq!(server.requests(), expected);
}

#[test]
fn a_token_can_be_selected_by_name() {
    let path = format!("DELETE /me/pats/{PAT_ID}");
    let list = json!({"items": [{
        "id": PAT_ID,
        "name": "ci",
        "scope": "read_write",
        "createdAt": "2026-11-24T06:00:00.000Z",
        "expiresAt": null,
        "lastUsedAt": null,
        "status": "live",
    }]})
    .to_string();
    let server = Stub::new(&[
        (
            "GET /me/pats?name=CI&limit=20",
            200,
            r#"{"items":[],"nextCursor":null}"#,
        ),
        ("GET /me/pats?name=ci&limit=20", 200, &list),
        (path.leak(), 204, ""),
    ]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&["delete", "CI", "--yes"]));
    ran.assert_failed(1, "not_found");
    let ran = home.run(&tokens(&["delete", "ci", "--yes"]));
    assert_eq!((ran.status, ran.json()), (0, json!({"deleted": [PAT_ID]})));
    assert_eq!(
        server.requests()[1..],
        [
            "GET /me/pats?name=ci&limit=20".to_owned(),
            "GET /me".to_owned(),
            format!("DELETE /me/pats/{PAT_ID}")
        ]
    );
}

#[test]
fn token_only_prints_only_the_token() {
    let response = created(&new_token());
    let server = Stub::new(&[("POST /me/pats", 201, &response)]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&["create", "ci", "--token-only"]));
    assert_eq!(
        (ran.status, ran.stdout, ran.stderr),
        (0, format!("{}\n", new_token()), String::new())
    );
}

#[test]
fn deleting_stops_at_the_first_failure_and_lists_what_was_deleted() {
    let path = format!("DELETE /me/pats/{PAT_ID}");
    let server = Stub::new(&[(path.leak(), 204, "")]);
    let home = Home::with_profile(&server.url);
    let unknown = PAT_ID.replace('9', "8");
    let ran = home.run(&tokens(&["delete", "--yes", PAT_ID, &unknown]));
    let document = ran.assert_failed(1, "not_found");
    assert_eq!(document["error"]["status"], 404);
    assert_eq!(document["deleted"], json!([PAT_ID]));
}

#[test]
fn rotating_the_profiles_own_token_updates_the_profile() {
    let path = format!("POST /me/pats/{PAT_ID}/rotate");
    let response = created(&new_token());
    let server = Stub::new(&[("GET /me", 200, ME), (path.leak(), 201, &response)]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&[
        "rotate",
        PAT_ID,
        "--overlap",
        "1h",
        "--never-expires",
    ]));
    assert_eq!(ran.status, 0, "{ran:?}");
    let mut expected = serde_json::from_str::<Value>(&response).unwrap();
    expected["replaced"] = json!({"id": PAT_ID, "expiresAt": "2026-11-01T01:00:00.000Z"});
    assert_eq!(ran.json(), expected);
    assert_eq!(ran.stderr, "note: profile default now uses the new token\n");
    assert_eq!(home.config()["profiles"]["default"]["token"], new_token());
    let sent = server.last_body();
    assert_eq!(sent, json!({"expiresAt": "", "overlapSeconds": 3600}));
}

#[test]
fn a_second_rotation_shows_the_successor() {
    let conflict = r#"{"type":"urn:openindex:problem:token_already_rotated","title":"x",
        "status":409,"detail":"this token was already rotated to pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e9",
        "code":"token_already_rotated","successorId":"pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e9"}"#;
    let rotate = format!("POST /me/pats/{PAT_ID}/rotate");
    let server = Stub::new(&[("GET /me", 200, ME), (rotate.leak(), 409, conflict)]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&["rotate", PAT_ID]));
    assert_eq!(ran.status, 1);
    let error = &ran.json()["error"];
    assert_eq!(error["code"], "token_already_rotated");
    assert_eq!(
        ran.json()["successorId"],
        "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e9"
    );
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e9"));
}

#[test]
fn rotating_another_token_or_the_environments_leaves_the_profile_alone() {
    let other = PAT_ID.replace('9', "8");
    let paths = [PAT_ID, &other].map(|id| format!("POST /me/pats/{id}/rotate"));
    let [own, another] = paths;
    let response = created(&new_token());
    let server = Stub::new(&[
        ("GET /me", 200, ME),
        (own.leak(), 201, &response),
        (another.leak(), 201, &response),
    ]);
    let home = Home::with_profile(&server.url);
    let ran = home.run(&tokens(&["rotate", &other]));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    let home = home.set("OPENINDEX_TOKEN", environment_token());
    let ran = home.run(&tokens(&["rotate", PAT_ID]));
    assert_eq!(ran.status, 0);
    assert!(
        ran.stderr
            .starts_with("warning: you rotated the token in OPENINDEX_TOKEN")
    );
    assert_eq!(
        home.config()["profiles"]["default"]["token"],
        profile_token()
    );
}

#[test]
fn a_new_token_is_shown_if_it_cannot_be_saved_in_the_profile() {
    let path = format!("POST /me/pats/{PAT_ID}/rotate");
    let response = created(&new_token());
    let server = Stub::new(&[("GET /me", 200, ME), (path.leak(), 201, &response)]);
    let home = Home::with_profile(&server.url);
    // A directory in place of the lock file, which even root cannot open for writing.
    std::fs::create_dir(home.config_file().with_file_name("config.json.lock")).unwrap();
    let ran = home.run(&tokens(&["rotate", PAT_ID]));
    assert_eq!(ran.status, 1);
    assert_eq!(ran.json()["token"], new_token());
    assert!(
        ran.stderr
            .contains("warning: the profile still has the old token")
    );
}

#[test]
fn an_outage_says_when_to_retry_and_nothing_is_retried() {
    let body = problem(503, "unavailable", "the store does not response");
    let server = Stub::new(&[("POST /me/pats", 503, &body)]);
    let ran = Home::with_profile(&server.url).run(&tokens(&["create", "ci"]));
    let document = ran.assert_failed(1, "unavailable");
    assert_eq!(document["retryAfterSeconds"], 7);
    assert_eq!(document["requestId"], "req-1");
    assert!(ran.stderr.contains("try again in 7 seconds"));
    assert_eq!(server.requests(), ["POST /me/pats"]);
}

#[test]
fn token_only_prints_the_token_or_nothing() {
    let body = problem(409, "token_limit_reached", "delete one first");
    let server = Stub::new(&[("POST /me/pats", 409, &body)]);
    let home = Home::with_profile(&server.url);
    for (more, status) in [(&["--name", "ci"][..], 1), (&["--nme", "ci"], 2)] {
        let create = ["settings", "personal", "tokens", "create", "--token-only"];
        let ran = home.run(&[&create, more].concat());
        assert_eq!((ran.status, ran.stdout.as_str()), (status, ""));
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}

#[test]
fn a_name_means_the_new_token_while_the_old_one_still_works() {
    let live: Value = serde_json::from_str(PAT).unwrap();
    let mut replaced = live.clone();
    replaced["id"] = json!(PAT_ID.replace('9', "8"));
    replaced["replacedBy"] = json!(PAT_ID);
    let mut expired = live.clone();
    expired["id"] = json!(PAT_ID.replace('9', "7"));
    expired["status"] = json!("expired");
    let list = |items: &[Value]| json!({"items": items, "nextCursor": null}).to_string();
    let delete: &str = format!("DELETE /me/pats/{PAT_ID}").leak();
    let named = "GET /me/pats?name=laptop&limit=20";
    // If a page is full, only live tokens are requested.
    for newest in [
        vec![live.clone(), replaced.clone(), expired.clone()],
        vec![expired; 20],
    ] {
        let server = Stub::new(&[
            (named, 200, &list(&newest)),
            (
                "GET /me/pats?name=laptop&status=live&limit=20",
                200,
                &list(&[live.clone(), replaced.clone()]),
            ),
            ("GET /me", 200, ME),
            (delete, 204, ""),
        ]);
        let home = Home::with_profile(&server.url);
        let ran = home.run(&tokens(&["delete", "--yes", "laptop"]));
        assert_eq!(ran.json(), json!({"deleted": [PAT_ID]}), "{ran:?}");
    }
}
