//! Users and administration on the built programs: joining, suspending, the last administrator,
//! leaked secrets, the audit log.

use std::process::Command;

use openindex_tests::{Database, Kind, Oi, Server, binary, both_stores};
use serde_json::{Value, json};

both_stores! {
    an_invited_user_joins_and_uses_a_token,
    a_suspension_takes_effect_on_every_replica_at_once,
    one_of_two_admins_who_suspend_each_other_remains,
    a_deleted_user_is_rejected_on_every_replica_and_their_address_is_available,
    one_of_two_admins_who_delete_each_other_remains,
    a_changed_address_signs_in_and_the_former_one_does_not,
    one_address_in_two_normal_forms_is_one_account,
    a_reported_secret_is_revoked_and_the_reporter_learns_nothing,
    the_audit_log_cannot_be_changed,
    a_sign_in_link_is_printed_only_for_an_existing_user,
}

fn claim(server: &Server, code: &Value) -> Value {
    let body = json!({"code": code, "name": "Grace Hopper", "tokenName": "first"});
    let headers = [("content-type", "application/json")];
    let response = server.http.send(
        "POST",
        "/auth/invites/claim",
        &headers,
        Some(&body.to_string()),
    );
    assert_eq!(response.status, 201, "{response:?}");
    response.json()
}

fn invite(server: &Server, admin: &str, email: &str, role: &str) -> Value {
    let body = json!({"email": email, "role": role});
    let response = server.http.post("/admin/invites", admin, &body);
    assert_eq!(response.status, 201, "{response:?}");
    response.json()
}

fn an_invited_user_joins_and_uses_a_token(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let invite = invite(&server, &admin.token, "grace@example.com", "member");
    let url = invite["url"].as_str().expect("a link");
    assert!(url.starts_with(&format!("{}/join/", server.url)), "{url}");
    let grace = claim(&server, &invite["code"]);
    let token = grace["token"].as_str().expect("a secret");
    let oi = Oi::new()
        .with_env("OPENINDEX_TOKEN", token)
        .with_env("OPENINDEX_APP_URL", &server.url);
    assert_eq!(oi.run(&["me"]).json()["user"]["role"], "member");
    let rejected = oi.run(&["settings", "admin", "users", "list"]);
    assert_eq!(rejected.code, 4, "{rejected:?}");
    assert!(
        rejected.stdout.contains("insufficient_scope"),
        "{rejected:?}"
    );
    let trail = server.http.get("/audit?action=admin.denied", &admin.token);
    assert_eq!(
        trail.json()["items"][0]["actor"]["userId"],
        grace["user"]["id"]
    );
}

fn a_suspension_takes_effect_on_every_replica_at_once(kind: Kind) {
    let database = Database::new(kind);
    let replicas = Server::replicas(&database, &[]);
    let admin = Server::bootstrap(&database);
    let code = &invite(&replicas[0], &admin.token, "grace@example.com", "member")["code"];
    let grace = claim(&replicas[1], code);
    let token = grace["token"].as_str().expect("a secret");
    let path = format!(
        "/admin/users/{}",
        grace["user"]["id"].as_str().expect("an id")
    );
    for round in 0..10 {
        let (here, there) = (&replicas[round % 2].http, &replicas[(round + 1) % 2].http);
        let suspended = here.post(&format!("{path}/suspend"), &admin.token, &json!({}));
        assert_eq!(suspended.status, 200, "{suspended:?}");
        for replica in [there, here] {
            let response = replica.get("/me", token);
            assert_eq!(response.outcome(), (401, "owner_suspended".to_owned()));
        }
        let active = there.post(&format!("{path}/unsuspend"), &admin.token, &json!({}));
        assert_eq!(active.status, 200, "{active:?}");
        assert_eq!(here.get("/me", token).status, 200);
    }
}

fn one_of_two_admins_who_suspend_each_other_remains(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let code = &invite(&server, &admin.token, "grace@example.com", "admin")["code"];
    let grace = claim(&server, code);
    let suspend = |by: &str, whom: &str| {
        let path = format!("/admin/users/{whom}/suspend");
        server.http.post(&path, by, &json!({})).outcome()
    };
    let other = grace["user"]["id"].as_str().expect("an id");
    let token = grace["token"].as_str().expect("a secret");
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| suspend(&admin.token, other));
        let second = scope.spawn(|| suspend(token, admin.user_id()));
        (
            first.join().expect("a response"),
            second.join().expect("a response"),
        )
    });
    let done = [&first, &second]
        .iter()
        .filter(|(status, _)| *status == 200)
        .count();
    assert_eq!(done, 1, "{first:?} {second:?}");
    let live = [admin.token.as_str(), token]
        .iter()
        .filter(|token| server.http.get("/admin/users", token).status == 200)
        .count();
    assert_eq!(live, 1);
}

