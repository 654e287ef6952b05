//! The main job on the built programs: a token from its creation to its end, over the API and with
//! `oi`.

use openindex_tests::{Client, Database, Kind, Oi, Server, both_stores};
use serde_json::json;

both_stores! {
    a_token_is_created_used_and_deleted_over_the_api,
    a_token_is_created_used_and_deleted_with_the_cli,
    a_deletion_takes_effect_on_every_replica_at_once,
    a_restart_keeps_everything,
    the_limit_holds_under_simultaneous_creates,
    an_instance_is_bootstrapped_once,
    a_stop_finishes_requests_and_writes_last_used_times,
}

fn a_token_is_created_used_and_deleted_over_the_api(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let me = http.get("/me", &admin.token).json();
    assert_eq!(me["user"]["email"], "ada@example.com");
    assert_eq!(me["token"]["effectiveScope"], "admin");
    assert_eq!(me["token"]["id"], admin.pat_id());

    let body = json!({"name": "ci", "scope": "read_write", "expiresAt": "2099-12-31"});
    let created = http.post("/me/pats", &admin.token, &body);
    assert_eq!(created.status, 201, "{created:?}");
    let created = created.json();
    assert_eq!(created["expiresAt"], "2100-01-01T00:00:00.000Z");
    let secret = created["token"].as_str().expect("a secret");
    let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
    assert_eq!(http.get("/me", secret).status, 200);
    assert_eq!(
        http.get("/admin/users", secret).outcome(),
        (403, "insufficient_scope".to_owned())
    );

    let rotated = http.post(&format!("{path}/rotate"), &admin.token, &json!({}));
    assert_eq!(rotated.status, 201, "{rotated:?}");
    let rotated = rotated.json();
    let next = rotated["token"].as_str().expect("a secret");
    assert_eq!(
        http.get("/me", secret).outcome(),
        (401, "token_revoked".to_owned())
    );
    assert_eq!(http.get("/me", next).status, 200);

    let path = format!("/me/pats/{}", rotated["id"].as_str().expect("an id"));
    assert_eq!(http.delete(&path, &admin.token).status, 204);
    assert_eq!(
        http.get("/me", next).outcome(),
        (401, "token_revoked".to_owned())
    );
    let list = http.get("/me/pats", &admin.token).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 1);

    let soon = expiring(&database, http, &admin.token);
    assert_eq!(
        http.get("/me", &soon).outcome(),
        (401, "token_expired".to_owned())
    );
}

/// Creates an expired token. Its expiration is moved in the database: the API rejects one in the
/// past, and waiting would make the test slow.
fn expiring(database: &Database, http: &Client, admin: &str) -> String {
    let body = json!({"name": "soon", "scope": "read_write", "expiresAt": "2099-01-01"});
    let created = http.post("/me/pats", admin, &body).json();
    let past = database.kind().just_expired();
    let moved = database.execute(&format!(
        "UPDATE tokens SET expires_at = {past} WHERE name = 'soon'"
    ));
    assert_eq!(moved, 1);
    created["token"].as_str().expect("a secret").to_owned()
}

