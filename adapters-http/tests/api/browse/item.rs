//! `/browse/{key}`

use openindex_domain::testing::fixtures;
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn absent_fields_keep_their_value_and_null_unassigns() {
    let server = Server::new();
    let member = server.member(2);
    let me = fixtures::user(2).id.to_string();
    let item = json!({"assignee": "me", "description": "as it was"});
    let key = server.make_item(&member, item).await;
    let path = format!("/browse/{key}");
    server.clock.advance_seconds(1);
    let body = json!({"title": "Mend it", "priority": "low", "executionTarget": "human"});
    let patched = server.patch(&path, &member, &body).await;
    assert_eq!(patched.header("etag"), "\"2\"");
    let item = patched.ok();
    assert_eq!(item["title"], "Mend it");
    assert_eq!(item["priority"], "low");
    assert_eq!(item["executionTarget"], "human");
    assert_eq!(item["assignee"], me.as_str());
    assert_eq!(item["description"], "as it was");
    assert_eq!(item["updatedAt"], "2026-11-24T06:00:01.000Z");
    assert_eq!(item["version"], 2);
    for (assignee, expected) in [
        (json!(null), json!(null)),
        (json!("me"), json!(me)),
        (json!(null), json!(null)),
        (json!(me), json!(me)),
    ] {
        let body = json!({"assignee": assignee});
        let patched = server.patch(&path, &member, &body).await.ok();
        assert_eq!(patched["assignee"], expected);
    }
    let body = json!({"description": ""});
    let patched = server.patch(&path, &member, &body).await.ok();
    assert_eq!(patched["description"], "");
    assert_eq!(server.get(&path, &member).await.json(), patched);
}

#[tokio::test]
async fn what_is_so_already_is_no_change() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    for body in [json!({"status": "todo"}), json!({"assignee": null})] {
        let patched = server.patch(&path, &admin, &body).await;
        assert_eq!(patched.header("etag"), "\"1\"", "{body}");
    }
}

#[tokio::test]
async fn a_patch_that_changes_nothing_or_is_wrong_is_400() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    for body in [json!({}), json!(null)] {
        let response = server.patch(&path, &admin, &body).await;
        assert_eq!(response.problem(400), "invalid_request", "{body}");
    }
    let stranger = "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";
    for (body, fields) in [
        (
            json!({"title": "", "status": "open"}),
            &["title", "status"][..],
        ),
        (json!({"title": null, "assignee": "me"}), &["title"]),
        (
            json!({
                "title": null, "description": null, "status": null, "priority": null,
                "executionTarget": null, "assignee": null,
            }),
            &[
                "title",
                "description",
                "status",
                "priority",
                "executionTarget",
            ],
        ),
        (json!({"assignee": 7}), &["assignee"]),
        (json!({"assignee": ""}), &["assignee"]),
        (json!({"assignee": stranger}), &["assignee"]),
        (json!({"kind": "project", "title": "x"}), &["kind"]),
        (json!({"version": 1}), &["version"]),
    ] {
        let response = server.patch(&path, &admin, &body).await;
        assert_eq!(response.wrong_fields(), fields, "{body}");
    }
    let response = server.patch(&path, &admin, &json!({"status": null})).await;
    assert_eq!(
        response.json()["detail"],
        "status must not be null; leave it out to keep the current value"
    );
    assert_eq!(server.get(&path, &admin).await.json()["version"], 1);
}

#[tokio::test]
async fn who_may_take_an_item_on_is_for_people_to_say() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    for bound in [None, Some(key.as_str())] {
        let (_, run) = server.start_run(&admin, "builder", bound).await;
        for target in ["human", "agent"] {
            let body = json!({"executionTarget": target, "title": "Mine"});
            let response = server.patch(&path, &run, &body).await;
            assert_eq!(response.problem(403), "human_token_required");
        }
        let same = json!({"executionTarget": "either"});
        assert_eq!(server.patch(&path, &run, &same).await.ok()["version"], 1);
    }
}

