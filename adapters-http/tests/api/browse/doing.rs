//! `/browse/{key}/claim`, `release` and `complete`.

use axum::body::Body;
use http::Method;
use openindex_domain::testing::fixtures;
use serde_json::{Value, json};

use crate::support::{Server, TestResponse, with_token};

/// Calls an action on `OPS-1`, for an agent or for the caller.
async fn act(server: &Server, token: &str, action: &str, agent: Option<&str>) -> TestResponse {
    let path = format!("/browse/OPS-1/{action}");
    let Some(agent) = agent else {
        let request = with_token(Method::POST, &path, token);
        return server.send(request, Body::empty()).await;
    };
    let body = json!({ "agentId": agent });
    server.post(&path, token, &body).await
}

async fn item(server: &Server, token: &str) -> Value {
    server.get("/browse/OPS-1", token).await.ok()
}

#[tokio::test]
async fn a_run_claims_completes_and_leaves_nothing_claimed() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    let (id, run) = server.start_run(&admin, "builder", None).await;
    server.clock.advance_seconds(1);
    let claimed = act(&server, &run, "claim", None).await;
    assert_eq!(claimed.header("etag"), "\"2\"");
    let claimed = claimed.ok();
    assert_eq!(claimed["status"], "in_progress");
    assert_eq!(claimed["activeAgentId"], "builder");
    assert_eq!(claimed["activeUserId"], json!(null));
    assert_eq!(claimed["activeRunId"], id);
    assert_eq!(claimed["claimedAt"], "2026-11-24T06:00:01.000Z");
    assert_eq!(claimed["description"], "");
    server.clock.advance_seconds(1);
    let again = act(&server, &run, "claim", Some("builder")).await;
    assert_eq!(again.ok(), claimed, "what it has already stays so");
    let done = act(&server, &run, "complete", None).await.ok();
    assert_eq!(done["status"], "done");
    assert_eq!(done["activeAgentId"], json!(null));
    assert_eq!(done["resolvedAt"], "2026-11-24T06:00:02.000Z");
    let again = act(&server, &run, "complete", None).await.ok();
    assert_eq!(again, done, "what is done already stays so");
}

#[tokio::test]
async fn a_claim_is_given_back_or_ends_with_its_run() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    let (id, run) = server.start_run(&admin, "builder", None).await;
    act(&server, &run, "claim", None).await.ok();
    let released = act(&server, &run, "release", None).await.ok();
    assert_eq!(released["status"], "todo");
    assert_eq!(released["activeAgentId"], json!(null));
    let again = act(&server, &run, "release", None).await.ok();
    assert_eq!(again, released);

    act(&server, &run, "claim", None).await.ok();
    let path = format!("/agent-runs/{id}");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(item(&server, &admin).await["activeAgentId"], json!(null));
    let (_, other) = server.start_run(&admin, "other", None).await;
    let claimed = act(&server, &other, "claim", None).await.ok();
    assert_eq!(claimed["activeAgentId"], "other");
    server.clock.advance_seconds(3600);
    assert_eq!(item(&server, &admin).await["activeAgentId"], json!(null));
}

#[tokio::test]
async fn the_second_claim_names_the_agent_of_the_first() {
    let server = Server::new();
    let admin = server.admin();
    let member = server.member(2);
    server.make_item(&admin, json!({})).await;
    let (_, run) = server.start_run(&admin, "builder", None).await;
    let (_, twin) = server.start_run(&admin, "builder", None).await;
    let (_, other) = server.start_run(&admin, "other", None).await;
    act(&server, &run, "claim", None).await.ok();
    for (token, agent) in [
        (&twin, None),
        (&other, None),
        (&member, None),
        (&member, Some("builder")),
        (&admin, Some("third")),
    ] {
        let response = act(&server, token, "claim", agent).await;
        assert_eq!(response.problem(409), "work_item_claimed", "{agent:?}");
        let problem = response.json();
        assert_eq!(problem["holder"], json!({"agentId": "builder"}));
        let detail = problem["detail"].to_string();
        assert!(detail.contains("builder"), "{detail}");
        assert_eq!(problem["nextCommand"], "oi queue list");
    }
    // An agent cannot change it at all; a person can.
    for response in [
        act(&server, &other, "release", None).await,
        act(&server, &other, "complete", None).await,
        server.delete("/browse/OPS-1", &other).await,
        server
            .patch("/browse/OPS-1", &other, &json!({"title": "Mine"}))
            .await,
    ] {
        assert_eq!(response.problem(409), "work_item_claimed");
        assert_eq!(response.json()["holder"], json!({"agentId": "builder"}));
    }
    let released = act(&server, &member, "release", None).await.ok();
    assert_eq!(released["activeAgentId"], json!(null));
}

