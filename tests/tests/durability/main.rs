//! Nothing that was acknowledged is lost: neither by a `kill -9` directly after a 201 or a 204, nor
//! under load by a kill, a full disk, a file system that becomes read-only, or a damaged
//! write-ahead log of SQLite.
//!
//! Each round has a seed, which it prints: `OPENINDEX_TEST_SEED` runs that round again.
//! `OPENINDEX_TEST_ROUNDS` changes the number of rounds of the long tests.

mod disk;
mod ledger;
mod rounds;

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
