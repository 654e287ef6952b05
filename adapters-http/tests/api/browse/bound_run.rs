//! A run that is bound to a work item changes only that item, and can read all of them.

use http::Method;
use serde_json::json;

use super::keys;
use crate::support::{Server, with_token};

#[tokio::test]
async fn it_changes_only_its_own_item_and_creates_none() {
    let server = Server::new();
    let admin = server.admin();
    let own = server.make_item(&admin, json!({})).await;
    let other = server.make_item(&admin, json!({})).await;
    let part = server.make_item(&admin, json!({"parent": own})).await;
    let (_, run) = server.start_run(&admin, "builder", Some(&own)).await;
    let title = json!({"title": "Mine"});
    let mut changes = vec![
        (
            Method::POST,
            "/browse".to_owned(),
            Some(json!({"domain": "OPS", "title": "New"})),
        ),
        (
            Method::POST,
            "/browse".to_owned(),
            Some(json!({"parent": own, "title": "New"})),
        ),
    ];
    for key in [&other, &part, "OPS-77"] {
        let path = format!("/browse/{key}");
        changes.extend([
            (Method::PATCH, path.clone(), Some(title.clone())),
            (Method::POST, format!("{path}/claim"), None),
            (Method::POST, format!("{path}/release"), None),
            (Method::POST, format!("{path}/complete"), None),
            (Method::DELETE, path, None),
        ]);
    }
    for (method, path, body) in changes {
        let request =
            with_token(method.clone(), &path, &run).header("content-type", "application/json");
        let body = body.map_or_else(String::new, |body| body.to_string());
        let response = server.send(request, body.into()).await;
        let code = response.problem(403);
        assert_eq!(code, "run_bound_to_work_item", "{method} {path}");
        let detail = response.json()["detail"].to_string();
        assert!(detail.contains(&own), "{detail}");
    }
    let list = server.get("/browse", &run).await.ok();
    assert_eq!(keys(&list["items"]).len(), 3);
    for key in [&own, &other, &part] {
        let path = format!("/browse/{key}");
        assert_eq!(server.get(&path, &run).await.status, 200);
    }
    let path = format!("/browse/{own}");
    server.patch(&path, &run, &title).await.ok();
    server
        .post(&format!("{path}/claim"), &run, &json!({}))
        .await
        .ok();
}

#[tokio::test]
async fn it_ends_when_its_item_is_resolved_or_deleted() {
    let server = Server::new();
    let admin = server.admin();
    for how in ["complete", "cancel", "delete"] {
        let key = server.make_item(&admin, json!({})).await;
        let (_, run) = server.start_run(&admin, "builder", Some(&key)).await;
        let path = format!("/browse/{key}");
        server
            .post(&format!("{path}/claim"), &run, &json!({}))
            .await
            .ok();
        match how {
            "complete" => {
                let complete = format!("{path}/complete");
                let done = server.post(&complete, &run, &json!({})).await;
                assert_eq!(done.ok()["status"], "done", "its last word is heard");
            }
            "cancel" => {
                let body = json!({"status": "cancelled"});
                server.patch(&path, &admin, &body).await.ok();
            }
            _ => assert_eq!(server.delete(&path, &admin).await.status, 204),
        }
        // Repeating is not an error otherwise, but an ended run cannot repeat anything.
        let complete = format!("{path}/complete");
        let response = server.post(&complete, &run, &json!({})).await;
        assert_eq!(response.problem(401), "token_revoked", "{how}");
        let detail = response.json()["detail"].to_string();
        assert!(detail.contains("the agent run ended at"), "{detail}");
    }
    // A reopened item requires a new run.
    let body = json!({"status": "todo"});
    server.patch("/browse/OPS-1", &admin, &body).await.ok();
    let (_, run) = server.start_run(&admin, "builder", Some("OPS-1")).await;
    assert_eq!(server.get("/me", &run).await.status, 200);
}