#[tokio::test]
async fn a_persons_claim_is_named_to_the_next_claimant() {
    let server = Server::new();
    let admin = server.admin();
    let member = server.member(2);
    server.make_item(&admin, json!({})).await;
    let holder = fixtures::user(2).id.to_string();
    let claimed = act(&server, &member, "claim", None).await.ok();
    assert_eq!(claimed["status"], "in_progress");
    assert_eq!(claimed["assignee"], holder.as_str());
    assert_eq!(claimed["activeAgentId"], json!(null));
    assert_eq!(claimed["activeUserId"], holder.as_str());
    assert_eq!(claimed["activeRunId"], json!(null));
    assert_eq!(claimed["claimedAt"], "2026-11-24T06:00:00.000Z");
    let list = server.get("/browse", &admin).await.ok();
    assert_eq!(list["items"][0]["activeUserId"], holder.as_str());
    let response = act(&server, &admin, "claim", None).await;
    assert_eq!(response.problem(409), "work_item_claimed");
    let problem = response.json();
    assert_eq!(problem["holder"], json!({"userId": holder}));
    assert!(problem["detail"].to_string().contains(&holder), "{problem}");
    let released = act(&server, &member, "release", None).await.ok();
    assert_eq!(released["status"], "todo");
    assert_eq!(released["assignee"], json!(null));
    assert_eq!(released["activeUserId"], json!(null));
    act(&server, &admin, "claim", None).await.ok();
    let done = act(&server, &admin, "complete", None).await.ok();
    assert_eq!(done["status"], "done");
}

#[tokio::test]
async fn a_person_acts_for_an_agent_that_has_no_run() {
    let server = Server::new();
    let member = server.member(2);
    server.make_item(&member, json!({})).await;
    let claimed = act(&server, &member, "claim", Some("cron")).await.ok();
    assert_eq!(claimed["activeAgentId"], "cron");
    assert_eq!(claimed["activeRunId"], json!(null));
    assert_eq!(claimed["assignee"], json!(null));
    let done = act(&server, &member, "complete", Some("cron")).await.ok();
    assert_eq!(done["status"], "done");
}

#[tokio::test]
async fn resolved_work_is_not_taken_on() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    for (status, again) in [("done", "todo"), ("cancelled", "todo")] {
        let body = json!({ "status": status });
        server.patch("/browse/OPS-1", &admin, &body).await.ok();
        for agent in [None, Some("builder")] {
            let response = act(&server, &admin, "claim", agent).await;
            assert_eq!(response.problem(409), "work_item_resolved");
            let detail = response.json()["detail"].to_string();
            assert!(detail.contains(status), "{detail}");
        }
        let body = json!({ "status": again });
        server.patch("/browse/OPS-1", &admin, &body).await.ok();
    }
    act(&server, &admin, "claim", Some("builder")).await.ok();
}

#[tokio::test]
async fn an_agent_resolves_or_deletes_what_it_works_at_and_nothing_else() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    let (_, run) = server.start_run(&admin, "builder", None).await;
    let done = json!({"status": "done"});
    for response in [
        act(&server, &run, "complete", None).await,
        act(&server, &admin, "complete", Some("builder")).await,
        server.patch("/browse/OPS-1", &run, &done).await,
        server
            .patch("/browse/OPS-1", &run, &json!({"status": "in_progress"}))
            .await,
        server.delete("/browse/OPS-1", &run).await,
    ] {
        assert_eq!(response.problem(409), "work_item_not_claimed");
        let detail = response.json()["detail"].to_string();
        assert!(detail.contains("claim this one first"), "{detail}");
    }
    assert_eq!(item(&server, &admin).await["version"], 1);
    act(&server, &run, "claim", None).await.ok();
    server.patch("/browse/OPS-1", &run, &done).await.ok();
}

#[tokio::test]
async fn work_for_people_is_not_for_agents_and_the_other_way_round() {
    let server = Server::new();
    let admin = server.admin();
    server
        .make_item(&admin, json!({"executionTarget": "human"}))
        .await;
    let (_, run) = server.start_run(&admin, "builder", None).await;
    for (token, agent) in [(&run, None), (&admin, Some("builder"))] {
        let response = act(&server, token, "claim", agent).await;
        assert_eq!(response.problem(409), "wrong_execution_target");
        assert!(response.json()["detail"].to_string().contains("human"));
    }
    let body = json!({"executionTarget": "agent"});
    server.patch("/browse/OPS-1", &admin, &body).await.ok();
    let response = act(&server, &admin, "claim", None).await;
    assert_eq!(response.problem(409), "wrong_execution_target");
    act(&server, &run, "claim", None).await.ok();
}

#[tokio::test]
async fn a_run_works_for_its_own_agent() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    let (_, run) = server.start_run(&admin, "builder", None).await;
    for action in ["claim", "release", "complete"] {
        let response = act(&server, &run, action, Some("other")).await;
        assert_eq!(response.problem(403), "agent_mismatch", "{action}");
        assert!(response.json()["detail"].to_string().contains("builder"));
    }
    let response = server.get("/browse/queue?agentId=other", &run).await;
    assert_eq!(response.problem(403), "agent_mismatch");
    assert_eq!(item(&server, &admin).await["version"], 1);
}

#[tokio::test]
async fn a_body_that_is_null_is_as_good_as_none() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    for action in ["claim", "release", "complete"] {
        let path = format!("/browse/OPS-1/{action}");
        server.post(&path, &admin, &json!(null)).await.ok();
    }
    assert_eq!(item(&server, &admin).await["status"], "done");
}

#[tokio::test]
async fn a_wrong_body_is_named() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    for action in ["claim", "release", "complete"] {
        for (body, field) in [
            (json!({"agentId": "a b"}), "agentId"),
            (json!({"agentId": 7}), "agentId"),
            (json!({"agent": "a"}), "agent"),
        ] {
            let path = format!("/browse/OPS-1/{action}");
            let response = server.post(&path, &admin, &body).await;
            assert_eq!(response.wrong_fields(), [field], "{action} {body}");
        }
    }
    assert_eq!(item(&server, &admin).await["version"], 1);
}
