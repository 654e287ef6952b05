use serde_json::{Value, json};

use crate::stub::{Stub, page, problem, user_id};
use crate::support::{Home, Ran};

fn run(server: &Stub, arguments: &[&str]) -> Ran {
    let invites = [&["settings", "admin", "invites"][..], arguments].concat();
    Home::with_profile(&server.url).run(&invites)
}

fn invite_id(digit: u8) -> String {
    format!("inv_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}")
}

fn invite(digit: u8, email: &str, status: &str) -> Value {
    json!({
        "id": invite_id(digit), "email": email, "role": "member", "status": status,
        "createdBy": user_id(1), "createdAt": "2026-11-20T08:00:00.000Z",
        "expiresAt": "2026-11-27T08:00:00.000Z", "claimedAt": null, "claimedBy": null, "mixedScripts": [],
        "replacedBy": null,
    })
}

#[test]
fn creating_an_invite_prints_its_link() {
    let mut response = invite(1, "grace@example.com", "open");
    response["url"] = "https://x.example/join/abc".into();
    response["code"] = "abc".into();
    let server = Stub::new(&[("POST /admin/invites", 201, &response.to_string())]);
    let ran = run(&server, &["create", " grace@example.com "]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), response);
    let arguments = ["create", "g@example.com", "--role", "admin", "--url-only"];
    let ran = run(&server, &arguments);
    assert_eq!(ran.stdout, "https://x.example/join/abc\n");
    let sent: Vec<Value> = server
        .received()
        .iter()
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            json!({"email": "grace@example.com", "role": "member"}),
            json!({"email": "g@example.com", "role": "admin"})
        ]
    );
}

#[test]
fn a_list_is_printed_unchanged() {
    let list = page(&[invite(1, "grace@example.com", "open")], None);
    let server = Stub::new(&[("GET /admin/invites?limit=50", 200, &list)]);
    let ran = run(&server, &["list"]);
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert_eq!(ran.json(), serde_json::from_str::<Value>(&list).unwrap());
}

#[test]
fn invites_are_withdrawn_by_id_or_email_address() {
    let list = page(
        &[
            invite(1, "grace@example.com", "expired"),
            invite(2, "Grace@example.com", "open"),
        ],
        None,
    );
    let path = format!("DELETE /admin/invites/{}", invite_id(2));
    let server = Stub::new(&[
        ("GET /admin/invites?limit=200", 200, &list),
        (path.leak(), 204, ""),
    ]);
    let id = invite_id(2);
    let ran = run(&server, &["withdraw", "--yes", "grace@example.com", &id]);
    assert_eq!((ran.status, ran.json()), (0, json!({"withdrawn": [id]})));
    let ran = run(&server, &["withdraw", "--yes", "other@example.com"]);
    ran.assert_failed(1, "not_found");
    let ran = run(&server, &["withdraw", "--yes", &id, &invite_id(3)]);
    let document = ran.assert_failed(1, "not_found");
    assert_eq!(document["withdrawn"], json!([id]));
}

#[test]
fn an_invalid_command_line_exits_with_2_and_sends_nothing() {
    let server = Stub::new(&[]);
    let id = invite_id(1);
    for arguments in [
        &["withdraw", &id][..],
        &["withdraw", "--yes"],
        &["withdraw", "--yes", "grace"],
        &["create", "grace"],
        &["create", "g@example.com", "--role", "owner"],
        &["create", "g@example.com", "--url-only", "--json"],
    ] {
        run(&server, arguments).assert_failed(2, "usage");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn an_existing_user_cannot_be_invited() {
    let body = problem(
        409,
        "email_taken",
        "this email address already has an account",
    );
    let server = Stub::new(&[("POST /admin/invites", 409, &body)]);
    let ran = run(&server, &["create", "g@example.com"]);
    ran.assert_failed(1, "email_taken");
}