#[tokio::test]
async fn an_invalid_transition_names_the_valid_ones() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    let status = |status: &str| json!({ "status": status });
    for next in ["in_progress", "todo", "done", "in_progress", "cancelled"] {
        let patched = server.patch(&path, &admin, &status(next)).await.ok();
        assert_eq!(patched["status"], next);
        let resolved = ["done", "cancelled"].contains(&next);
        assert_eq!(patched["resolvedAt"].is_string(), resolved, "{next}");
    }
    for next in ["done", "in_progress"] {
        let response = server.patch(&path, &admin, &status(next)).await;
        assert_eq!(response.problem(409), "invalid_transition");
        let detail = response.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with("allowed: todo"), "{detail}");
    }
    let complete = format!("{path}/complete");
    let response = server.post(&complete, &admin, &json!({})).await;
    assert_eq!(response.problem(409), "invalid_transition");
}

#[tokio::test]
async fn an_item_with_sub_tasks_is_not_deleted() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let part = server.make_item(&admin, json!({"parent": key})).await;
    let (path, part) = (format!("/browse/{key}"), format!("/browse/{part}"));
    let response = server.delete(&path, &admin).await;
    assert_eq!(response.problem(409), "has_sub_tasks");
    assert_eq!(server.delete(&part, &admin).await.status, 204);
    assert_eq!(server.delete(&path, &admin).await.status, 204);
    assert_eq!(server.get(&path, &admin).await.problem(404), "not_found");
    assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_key_is_accepted_in_lower_case_and_returned_in_upper_case() {
    let server = Server::new();
    let admin = server.admin();
    let made = server.make_item(&admin, json!({"domain": "ops"})).await;
    assert_eq!(made, "OPS-1");
    let read = server.get("/browse/ops-1", &admin).await.json();
    assert_eq!(read["key"], "OPS-1");
    let part = json!({"parent": "Ops-1"});
    assert_eq!(server.make_item(&admin, part).await, "OPS-1.1");
    let claimed = server.post("/browse/ops-1/claim", &admin, &json!({})).await;
    assert_eq!(claimed.json()["key"], "OPS-1");
    let log = server.get("/audit?subject=ops-1", &admin).await.json();
    assert_eq!(log["items"][0]["subject"], "OPS-1");
}

#[tokio::test]
async fn a_key_that_is_not_there_or_cannot_be_is_404() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    let alike = server.get("/browse/OPS-7", &admin).await.json();
    for key in [
        "OPS-7",
        "OPS-1.1",
        "OPS-01",
        "OPS",
        "x",
        "%ff",
        "OPS-1%2f",
        "OPS-4294967296",
    ] {
        let path = format!("/browse/{key}");
        let response = server.get(&path, &admin).await;
        assert_eq!(response.problem(404), "not_found", "{key}");
        assert_eq!(response.json(), alike, "{key}");
        let title = json!({"title": "x"});
        let response = server.patch(&path, &admin, &title).await;
        assert_eq!(response.problem(404), "not_found", "{key}");
        assert_eq!(server.delete(&path, &admin).await.problem(404), "not_found");
        for action in ["claim", "release", "complete"] {
            let response = server
                .post(&format!("{path}/{action}"), &admin, &json!({}))
                .await;
            assert_eq!(response.problem(404), "not_found", "{key} {action}");
        }
    }
}

#[tokio::test]
async fn the_description_of_a_patch_says_what_may_be_null() {
    let server = Server::new();
    let admin = server.admin();
    let document = server.get("/openapi.json", &admin).await.ok();
    let patch = &document["components"]["schemas"]["PatchWorkItem"]["properties"];
    let nullable: Vec<&String> = patch
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, schema)| schema.to_string().contains("\"null\""))
        .map(|(field, _)| field)
        .collect();
    assert_eq!(nullable, ["assignee"]);
}
