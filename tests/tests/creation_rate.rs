//! The limit on how many tokens and agent runs can be created for a user in a day, as an operator
//! sets it and users meet it.

use openindex_tests::{Database, Kind, Oi, Response, Server, both_stores};
use serde_json::{Value, json};

both_stores! { exceeding_the_creation_rate_is_429_with_retry_after }

const DAY: u64 = 24 * 60 * 60;

fn is_limited(response: &Response, limit: &str) {
    assert_eq!(
        response.outcome(),
        (429, "creation_rate_reached".to_owned())
    );
    let seconds: u64 = response.header("retry-after").parse().expect("seconds");
    assert!(seconds > DAY - 600 && seconds <= DAY, "{response:?}");
    let detail = response.json()["detail"].to_string();
    assert!(detail.contains(limit), "{detail}");
}

fn exceeding_the_creation_rate_is_429_with_retry_after(kind: Kind) {
    let database = Database::new(kind);
    let admin = Server::bootstrap(&database);
    // The administrator's own token counts.
    let rates = ["--token-rate", "3", "--run-rate", "1"];
    let server = Server::start_with(&database, &rates);
    let http = &server.http;
    let body = json!({"name": "ci", "scope": "read_write"});
    let ids: Vec<Value> = (0..2)
        .map(|_| http.post("/me/pats", &admin.token, &body))
        .map(|created| created.json()["id"].clone())
        .collect();
    is_limited(
        &http.post("/me/pats", &admin.token, &body),
        "maximum of 3 new tokens",
    );
    // Neither deleting nor rotating a token frees capacity.
    let path = format!("/me/pats/{}", ids[0].as_str().expect("an id"));
    assert_eq!(http.delete(&path, &admin.token).status, 204);
    is_limited(
        &http.post("/me/pats", &admin.token, &body),
        "maximum of 3 new tokens",
    );
    let path = format!("/me/pats/{}/rotate", ids[1].as_str().expect("an id"));
    is_limited(
        &http.post(&path, &admin.token, &json!({})),
        "maximum of 3 new tokens",
    );
    let path = format!("/me/pats/{}/rotate", admin.pat_id());
    is_limited(
        &http.post(&path, &admin.token, &json!({})),
        "maximum of 3 new tokens",
    );

    let run = json!({"agentId": "builder", "ttlSeconds": 60});
    let started = http.post("/agent-runs", &admin.token, &run);
    assert_eq!(started.status, 201, "{started:?}");
    is_limited(
        &http.post("/agent-runs", &admin.token, &run),
        "maximum of 1 new agent runs",
    );
    // Each user has a separate limit.
    let (_, grace) = server.join_with_token(&admin.token, "grace@example.com");
    let created = http.post("/me/pats", &grace, &body);
    assert_eq!(created.status, 201, "{created:?}");

    let oi = Oi::new()
        .with_env("OPENINDEX_APP_URL", &server.url)
        .with_env("OPENINDEX_TOKEN", &admin.token);
    let create = ["settings", "personal", "tokens", "create", "--name", "ci"];
    let rotate = ["settings", "personal", "tokens", "rotate", "ci"];
    let start = ["agent-run", "start", "--agent-id", "builder"];
    for arguments in [
        &[&create[..], &["--scope", "read_write"]].concat()[..],
        &rotate,
        &start,
    ] {
        let output = oi.run(arguments);
        assert_eq!(output.code, 1, "{arguments:?}: {output:?}");
        let failure: Value = serde_json::from_str(&output.stdout).expect("one JSON document");
        let error = &failure["error"];
        assert_eq!(error["code"], "creation_rate_reached", "{failure}");
        assert_eq!(error["status"], 429, "{failure}");
        let seconds = failure["retryAfterSeconds"].as_u64().expect("seconds");
        assert!(seconds > DAY - 600 && seconds <= DAY, "{failure}");
        let message = error["message"].to_string();
        let wait = "try again in 1 day";
        assert!(message.contains(wait), "{failure}");
        assert!(message.contains("retry after 2"), "{failure}");
    }
}
