//! A run that is bound to a work item changes that one alone, and sees them all.

use http::Method;
use serde_json::json;

use super::keys;
use crate::support::{Server, with_token};

#[tokio::test]
async fn it_changes_its_own_item_and_no_other_and_makes_none() {
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
        let answer = server.send(request, body.into()).await;
        let code = answer.problem(403);
        assert_eq!(code, "run_bound_to_work_item", "{method} {path}");
        let detail = answer.json()["detail"].to_string();
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
async fn it_ends_with_its_item_whatever_ends_that() {
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
        // What may be repeated otherwise is not by a run that is over.
        let complete = format!("{path}/complete");
        let answer = server.post(&complete, &run, &json!({})).await;
        assert_eq!(answer.problem(401), "token_revoked", "{how}");
        let detail = answer.json()["detail"].to_string();
        assert!(detail.contains("the agent run ended at"), "{detail}");
    }
    // What is taken up again needs a new run.
    let body = json!({"status": "todo"});
    server.patch("/browse/OPS-1", &admin, &body).await.ok();
    let (_, run) = server.start_run(&admin, "builder", Some("OPS-1")).await;
    assert_eq!(server.get("/me", &run).await.status, 200);
}