fn a_deleted_user_is_rejected_on_every_replica_and_their_address_is_available(kind: Kind) {
    let database = Database::new(kind);
    let replicas = Server::replicas(&database, &[]);
    let admin = Server::bootstrap(&database);
    let mut earlier = String::new();
    for round in 0..4 {
        let (here, there) = (&replicas[round % 2].http, &replicas[(round + 1) % 2].http);
        let (id, token) = here.join_with_token(&admin.token, "grace@example.com");
        assert_ne!(id, earlier, "another user has the address");
        let body = json!({"agentId": "builder", "ttlSeconds": 600});
        let run = here.post("/agent-runs", &token, &body).json();
        let run = run["token"].as_str().expect("a secret");
        let body = json!({"domain": "OPS", "title": "theirs"});
        let item = there.post("/browse", &token, &body).json();
        let item = format!("/browse/{}", item["key"].as_str().expect("a key"));
        let agent = json!({"agentId": "builder"});
        for body in [json!({}), agent] {
            let released = there.post(&format!("{item}/release"), &token, &json!({}));
            assert_eq!(released.status, 200, "{released:?}");
            let claimed = there.post(&format!("{item}/claim"), &token, &body);
            assert_eq!(claimed.status, 200, "{claimed:?}");
        }
        let path = format!("/admin/users/{id}");
        assert_eq!(here.delete(&path, &admin.token).status, 204);
        for replica in [there, here] {
            for secret in [&token, run] {
                let response = replica.get("/me", secret);
                assert_eq!(response.outcome(), (401, "token_revoked".to_owned()));
            }
            for response in [
                replica.get(&path, &admin.token),
                replica.delete(&path, &admin.token),
                replica.post(&format!("{path}/unsuspend"), &admin.token, &json!({})),
            ] {
                assert_eq!(response.outcome(), (404, "not_found".to_owned()));
            }
        }
        let left = here.get(&item, &admin.token).json();
        assert_eq!(left["createdBy"], json!(id));
        assert_eq!(left["activeAgentId"], json!(null), "back in the queue");
        assert_eq!(left["claimedAt"], json!(null));
        let trail = here
            .get(&format!("/audit?subject={id}"), &admin.token)
            .json();
        let trail = trail["items"].as_array().expect("events");
        let deleted = trail.iter().find(|event| event["action"] == "user.deleted");
        let by = &deleted.expect("an event")["actor"]["userId"];
        assert_eq!(by, &json!(admin.user_id()));
        assert!(trail.iter().any(|event| event["action"] == "token.revoked"));
        earlier = id;
    }
    let own = format!("/admin/users/{}", admin.user_id());
    let response = replicas[0].http.delete(&own, &admin.token);
    assert_eq!(response.outcome(), (409, "last_admin".to_owned()));
    let stats = replicas[0].http.get("/stats", &admin.token).json();
    assert_eq!(
        (&stats["usersActive"], &stats["usersSuspended"]),
        (&json!(1), &json!(0))
    );
}

fn one_of_two_admins_who_delete_each_other_remains(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let code = &invite(&server, &admin.token, "grace@example.com", "admin")["code"];
    let grace = claim(&server, code);
    let other = grace["user"]["id"].as_str().expect("an id");
    let token = grace["token"].as_str().expect("a secret");
    let own = server.http.delete(&format!("/admin/users/{other}"), token);
    assert_eq!(own.outcome(), (409, "own_account".to_owned()));
    let delete = |by: &str, whom: &str| {
        let path = format!("/admin/users/{whom}");
        server.http.delete(&path, by).status
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| delete(&admin.token, other));
        let second = scope.spawn(|| delete(token, admin.user_id()));
        (
            first.join().expect("a response"),
            second.join().expect("a response"),
        )
    });
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(both, [204, 401]);
}

fn a_changed_address_signs_in_and_the_former_one_does_not(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let (id, token) = server.join_with_token(&admin.token, "grace@example.com");
    let cookie = server.sign_in_by_link(&database, "grace@example.com");
    let path = format!("/admin/users/{id}");
    let change = |body: Value| {
        let body = body.to_string();
        let bearer = format!("Bearer {}", admin.token);
        let headers = [
            ("content-type", "application/json"),
            ("authorization", &bearer),
        ];
        server.http.send("PATCH", &path, &headers, Some(&body))
    };
    let conflict = change(json!({"email": "ADA@example.com"}));
    assert_eq!(conflict.outcome(), (409, "email_taken".to_owned()));
    let both = change(json!({"email": "hopper@example.org", "role": "admin"}));
    assert_eq!(both.outcome(), (400, "invalid_field".to_owned()));
    let changed = change(json!({"email": "hopper@example.org"}));
    assert_eq!(changed.json()["email"], "hopper@example.org");
    assert_eq!(
        server.http.get("/me", &token).json()["user"]["id"],
        json!(id)
    );
    let page = server
        .http
        .send("GET", "/settings/tokens", &[("cookie", &cookie)], None);
    assert_eq!(page.status, 200, "the session stays");
    let sign_in = |email: &str| {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
        ];
        let form = format!("email={email}&password=five+words+that+nobody+says");
        let response = server.http.send("POST", "/sign-in", &headers, Some(&form));
        response.status
    };
    assert_eq!(sign_in("hopper%40example.org"), 303);
    assert_ne!(sign_in("grace%40example.com"), 303);
    let trail = server
        .http
        .get("/audit?action=user.email_changed", &admin.token);
    let told = &trail.json()["items"][0]["emailChange"];
    let expected = json!({"from": "grace@example.com", "to": "hopper@example.org"});
    assert_eq!(told, &expected);
    let (again, _) = server.join_with_token(&admin.token, "grace@example.com");
    assert_ne!(again, id);
}

