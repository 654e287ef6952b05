//! A `kill -9` directly after a 201 or a 204 does not lose the change.

use openindex_tests::{Database, Kind, Server, both_stores};
use serde_json::json;

both_stores! { acknowledged_changes_survive_a_kill }

fn acknowledged_changes_survive_a_kill(kind: Kind) {
    let database = Database::new(kind);
    let admin = Server::bootstrap(&database);
    for round in 0..5 {
        let server = Server::start(&database);
        let body = json!({"name": format!("round {round}"), "scope": "read_write"});
        let created = server.http.post("/me/pats", &admin.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
        server.kill();

        let created = created.json();
        let secret = created["token"].as_str().expect("a secret");
        let server = Server::start(&database);
        assert_eq!(server.http.get("/me", secret).status, 200);
        let path = format!("/me/pats/{}", created["id"].as_str().expect("an id"));
        let deleted = server.http.delete(&path, &admin.token);
        assert_eq!(deleted.status, 204, "{deleted:?}");
        server.kill();

        let server = Server::start(&database);
        assert_eq!(
            server.http.get("/me", secret).outcome(),
            (401, "token_revoked".to_owned())
        );
    }
}
