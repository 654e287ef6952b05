//! A URL that lists several hosts: the server uses the primary among them, and no former one.

use openindex_tests::{Database, Pair, Server};
use serde_json::json;

use crate::support::{assert_well, outcomes, wait_for_log};

/// A primary and its standby, a database on them, and a server whose URL lists both.
fn served() -> (Pair, String, Server, String) {
    let pair = Pair::new();
    let database = Database::in_cluster(pair.primary());
    let url = pair.list(database.url().rsplit_once('/').expect("a name").1);
    let server = Server::start_at(&url, &[]);
    let admin = Server::bootstrap(&database).token;
    (pair, url, server, admin)
}

#[test]
fn a_former_primary_that_is_started_again_is_not_used() {
    let (mut pair, url, server, admin) = served();
    let body = json!({"name": "ci", "scope": "read_write"});
    let created = server.http.post("/me/pats", &admin, &body).json();
    let (id, secret) = (&created["id"], created["token"].as_str().expect("text"));
    pair.kill_primary();
    pair.promote();
    assert_well(&server, &admin);
    let path = format!("/me/pats/{}", id.as_str().expect("text"));
    assert_eq!(server.http.delete(&path, &admin).status, 204);

    // It is the first one in the list, and has the token as live.
    pair.start_former_primary();
    let revoked = (401, "token_revoked".to_owned());
    assert_eq!(server.http.get("/me", secret).outcome(), revoked);
    let terminated = pair.ask(
        "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity \
         WHERE application_name = 'openindex'",
    );
    assert_eq!(terminated, "t");
    assert_eq!(server.http.get("/me", secret).outcome(), revoked);
    assert_well(&server, &admin);
    let later = Server::start_at(&url, &[]);
    assert_eq!(later.http.get("/me", secret).outcome(), revoked);
    assert_well(&later, &admin);

    pair.kill_primary();
    let unavailable = (503, "unavailable".to_owned());
    for server in [&server, &later] {
        assert_eq!(server.http.get("/me", secret).outcome(), unavailable);
        let expected = [(); 3].map(|()| unavailable.clone());
        assert_eq!(outcomes(server, &admin), expected);
        wait_for_log(
            server,
            &format!("{} is a former primary", pair.addresses()[0]),
        );
    }
}

#[test]
fn without_a_primary_the_error_tells_of_each_host() {
    let (pair, _, server, admin) = served();
    pair.kill_primary();
    let unavailable = (503, "unavailable".to_owned());
    assert_eq!(server.http.get("/me", &admin).outcome(), unavailable);
    let [primary, standby] = pair.addresses();
    let refused = format!("database unreachable: connection refused ({primary})");
    wait_for_log(
        &server,
        &format!(
            "no primary among the hosts of the database URL: {refused}; {standby} is a standby"
        ),
    );
}
