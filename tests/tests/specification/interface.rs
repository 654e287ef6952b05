//! What the specification says about the HTTP API.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};

use openindex_tests::{Kind, both_stores};
use serde_json::{Value, json};

use crate::commands::{Shell, text};
use crate::page::{bodies, rows};

both_stores! {
    only_a_token_authenticates_and_a_cookie_does_not,
    a_token_has_one_of_the_two_scopes,
    the_bodies_of_the_page_create_tokens,
    a_value_is_returned_once_and_never_again,
    a_token_does_not_expire_unless_a_date_is_set,
    creating_a_new_token_and_deleting_the_old_one_rotates,
    deleting_ends_requests_that_are_on_their_way,
    separate_tokens_are_revoked_independently,
    a_missing_invalid_or_revoked_token_is_401,
    an_insufficient_scope_is_403,
}

fn only_a_token_authenticates_and_a_cookie_does_not(kind: Kind) {
    let shell = Shell::new(kind);
    let cookie = shell
        .server
        .sign_in_by_link(&shell.database, "ada@example.com");
    let http = &shell.server.http;
    for path in ["/me", "/me/pats", "/browse", "/admin/users"] {
        let with_cookie = http.send("GET", path, &[("cookie", &cookie)], None);
        assert_eq!(with_cookie.status, 401, "{path}");
        assert_eq!(http.get(path, &shell.admin.token).status, 200, "{path}");
    }
}

fn a_token_has_one_of_the_two_scopes(kind: Kind) {
    let shell = Shell::new(kind);
    let http = &shell.server.http;
    let scopes = rows("| Scope | Access |");
    assert_eq!(scopes.len(), 2);
    for (scope, admin_status) in scopes.iter().map(|row| row[0]).zip([403, 200]) {
        let created = shell.create(&json!({"name": "x", "scope": scope}));
        let secret = text(&created["token"]);
        for path in ["/browse", "/browse/queue"] {
            assert_eq!(http.get(path, secret).status, 200, "{scope} {path}");
        }
        for path in [
            "/admin/users",
            "/admin/invites",
            "/admin/pats",
            "/stats",
            "/audit",
        ] {
            assert_eq!(
                http.get(path, secret).status,
                admin_status,
                "{scope} {path}"
            );
        }
    }
    for scope in [
        json!("write"),
        json!("ADMIN"),
        json!(null),
        json!(["admin"]),
    ] {
        let body = json!({"name": "x", "scope": scope});
        let rejected = http.post("/me/pats", &shell.admin.token, &body);
        assert_eq!(rejected.status, 400, "{scope}");
    }
}

fn the_bodies_of_the_page_create_tokens(kind: Kind) {
    let shell = Shell::new(kind);
    for body in bodies() {
        let created = shell.create(&body);
        for (key, value) in body.as_object().expect("an object") {
            assert_eq!(&created[key], value, "{created}");
        }
        assert!(text(&created["token"]).starts_with("oi_pat_"), "{created}");
    }
}

fn a_value_is_returned_once_and_never_again(kind: Kind) {
    let shell = Shell::new(kind);
    let http = &shell.server.http;
    let created = shell.create(&bodies()[1]);
    let secret = text(&created["token"]);
    let one = format!("/me/pats/{}", text(&created["id"]));
    for path in [
        "/me/pats",
        &one,
        "/me",
        "/admin/pats",
        "/audit",
        "/audit/export",
    ] {
        for token in [&shell.admin.token, secret] {
            let response = http.get(path, token);
            for hidden in [&shell.admin.token, secret] {
                assert!(!response.text.contains(hidden), "{path}: {response:?}");
            }
        }
    }
    let list = http.get("/me/pats", &shell.admin.token).json();
    let items = list["items"].as_array().expect("items");
    let item = items.iter().find(|item| item["id"] == created["id"]);
    let item = item.expect("it is listed");
    for key in ["name", "scope", "expiresAt"] {
        assert_eq!(item[key], created[key], "{list}");
    }
}

fn a_token_does_not_expire_unless_a_date_is_set(kind: Kind) {
    let shell = Shell::new(kind);
    let http = &shell.server.http;
    let mut blank = bodies().remove(0);
    let forever = shell.create(&blank);
    blank["expiresAt"] = json!("");
    for created in [forever, shell.create(&blank)] {
        assert_eq!(created["expiresAt"], json!(null));
    }
    let dated = json!({"name": "soon", "scope": "read_write", "expiresAt": "2099-12-31"});
    let dated = shell.create(&dated);
    assert_eq!(dated["expiresAt"], "2100-01-01T00:00:00.000Z");
    let secret = text(&dated["token"]);
    assert_eq!(http.get("/me", secret).status, 200);
    // The date is changed in the database, since the API rejects one in the past and a test does
    // not wait.
    let past = kind.just_expired();
    let update = format!("UPDATE tokens SET expires_at = {past} WHERE name = 'soon'");
    assert_eq!(shell.database.execute(&update), 1);
    let expired = http.get("/me", secret);
    assert_eq!(expired.outcome(), (401, "token_expired".to_owned()));
}