fn a_token_is_created_used_and_deleted_with_the_cli(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let oi = Oi::new();
    let set = [
        "profile",
        "set",
        "work",
        "--use",
        "--token",
        "-",
        "--app-url",
    ];
    let set: Vec<&str> = set.iter().copied().chain([server.url.as_str()]).collect();
    let set = oi.run_with_input(&set, &admin.token).json();
    assert_eq!(set["resolvedApiUrl"], server.url.as_str());

    let check = oi.run(&["auth", "check"]).json();
    let text = check.to_string();
    assert!(text.contains("profile:work"), "{text}");
    assert!(!text.contains(&admin.token), "{text}");

    let create = [
        "settings",
        "personal",
        "tokens",
        "create",
        "ci",
        "--scope",
        "read_write",
    ];
    let create: Vec<&str> = create
        .iter()
        .copied()
        .chain(["--expires-in", "90d"])
        .collect();
    let created = oi.run(&create).json();
    let secret = created["token"].as_str().expect("a secret").to_owned();
    let id = created["id"].as_str().expect("an id").to_owned();
    assert_eq!(server.http.get("/me", &secret).status, 200);

    let list = oi.run(&["settings", "personal", "tokens", "list"]).json();
    assert_eq!(list, server.http.get("/me/pats", &admin.token).json());

    let unconfirmed = oi.run(&["settings", "personal", "tokens", "delete", &id]);
    assert_eq!(unconfirmed.code, 2, "{unconfirmed:?}");
    assert_eq!(server.http.get("/me", &secret).status, 200);
    let deleted = oi.run(&["settings", "personal", "tokens", "delete", &id, "--yes"]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(
        server.http.get("/me", &secret).outcome(),
        (401, "token_revoked".to_owned())
    );

    let revoked = Oi::new()
        .with_env("OPENINDEX_TOKEN", &secret)
        .with_env("OPENINDEX_APP_URL", &server.url)
        .run(&["auth", "check"]);
    assert_eq!(revoked.code, 4, "{revoked:?}");
    assert!(revoked.stdout.contains("token_revoked"), "{revoked:?}");
    assert!(!revoked.stdout.contains(&secret) && !revoked.stderr.contains(&secret));
}

fn a_deletion_takes_effect_on_every_replica_at_once(kind: Kind) {
    let database = Database::new(kind);
    let replicas = Server::replicas(&database, &[]);
    let admin = Server::bootstrap(&database);
    for round in 0..20 {
        let (here, there) = (&replicas[round % 2].http, &replicas[(round + 1) % 2].http);
        let body = json!({"name": "short-lived", "scope": "read_write"});
        let created = here.post("/me/pats", &admin.token, &body).json();
        let secret = created["token"].as_str().expect("a secret");
        for replica in [here, there] {
            assert_eq!(replica.get("/me", secret).status, 200);
        }
        let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
        assert_eq!(here.delete(&path, &admin.token).status, 204);
        for replica in [there, here] {
            assert_eq!(
                replica.get("/me", secret).outcome(),
                (401, "token_revoked".to_owned())
            );
        }
    }
}

fn a_restart_keeps_everything(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let body = json!({"name": "kept", "scope": "read_write", "expiresAt": "2099-12-31"});
    let kept = server.http.post("/me/pats", &admin.token, &body).json();
    let gone = server.http.post("/me/pats", &admin.token, &body).json();
    let path = format!("/me/pats/{}", gone["id"].as_str().expect("an id"));
    assert_eq!(server.http.delete(&path, &admin.token).status, 204);
    let (status, _) = server.stop();
    assert!(status.success());

    let server = Server::start(&database);
    let kept = kept["token"].as_str().expect("a secret");
    let gone = gone["token"].as_str().expect("a secret");
    assert_eq!(server.http.get("/me", kept).status, 200);
    assert_eq!(
        server.http.get("/me", gone).outcome(),
        (401, "token_revoked".to_owned())
    );
    let list = server.http.get("/me/pats", &admin.token).json();
    assert_eq!(list["items"].as_array().expect("items").len(), 2);
}

fn the_limit_holds_under_simultaneous_creates(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start_with(&database, &["--token-quota", "10"]);
    let admin = Server::bootstrap(&database);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let creates: Vec<_> = (0..32)
            .map(|number| {
                let (http, token) = (server.http.clone(), admin.token.clone());
                scope.spawn(move || {
                    let name = format!("number {number}");
                    let body = json!({"name": name, "scope": "read_write"});
                    http.post("/me/pats", &token, &body).status
                })
            })
            .collect();
        let joined = creates.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|status| status.expect("a status")).collect()
    });
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(409)), (9, 23), "{statuses:?}");
}

fn an_instance_is_bootstrapped_once(kind: Kind) {
    let database = Database::new(kind);
    let admin = Server::bootstrap(&database);
    assert_eq!(admin.json["user"]["role"], "admin");
    assert_eq!(admin.json["pat"]["scope"], "admin");
    let again = std::process::Command::new(openindex_tests::binary("oi-server"))
        .args(["bootstrap", "--email", "eve@example.com", "--name", "Eve"])
        .env("DATABASE_URL", database.url())
        .output()
        .expect("oi-server runs");
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stdout.is_empty());
    let message = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(
        message.contains("the instance already has users"),
        "{message}"
    );
}

fn a_stop_finishes_requests_and_writes_last_used_times(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    assert_eq!(server.http.get("/me", &admin.token).status, 200);
    let (status, log) = server.stop();
    assert!(status.success(), "{status:?}");
    assert!(log.contains("\"message\":\"stopped\""), "{log}");
    let server = Server::start(&database);
    let list = server.http.get("/me/pats", &admin.token).json();
    let used = &list["items"][0]["lastUsedAt"];
    assert!(used.is_string(), "{list}");
}