fn one_address_in_two_normal_forms_is_one_account(kind: Kind) {
    let (nfc, nfd) = ("jos\u{e9}@example.com", "jose\u{301}@example.com");
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let id = server.join(&admin.token, nfc);
    let taken = |email: &str| {
        let body = json!({"email": email});
        server
            .http
            .post("/admin/invites", &admin.token, &body)
            .outcome()
    };
    assert_eq!(taken(nfd), (409, "email_taken".to_owned()));
    let hidden = taken("jos\u{e9}\u{200b}@example.com");
    assert_eq!(hidden, (400, "invalid_field".to_owned()));
    // Stored as by an earlier release, beside a second address that is the same by now.
    let two = server.join(&admin.token, "two@example.com");
    drop(server);
    let store = |email: &str, email_as_it_is: &str| {
        let statement = format!(
            "UPDATE users SET email = '{email}', email_key = '{email}' \
             WHERE email_key = '{email_as_it_is}'"
        );
        assert_eq!(database.execute(&statement), 1, "{statement}");
    };
    store(nfd, nfc);
    let server = Server::start(&database);
    let response = server
        .http
        .post("/admin/invites", &admin.token, &json!({"email": nfc}));
    assert_eq!(response.outcome(), (409, "email_taken".to_owned()));
    drop(server);
    store("JOSE\u{301}@example.com", "two@example.com");
    let server = Server::start(&database);
    for id in [id, two] {
        let path = format!("/admin/users/{id}");
        assert_eq!(
            server.http.get(&path, &admin.token).status,
            200,
            "both stay"
        );
    }
    let look_alike = json!({"email": "\u{430}da@example.com"});
    let invite = server
        .http
        .post("/admin/invites", &admin.token, &look_alike);
    let scripts = &invite.json()["mixedScripts"];
    assert_eq!(scripts, &json!(["Cyrillic", "Latin"]));
}

fn a_reported_secret_is_revoked_and_the_reporter_learns_nothing(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let body = json!({"name": "leaky", "scope": "read_write"});
    let leaked = server.http.post("/me/pats", &admin.token, &body).json();
    let secret = leaked["token"].as_str().expect("a secret");
    for tokens in [json!([secret, "nonsense"]), json!(["nonsense"]), json!([])] {
        let body = json!({ "tokens": tokens }).to_string();
        let headers = [("content-type", "application/json")];
        let response = server
            .http
            .send("POST", "/credentials/revoke", &headers, Some(&body));
        assert_eq!((response.status, response.text.as_str()), (202, ""));
    }
    assert_eq!(
        server.http.get("/me", secret).outcome(),
        (401, "token_revoked".to_owned())
    );
    assert_eq!(server.http.get("/me", &admin.token).status, 200);
}

fn the_audit_log_cannot_be_changed(kind: Kind) {
    let database = Database::new(kind);
    let _admin = Server::bootstrap(&database);
    for statement in [
        "UPDATE audit_events SET action = 'token.created'",
        "DELETE FROM audit_events",
    ] {
        let rejected = database.try_execute(statement);
        let message = rejected.expect_err(statement);
        assert!(message.contains("append-only"), "{message}");
    }
}

fn a_sign_in_link_is_printed_only_for_an_existing_user(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let _admin = Server::bootstrap(&database);
    let cookie = server.sign_in_by_link(&database, "ADA@example.com");
    let page = server
        .http
        .send("GET", "/settings/tokens", &[("cookie", &cookie)], None);
    assert_eq!(page.status, 200);
    let nobody = Command::new(binary("oi-server"))
        .args(["sign-in-link", "--email", "nobody@example.com"])
        .env("DATABASE_URL", database.url())
        .output()
        .expect("oi-server runs");
    assert_eq!(nobody.status.code(), Some(1));
    let message = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(
        message.contains("no active user has the email address nobody@example.com"),
        "{message}"
    );
}

#[test]
fn a_new_instance_prints_the_link_of_its_first_administrator_and_never_logs_it() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let out = server.welcome();
    let url = out
        .split_whitespace()
        .find(|word| word.starts_with("http"))
        .expect("a link");
    let code = url.rsplit('/').next().expect("a code").to_owned();
    let body = json!({
        "code": code, "name": "Ada", "email": "ada@example.com", "tokenName": "first",
    });
    let headers = [("content-type", "application/json")];
    let claim = || {
        let body = body.to_string();
        server
            .http
            .send("POST", "/auth/invites/claim", &headers, Some(&body))
    };
    let claimed = claim();
    assert_eq!(claimed.status, 201, "{claimed:?}");
    assert_eq!(claimed.json()["user"]["role"], "admin");
    assert_eq!(claim().outcome(), (409, "invite_not_open".to_owned()));
    assert!(!server.log().contains(&code), "{}", server.log());
}
