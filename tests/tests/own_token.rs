//! A token that rotates and revokes itself with `oi`, on the built programs.

use openindex_tests::{Client, Database, Kind, Oi, Server, both_stores};
use serde_json::{Value, json};

both_stores! {
    a_profile_is_rotated_and_revoked_without_an_id,
    an_agent_run_ends_itself,
}

fn saved(oi: &Oi) -> Value {
    let text = std::fs::read_to_string(oi.config()).expect("a config file");
    let config: Value = serde_json::from_str(&text).expect("JSON");
    config["profiles"]["default"]["token"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Creates a token with a profile for it.
fn profile(server: &Server, http: &Client, token: &str) -> (Oi, String) {
    let body = json!({"name": "ci", "scope": "read_write"});
    let created = http.post("/me/pats", token, &body).json();
    let secret = text(&created["token"]).to_owned();
    let oi = Oi::new();
    let set = ["profile", "set", "--app-url", &server.url, "--token", "-"];
    let output = oi.run_with_input(&set, &secret);
    assert_eq!(output.code, 0, "{output:?}");
    (oi, secret)
}

fn a_profile_is_rotated_and_revoked_without_an_id(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let (oi, first) = profile(&server, http, &admin.token);
    let rotated = oi.run(&["auth", "rotate", "--overlap", "1h"]);
    assert_eq!(rotated.json()["profile"], "default", "{rotated:?}");
    let second = saved(&oi);
    let second = text(&second);
    assert!(!rotated.stdout.contains(second) && !rotated.stderr.contains(second));
    for secret in [&first, second] {
        assert_eq!(http.get("/me", secret).status, 200);
    }
    assert_eq!(oi.run(&["auth", "rotate"]).code, 0);
    let third = saved(&oi);
    assert_eq!(http.get("/me", second).status, 401);
    let revoked = oi.run(&["auth", "revoke", "--yes"]).json();
    assert_eq!(revoked["profile"], "default");
    assert_eq!(saved(&oi), Value::Null);
    assert_eq!(
        http.get("/me", text(&third)).outcome(),
        (401, "token_revoked".to_owned())
    );
    // Without a profile, the new token is printed, and the old one does not work twice.
    let oi = oi
        .with_env("OPENINDEX_APP_URL", &server.url)
        .with_env("OPENINDEX_TOKEN", &admin.token);
    let printed = oi.run(&["auth", "rotate", "--token-only"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(http.get("/me", printed.stdout.trim()).status, 200);
    assert_eq!(oi.run(&["auth", "rotate"]).code, 4);
}

fn an_agent_run_ends_itself(kind: Kind) {
    let database = Database::new(kind);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let body = json!({"agentId": "builder-7", "ttlSeconds": 600});
    let run = server.http.post("/agent-runs", &admin.token, &body).json();
    let token = text(&run["token"]);
    let oi = Oi::new()
        .with_env("OPENINDEX_APP_URL", &server.url)
        .with_env("OPENINDEX_TOKEN", token);
    assert_eq!(oi.run(&["auth", "rotate"]).code, 4);
    assert_eq!(server.http.get("/me", token).status, 200);
    assert_eq!(
        oi.run(&["auth", "revoke", "--yes"]).json()["revoked"],
        run["id"]
    );
    assert_eq!(server.http.get("/me", token).status, 401);
    assert_eq!(oi.run(&["auth", "revoke", "--yes"]).code, 4);
    assert_eq!(server.http.get("/me", &admin.token).status, 200);
}
