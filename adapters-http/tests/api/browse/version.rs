//! `ETag` and `If-Match` (RFC 9110 §13.1.1).

use axum::body::Body;
use http::{Method, header};
use serde_json::{Value, json};

use crate::support::{Server, TestResponse, with_token};

/// Every change of an item, each of which accepts a version.
fn changes(path: &str) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (
            Method::PATCH,
            path.to_owned(),
            Some(json!({"priority": "high"})),
        ),
        (Method::POST, format!("{path}/claim"), None),
        (Method::POST, format!("{path}/release"), None),
        (Method::POST, format!("{path}/complete"), None),
        (Method::DELETE, path.to_owned(), None),
    ]
}

async fn change(
    server: &Server,
    token: &str,
    (method, path, body): (Method, String, Option<Value>),
    tags: &[&str],
) -> TestResponse {
    let mut request = with_token(method, &path, token);
    for tag in tags {
        request = request.header(header::IF_MATCH, *tag);
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    server.send(request, body).await
}

#[tokio::test]
async fn a_change_is_made_to_the_version_that_it_is_meant_for() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let mut tag = "\"1\"".to_owned();
    for request in changes(&format!("/browse/{key}")) {
        let response = change(&server, &admin, request, &[&tag]).await;
        assert!(response.status.is_success(), "{response:?}");
        if response.status == 200 {
            response.header("etag").clone_into(&mut tag);
            assert_eq!(tag, format!("\"{}\"", response.json()["version"]));
        }
    }
    assert_eq!(tag, "\"5\"");
}

#[tokio::test]
async fn any_version_will_do_for_a_star_but_there_must_be_one() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    for request in changes(&format!("/browse/{key}")) {
        let response = change(&server, &admin, request, &["*"]).await;
        assert!(response.status.is_success(), "{response:?}");
    }
    for request in changes(&format!("/browse/{key}")) {
        let response = change(&server, &admin, request, &["*"]).await;
        assert_eq!(response.problem(404), "not_found");
    }
}

#[tokio::test]
async fn another_version_is_412_and_says_which_it_is() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    let body = json!({"title": "Meanwhile"});
    server.patch(&path, &admin, &body).await.ok();
    let before = server.get(&path, &admin).await.json();
    for tag in [
        "\"1\"",
        "\"3\"",
        "\"0\"",
        "W/\"1\"",
        "\"1-gzip\"",
        "\"02\"",
        "\"two\"",
        "\"\"",
        "\"99999999999999999999\"",
    ] {
        for request in changes(&path) {
            let response = change(&server, &admin, request, &[tag]).await;
            assert_eq!(response.problem(412), "version_mismatch", "{tag}");
            let detail = response.json()["detail"].to_string();
            assert!(detail.contains("at version 2,"), "{detail}");
        }
    }
    assert_eq!(server.get(&path, &admin).await.json(), before);
}

#[tokio::test]
async fn one_of_several_versions_will_do() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    for request in changes(&path) {
        for tags in [
            &["\"6\", \"7\""][..],
            &["\"6\"", "\"7\""],
            &["W/\"6\", \"7-gzip\""],
            &["\"1,2,3,4\", \"one\""],
        ] {
            let response = change(&server, &admin, request.clone(), tags).await;
            assert_eq!(response.problem(412), "version_mismatch", "{tags:?}");
        }
    }
    let lists = [
        &["\"9\", \"1\""][..],
        &["\"2\" , \"9\""],
        &["\"9\"", "\"3\""],
        &["W/\"9\",,\"9\",\"4\""],
        &["\"5\",\"5\""],
    ];
    for (request, tags) in changes(&path).into_iter().zip(lists) {
        let response = change(&server, &admin, request, tags).await;
        assert!(response.status.is_success(), "{tags:?} {response:?}");
    }
}

#[tokio::test]
async fn what_is_no_list_of_tags_is_400() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    for tags in [
        &["1"][..],
        &[""],
        &["\"1"],
        &["w/\"1\""],
        &[","],
        &["\"1\" \"2\""],
        &["\"1\", 2"],
        &["*, \"1\""],
        &["*", "\"1\""],
    ] {
        for request in changes(&path) {
            let response = change(&server, &admin, request, tags).await;
            assert_eq!(response.problem(400), "invalid_request", "{tags:?}");
        }
    }
    assert_eq!(server.get(&path, &admin).await.json()["version"], 1);
}

#[tokio::test]
async fn of_two_changes_to_one_version_one_is_made() {
    let server = Server::new();
    let admin = server.admin();
    let key = server.make_item(&admin, json!({})).await;
    let path = format!("/browse/{key}");
    let title = |title: &str| {
        let body = json!({ "title": title });
        (Method::PATCH, path.clone(), Some(body))
    };
    let first = change(&server, &admin, title("First"), &["\"1\""]).await;
    assert_eq!(first.header("etag"), "\"2\"");
    let second = change(&server, &admin, title("Second"), &["\"1\""]).await;
    assert_eq!(second.problem(412), "version_mismatch");
    assert_eq!(server.get(&path, &admin).await.json()["title"], "First");
}
