//! `/browse/queue`

use serde_json::json;

use super::keys;
use crate::support::Server;

#[tokio::test]
async fn the_most_urgent_comes_first_and_then_the_oldest() {
    let server = Server::new();
    let admin = server.admin();
    for priority in ["low", "urgent", "medium", "urgent", "high"] {
        server
            .make_item(&admin, json!({ "priority": priority }))
            .await;
        server.clock.advance_seconds(1);
    }
    let queue = server.get("/browse/queue", &admin).await.ok();
    let expected = ["OPS-2", "OPS-4", "OPS-5", "OPS-3", "OPS-1"];
    assert_eq!(keys(&queue["available"]["items"]), expected);
    assert_eq!(queue["available"]["more"], false);
    assert_eq!(queue["available"]["items"][0].get("description"), None);
    let queue = server.get("/browse/queue?limit=2", &admin).await.ok();
    assert_eq!(keys(&queue["available"]["items"]), expected[..2]);
    assert_eq!(queue["available"]["more"], true);
    assert_eq!(queue["mine"], json!({"items": [], "more": false}));
}

#[tokio::test]
async fn what_is_available_is_open_unclaimed_and_not_for_people_alone() {
    let server = Server::new();
    let admin = server.admin();
    for target in ["either", "human", "agent", "either", "either"] {
        let item = json!({ "executionTarget": target });
        server.make_item(&admin, item).await;
    }
    let (id, run) = server.start_run(&admin, "builder", None).await;
    let none = json!({});
    server.post("/browse/OPS-4/claim", &run, &none).await.ok();
    server
        .post("/browse/OPS-5/complete", &admin, &none)
        .await
        .ok();
    let queue = server.get("/browse/queue", &run).await.ok();
    assert_eq!(keys(&queue["available"]["items"]), ["OPS-1", "OPS-3"]);
    assert_eq!(keys(&queue["mine"]["items"]), ["OPS-4"]);
    let path = format!("/agent-runs/{id}");
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    let queue = server.get("/browse/queue", &admin).await.ok();
    let free = keys(&queue["available"]["items"]);
    assert_eq!(free, ["OPS-1", "OPS-3", "OPS-4"]);
}

#[tokio::test]
async fn mine_is_to_a_run_what_was_claimed_in_it() {
    let server = Server::new();
    let admin = server.admin();
    for _ in 0..2 {
        server.make_item(&admin, json!({})).await;
    }
    let (_, run) = server.start_run(&admin, "builder", None).await;
    let (_, twin) = server.start_run(&admin, "builder", None).await;
    let none = json!({});
    server.post("/browse/OPS-1/claim", &run, &none).await.ok();
    server.post("/browse/OPS-2/claim", &twin, &none).await.ok();
    for (query, token, expected) in [
        ("", &run, &["OPS-1"][..]),
        ("?agentId=builder", &run, &["OPS-1"]),
        ("", &twin, &["OPS-2"]),
        ("?agentId=builder", &admin, &["OPS-1", "OPS-2"]),
    ] {
        let queue = server.get(&format!("/browse/queue{query}"), token).await;
        assert_eq!(keys(&queue.ok()["mine"]["items"]), expected, "{query}");
    }
}

#[tokio::test]
async fn mine_is_the_agents_work_or_what_is_assigned_to_me() {
    let server = Server::new();
    let admin = server.admin();
    let member = server.member(2);
    for _ in 0..3 {
        server.make_item(&admin, json!({})).await;
    }
    let agent = json!({"agentId": "cron"});
    server
        .post("/browse/OPS-1/claim", &admin, &agent)
        .await
        .ok();
    server
        .post("/browse/OPS-2/claim", &member, &json!({}))
        .await
        .ok();
    for (query, token, expected) in [
        ("", &member, &["OPS-2"][..]),
        ("", &admin, &[]),
        ("?agentId=cron", &admin, &["OPS-1"]),
        ("?agentId=cron", &member, &["OPS-1"]),
        ("?agentId=other", &admin, &[]),
    ] {
        let queue = server.get(&format!("/browse/queue{query}"), token).await;
        assert_eq!(keys(&queue.ok()["mine"]["items"]), expected, "{query}");
    }
    for (query, field) in [
        ("agentId=a+b", "agentId"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let response = server.get(&format!("/browse/queue?{query}"), &admin).await;
        assert_eq!(response.wrong_fields(), [field], "{query}");
    }
}