fn creating_a_new_token_and_deleting_the_old_one_rotates(kind: Kind) {
    let shell = Shell::new(kind);
    let http = &shell.server.http;
    let old = shell.create(&bodies()[1]);
    let new = shell.create(&bodies()[1]);
    let path = format!("/me/pats/{}", text(&old["id"]));
    assert_eq!(http.delete(&path, text(&new["token"])).status, 204);
    let rejected = http.get("/me", text(&old["token"]));
    assert_eq!(rejected.outcome(), (401, "token_revoked".to_owned()));
    assert_eq!(http.get("/me", text(&new["token"])).status, 200);
}

/// Sends the head of a change, but not its body, so that its token can be deleted meanwhile.
fn half_sent(address: &str, token: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let head = format!(
        "POST /me/pats HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream.write_all(&body.as_bytes()[..1]).expect("sent");
    stream
}

fn deleting_ends_requests_that_are_on_their_way(kind: Kind) {
    let shell = Shell::new(kind);
    let http = &shell.server.http;
    let created = shell.create(&bodies()[1]);
    let secret = text(&created["token"]);
    let address = shell
        .server
        .url
        .strip_prefix("http://")
        .expect("an address");
    let body = bodies()[0].to_string();
    let mut stream = half_sent(address, secret, &body);
    let deleted = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (client, deleted) = (http.clone(), &deleted);
            scope.spawn(move || {
                loop {
                    let starts_later = deleted.load(Ordering::SeqCst);
                    let status = client.get("/me", secret).status;
                    assert!(
                        status == 401 || (status == 200 && !starts_later),
                        "{status}"
                    );
                    if starts_later {
                        break;
                    }
                }
            });
        }
        let path = format!("/me/pats/{}", text(&created["id"]));
        assert_eq!(http.delete(&path, &shell.admin.token).status, 204);
        deleted.store(true, Ordering::SeqCst);
    });
    stream.write_all(&body.as_bytes()[1..]).expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    assert!(
        response.starts_with("HTTP/1.1 401 Unauthorized\r\n"),
        "{response}"
    );
    let list = http.get("/me/pats", &shell.admin.token).json();
    let names = list["items"].as_array().expect("items").iter();
    let names: Vec<&Value> = names.map(|item| &item["name"]).collect();
    assert!(
        !names.contains(&&bodies()[0]["name"]),
        "nothing was created: {names:?}"
    );
}

fn separate_tokens_are_revoked_independently(kind: Kind) {
    let shell = Shell::new(kind);
    let http = &shell.server.http;
    let tokens = ["staging", "production"]
        .map(|name| shell.create(&json!({"name": name, "scope": "read_write"})));
    let path = format!("/me/pats/{}", text(&tokens[0]["id"]));
    assert_eq!(http.delete(&path, &shell.admin.token).status, 204);
    for (token, status) in tokens.iter().zip([401, 200]) {
        assert_eq!(http.get("/me", text(&token["token"])).status, status);
    }
}

/// Returns the status line and the body of a request by curl, as a user sees them.
fn seen(shell: &Shell, path: &str, token: Option<&str>) -> String {
    let header = token.map_or_else(String::new, |token| {
        format!("--header 'Authorization: Bearer {token}'")
    });
    let line = format!(
        "curl --silent --include {header} {}{path}",
        shell.server.url
    );
    let output = shell.run(&[&line]);
    String::from_utf8(output.stdout).expect("text")
}

fn a_missing_invalid_or_revoked_token_is_401(kind: Kind) {
    let shell = Shell::new(kind);
    let status = rows("| Status | Meaning | Resolution |")[0][0];
    let created = shell.create(&bodies()[0]);
    let revoked = text(&created["token"]);
    let path = format!("/me/pats/{}", text(&created["id"]));
    assert_eq!(
        shell.server.http.delete(&path, &shell.admin.token).status,
        204
    );
    for token in [
        None,
        Some("oi_pat_..."),
        // Well-formed, but not issued by any server.
        Some("oi_pat_jZHvxRBv86PcflRJxLvgWo9a_8nw9xGsKx80URWSUagWwm0h"),
        Some(revoked),
    ] {
        for path in ["/me", "/me/pats", "/browse", "/admin/users"] {
            let response = seen(&shell, path, token);
            assert!(
                response.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{response}"
            );
            assert!(
                response
                    .to_lowercase()
                    .contains("\r\nwww-authenticate: bearer"),
                "{response}"
            );
        }
    }
}

fn an_insufficient_scope_is_403(kind: Kind) {
    let shell = Shell::new(kind);
    let row = &rows("| Status | Meaning | Resolution |")[1];
    let created = shell.create(&bodies()[0]);
    let response = seen(&shell, "/admin/users", Some(text(&created["token"])));
    assert!(
        response.starts_with(&format!("HTTP/1.1 {}\r\n", row[0])),
        "{response}"
    );
    // The resolution: a token with a higher scope, for example admin.
    assert!(row[2].contains("admin"));
    assert!(response.contains("scope=\"admin\""), "{response}");
    let admin = shell.create(&json!({"name": "x", "scope": "admin"}));
    let response = seen(&shell, "/admin/users", Some(text(&admin["token"])));
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
}
