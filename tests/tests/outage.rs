//! The database becomes unavailable under a running server: 503, never 401 and never an accepted
//! token. The server recovers without a restart.

use openindex_tests::{Cluster, Database, Server};
use serde_json::json;

#[test]
fn while_postgresql_is_down_no_token_is_accepted_or_called_unknown() {
    let cluster = Cluster::new();
    let database = Database::in_cluster(&cluster.url);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    assert_eq!(http.get("/me", &admin.token).status, 200);

    cluster.stop();
    let body = json!({"name": "ci", "scope": "read_write"});
    for response in [
        http.get("/me", &admin.token),
        http.post("/me/pats", &admin.token, &body),
        http.delete(&format!("/me/pats/{}", admin.pat_id()), &admin.token),
        http.get("/ready", ""),
    ] {
        assert_eq!(response.outcome(), (503, "unavailable".to_owned()));
        assert!(!response.header("retry-after").is_empty(), "{response:?}");
        assert!(!response.text.contains("postgres"), "{response:?}");
    }
    assert_eq!(http.get("/health", "").status, 200);
    assert_eq!(
        http.get("/me", "oi_pat_nonsense").outcome(),
        (401, "token_malformed".to_owned())
    );

    cluster.start();
    assert_eq!(http.get("/ready", "").status, 200);
    assert_eq!(http.get("/me", &admin.token).status, 200);
}

#[test]
fn acknowledged_changes_survive_a_crash_of_postgresql() {
    let cluster = Cluster::new();
    let database = Database::in_cluster(&cluster.url);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let body = json!({"name": "ci", "scope": "read_write"});
    let kept = http.post("/me/pats", &admin.token, &body);
    assert_eq!(kept.status, 201, "{kept:?}");
    cluster.crash();
    cluster.start();
    let kept = kept.json();
    let secret = kept["token"].as_str().expect("a secret");
    assert_eq!(http.get("/me", secret).status, 200);

    let path = format!("/me/pats/{}", kept["id"].as_str().expect("an id"));
    let deleted = http.delete(&path, &admin.token);
    assert_eq!(deleted.status, 204, "{deleted:?}");
    cluster.crash();
    cluster.start();
    assert_eq!(
        http.get("/me", secret).outcome(),
        (401, "token_revoked".to_owned())
    );
}
