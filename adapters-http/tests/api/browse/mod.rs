//! `/browse`: creating and finding work items.

mod bound_run;
mod doing;
mod item;
mod queue;
mod version;

use http::{Method, header};
use openindex_domain::testing::fixtures;
use openindex_domain::work_item::{DomainKey, WorkItem, WorkItemKey};
use serde_json::{Value, json};

use crate::support::{Server, with_token};

/// Returns the keys of a list's items, in order.
fn keys(items: &Value) -> Vec<String> {
    let items = items.as_array().expect("items");
    items
        .iter()
        .map(|item| item["key"].as_str().expect("a key").to_owned())
        .collect()
}

#[tokio::test]
async fn an_item_is_made_with_what_is_usual() {
    let server = Server::new();
    let member = server.member(2);
    let body = json!({"domain": "OPS", "title": " Mend the pump "});
    let made = server.post("/browse", &member, &body).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.header("location"), "/browse/OPS-1");
    assert_eq!(made.header("etag"), "\"1\"");
    assert_eq!(
        made.json(),
        json!({
            "key": "OPS-1",
            "kind": "task",
            "parent": null,
            "title": "Mend the pump",
            "status": "todo",
            "priority": "medium",
            "executionTarget": "either",
            "assignee": null,
            "activeAgentId": null,
            "activeUserId": null,
            "activeRunId": null,
            "claimedAt": null,
            "createdBy": fixtures::user(2).id.to_string(),
            "createdAt": "2026-11-24T06:00:00.000Z",
            "updatedAt": "2026-11-24T06:00:00.000Z",
            "resolvedAt": null,
            "version": 1,
            "description": "",
        })
    );
    let shown = server.get("/browse/OPS-1", &member).await;
    assert_eq!(shown.json(), made.json());
    assert_eq!(shown.header("etag"), "\"1\"");
}

#[tokio::test]
async fn an_item_is_made_with_what_is_given() {
    let server = Server::new();
    let member = server.member(2);
    let me = fixtures::user(2).id.to_string();
    let body = json!({
        "domain": "OPS",
        "kind": "project",
        "title": "The pumps",
        "description": "# All\n\n- of them",
        "priority": "urgent",
        "executionTarget": "human",
        "assignee": "me",
    });
    let made = server.post("/browse", &member, &body).await.ok();
    for (field, value) in body.as_object().unwrap() {
        match field.as_str() {
            "domain" => assert_eq!(made["key"], "OPS-1"),
            "assignee" => assert_eq!(made[field], me.as_str()),
            _ => assert_eq!(made[field], *value),
        }
    }
    let named = json!({"domain": "OPS", "title": "Another", "assignee": me});
    let named = server.post("/browse", &member, &named).await.ok();
    assert_eq!(named["assignee"], me.as_str());
}

#[tokio::test]
async fn keys_count_within_a_domain_or_a_parent_and_are_never_given_again() {
    let server = Server::new();
    let admin = server.admin();
    assert_eq!(server.make_item(&admin, json!({})).await, "OPS-1");
    let project = json!({"kind": "project"});
    assert_eq!(server.make_item(&admin, project).await, "OPS-2");
    let other = json!({"domain": "DEV"});
    assert_eq!(server.make_item(&admin, other).await, "DEV-1");
    let part = json!({"parent": "OPS-2"});
    assert_eq!(server.make_item(&admin, part.clone()).await, "OPS-2.1");
    let kind = json!({"parent": "OPS-2", "kind": "sub_task"});
    assert_eq!(server.make_item(&admin, kind).await, "OPS-2.2");
    let made = server.get("/browse/OPS-2.2", &admin).await.json();
    assert_eq!(made["kind"], "sub_task");
    assert_eq!(made["parent"], "OPS-2");
    for key in ["OPS-2.2", "OPS-2.1", "OPS-2"] {
        let path = format!("/browse/{key}");
        assert_eq!(server.delete(&path, &admin).await.status, 204, "{key}");
    }
    assert_eq!(server.make_item(&admin, json!({})).await, "OPS-3");
}

#[tokio::test]
async fn a_place_that_cannot_be_says_what_to_do() {
    let server = Server::new();
    let admin = server.admin();
    server.make_item(&admin, json!({})).await;
    for (body, fields) in [
        (json!({}), &["domain"][..]),
        (json!({"kind": "project"}), &["domain"]),
        (json!({"domain": null, "parent": null}), &["domain"]),
        (json!({"domain": "o"}), &["domain"]),
        (json!({"domain": "OPS", "kind": "epic"}), &["kind"]),
        (json!({"kind": "epic"}), &["kind"]),
        (json!({"kind": "sub_task"}), &["parent"]),
        (
            json!({"kind": "sub_task", "domain": "OPS"}),
            &["domain", "parent"],
        ),
        (json!({"parent": "OPS-1", "domain": "OPS"}), &["domain"]),
        (json!({"parent": "OPS-1", "kind": "task"}), &["kind"]),
        (json!({"parent": "OPS-1", "kind": "epic"}), &["kind"]),
        (json!({"parent": "OPS"}), &["parent"]),
        (json!({"parent": 1}), &["parent"]),
        (json!({"parent": "OPS-7"}), &["parent"]),
        (json!({"parent": "OPS-1.1"}), &["parent"]),
    ] {
        let mut body = body;
        body["title"] = json!("A part");
        let response = server.post("/browse", &admin, &body).await;
        assert_eq!(response.wrong_fields(), fields, "{body}");
    }
    server.make_item(&admin, json!({"parent": "OPS-1"})).await;
    let part = json!({"parent": "OPS-1.1", "title": "A part of a part"});
    let response = server.post("/browse", &admin, &part).await;
    assert_eq!(response.wrong_fields(), ["parent"]);
    let list = server.get("/browse", &admin).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_other_wrong_field_is_named_at_once() {
    let server = Server::new();
    let admin = server.admin();
    let mut suspended = fixtures::user(3);
    suspended.suspended_at = Some(fixtures::NOW);
    server.store.put_user(suspended);
    let suspended = fixtures::user(3).id.to_string();
    for (body, fields) in [
        (json!({"title": null}), &["title"][..]),
        (json!({"title": " "}), &["title"]),
        (json!({"title": "x".repeat(201)}), &["title"]),
        (
            json!({"title": "a\nb", "description": "\u{1b}[2J"}),
            &["title", "description"],
        ),
        (json!({"description": "x".repeat(32_001)}), &["description"]),
        (json!({"description": "é".repeat(16_001)}), &["description"]),
        (
            json!({"priority": "soon", "executionTarget": "robot"}),
            &["priority", "executionTarget"],
        ),
        (json!({"assignee": "grace"}), &["assignee"]),
        (
            json!({"assignee": "usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2"}),
            &["assignee"],
        ),
        (json!({"assignee": suspended}), &["assignee"]),
        (
            json!({"status": "todo", "labels": []}),
            &["labels", "status"],
        ),
    ] {
        let mut whole = json!({"domain": "OPS", "title": "Mend the pump"});
        for (field, value) in body.as_object().unwrap() {
            whole[field] = value.clone();
        }
        let response = server.post("/browse", &admin, &whole).await;
        assert_eq!(response.wrong_fields(), fields, "{body}");
    }
    let list = server.get("/browse", &admin).await.json();
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn the_largest_description_can_be_sent() {
    let server = Server::new();
    let admin = server.admin();
    let title = "🙂".repeat(200);
    for description in [
        "\"".repeat(32_000),
        "\n".repeat(32_000),
        "長".repeat(10_666),
    ] {
        let body = json!({"domain": "OPS", "title": title, "description": description});
        let made = server.post("/browse", &admin, &body).await.ok();
        assert_eq!(made["description"], description.as_str());
        let path = format!("/browse/{}", made["key"].as_str().unwrap());
        // As sent by a client that escapes everything except ASCII.
        let escaped = description.replace('長', "\\u9577").replace('\n', "\\n");
        let escaped = match escaped.strip_prefix('"') {
            Some(_) => escaped.replace('"', "\\\""),
            None => escaped,
        };
        let body = format!(r#"{{"title": "Mend it", "description": "{escaped}"}}"#);
        let request = with_token(Method::PATCH, &path, &admin)
            .header(header::CONTENT_TYPE, "application/json");
        let patched = server.send(request, body.into()).await.ok();
        assert_eq!(patched["description"], description.as_str());
    }
}

#[tokio::test]
async fn a_resolved_parent_gets_no_parts() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let complete = format!("/browse/{key}/complete");
    server.post(&complete, &admin, &json!({})).await.ok();
    let body = json!({"parent": key, "title": "Too late"});
    let response = server.post("/browse", &admin, &body).await;
    assert_eq!(response.problem(409), "work_item_resolved");
}

#[tokio::test]
async fn a_domain_has_as_many_items_as_there_are_numbers() {
    let server = Server::new();
    let admin = server.admin();
    server
        .store
        .put_work_item(fixtures::work_item(WorkItemKey::MAX_NUMBER));
    let body = json!({"domain": "OPS", "title": "One too many"});
    let response = server.post("/browse", &admin, &body).await;
    assert_eq!(response.problem(409), "numbers_exhausted");
}

#[tokio::test]
async fn a_list_has_no_descriptions_and_pages_hold_everything_once() {
    let server = Server::new();
    let admin = server.admin();
    for number in 1..=23 {
        // Some have the same age.
        let created_at = fixtures::NOW.saturating_add_seconds(i64::from(number / 3));
        server.store.put_work_item(WorkItem {
            created_at,
            ..fixtures::work_item(number)
        });
    }
    for limit in [1, 7, 23, 200] {
        let mut found = Vec::new();
        let mut path = format!("/browse?limit={limit}");
        loop {
            let page = server.get(&path, &admin).await.ok();
            found.extend(keys(&page["items"]));
            assert_eq!(page["items"][0].get("description"), None);
            let Some(cursor) = page["nextCursor"].as_str() else {
                break;
            };
            path = format!("/browse?limit={limit}&cursor={cursor}");
        }
        let expected: Vec<String> = (1..=23)
            .rev()
            .map(|number| format!("OPS-{number}"))
            .collect();
        assert_eq!(found, expected, "limit={limit}");
    }
}

#[tokio::test]
async fn filters_narrow_the_list_down() {
    let server = Server::new();
    let admin = server.admin();
    let member = server.member(2);
    server
        .make_item(&admin, json!({"kind": "project", "assignee": "me"}))
        .await;
    server
        .make_item(&admin, json!({"parent": "OPS-1", "priority": "high"}))
        .await;
    server
        .make_item(&admin, json!({"domain": "DEV", "executionTarget": "agent"}))
        .await;
    server
        .make_item(&member, json!({"assignee": "me", "priority": "high"}))
        .await;
    server.clock.advance_seconds(1);
    let claim = json!({"agentId": "builder"});
    server
        .post("/browse/DEV-1/claim", &admin, &claim)
        .await
        .ok();
    server
        .post("/browse/OPS-2/complete", &member, &json!({}))
        .await
        .ok();
    let other = fixtures::user(2).id;
    for (query, expected) in [
        ("domain=DEV".to_owned(), &["DEV-1"][..]),
        ("domain=NONE".to_owned(), &[]),
        ("kind=project".to_owned(), &["OPS-1"]),
        ("kind=sub_task".to_owned(), &["OPS-1.1"]),
        ("status=done".to_owned(), &["OPS-2"]),
        ("status=done,in_progress".to_owned(), &["OPS-2", "DEV-1"]),
        ("status=done,done,+done".to_owned(), &["OPS-2"]),
        ("priority=high".to_owned(), &["OPS-2", "OPS-1.1"]),
        ("priority=high&status=todo".to_owned(), &["OPS-1.1"]),
        ("executionTarget=agent".to_owned(), &["DEV-1"]),
        ("assignee=me".to_owned(), &["OPS-1"]),
        (format!("assignee={other}"), &["OPS-2"]),
        ("agentId=builder".to_owned(), &["DEV-1"]),
        ("agentId=other".to_owned(), &[]),
        ("parent=OPS-1".to_owned(), &["OPS-1.1"]),
    ] {
        let list = server.get(&format!("/browse?{query}"), &admin).await.ok();
        assert_eq!(keys(&list["items"]), expected, "{query}");
    }
}

#[tokio::test]
async fn a_search_matches_every_word_ignoring_case_and_has_no_wildcards() {
    let server = Server::new();
    let admin = server.admin();
    for (title, description) in [
        ("Mend the PUMP", "It leaks since Größe 7 was fitted."),
        ("Paint the pump", "100% blue"),
        ("Sell the well", ""),
    ] {
        let item = json!({"title": title, "description": description});
        server.make_item(&admin, item).await;
    }
    for (search, expected) in [
        ("pump", &["OPS-2", "OPS-1"][..]),
        ("pump+mend", &["OPS-1"]),
        ("LEAKS", &["OPS-1"]),
        ("gr%C3%B6%C3%9Fe", &["OPS-1"]),
        ("ops-3", &["OPS-3"]),
        ("100%25", &["OPS-2"]),
        ("%25", &["OPS-2"]),
        ("_", &[]),
        ("pump+well", &[]),
    ] {
        let list = server.get(&format!("/browse?q={search}"), &admin).await;
        assert_eq!(keys(&list.ok()["items"]), expected, "{search}");
    }
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let server = Server::new();
    let admin = server.admin();
    let long = format!("q={}", "x".repeat(201));
    for (query, fields) in [
        ("domain=o", &["domain"][..]),
        ("kind=epic", &["kind"]),
        ("status=open", &["status"]),
        ("status=", &["status"]),
        ("status=todo,", &["status"]),
        ("priority=1", &["priority"]),
        ("executionTarget=robot", &["executionTarget"]),
        ("assignee=grace", &["assignee"]),
        ("agentId=a+b", &["agentId"]),
        ("parent=OPS", &["parent"]),
        ("q=a+b+c+d+e+f+g+h+i", &["q"]),
        ("q=a%00", &["q"]),
        ("q=%1b", &["q"]),
        (&long, &["q"]),
        ("limit=201&cursor=OPS-1", &["limit", "cursor"]),
        ("cursor=evt_0199f3a1c6d07c35b2f0e8a4d1c7b9e2", &["cursor"]),
        ("sort=key", &["sort"]),
    ] {
        let response = server.get(&format!("/browse?{query}"), &admin).await;
        assert_eq!(response.wrong_fields(), fields, "{query}");
    }
}

#[tokio::test]
async fn an_item_of_a_domain_with_the_longest_name_can_be_found() {
    let server = Server::new();
    let admin = server.admin();
    let mut item = fixtures::work_item(WorkItemKey::MAX_NUMBER);
    item.key.domain = DomainKey::parse("ABCDEFGHIJ").unwrap();
    server.store.put_work_item(item);
    let path = "/browse/ABCDEFGHIJ-2147483647";
    assert_eq!(server.get(path, &admin).await.status, 200);
}
