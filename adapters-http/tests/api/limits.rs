//! Bodies and heads that are too large, of the wrong type, or not JSON.

use axum::body::Body;
use http::{Method, header};
use openindex_adapters_http::server::{MAX_BODY_BYTES, MAX_HEADER_BYTES};

use crate::support::{Server, with_token};

fn create(token: &str) -> http::request::Builder {
    with_token(Method::POST, "/me/pats", token).header(header::CONTENT_TYPE, "application/json")
}

#[tokio::test]
async fn a_body_over_64_kib_is_413_whether_its_length_is_announced_or_not() {
    let server = Server::new();
    let admin = server.admin();
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(MAX_BODY_BYTES));
    let announced = create(&admin).header(header::CONTENT_LENGTH, large.len());
    let response = server.send(announced, Body::from(large.clone())).await;
    assert_eq!(response.problem(413), "body_too_large");
    let stream = http_body_util::StreamBody::new(futures_util::stream::iter(
        large
            .into_bytes()
            .chunks(1000)
            .map(|chunk| {
                Ok::<_, std::convert::Infallible>(http_body::Frame::data(chunk.to_vec().into()))
            })
            .collect::<Vec<_>>(),
    ));
    let response = server.send(create(&admin), Body::new(stream)).await;
    assert_eq!(response.problem(413), "body_too_large");
    let fits = format!(r#"{{"x": "{}"}}"#, "x".repeat(MAX_BODY_BYTES - 9));
    assert_eq!(fits.len(), MAX_BODY_BYTES);
    let response = server.send(create(&admin), Body::from(fits)).await;
    assert_eq!(response.wrong_fields(), ["name", "scope", "x"]);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_415() {
    let server = Server::new();
    let admin = server.admin();
    let body = r#"{"name": "ci", "scope": "read_write"}"#;
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let mut request = with_token(Method::POST, "/me/pats", &admin);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let response = server.send(request, Body::from(body)).await;
        assert_eq!(response.problem(415), "unsupported_media_type");
    }
    let request = with_token(Method::POST, "/me/pats", &admin)
        .header(header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
    assert_eq!(server.send(request, Body::from(body)).await.status, 201);
}

#[tokio::test]
async fn json_that_cannot_be_read_is_400_and_says_where() {
    let server = Server::new();
    let admin = server.admin();
    for (body, detail) in [
        ("{", "line 1 column 1"),
        ("{\"name\":\n}", "line 2 column 1"),
        ("[]", "must be a JSON object"),
        ("\"name\"", "must be a JSON object"),
        ("{} {}", "line 1 column 4"),
    ] {
        let response = server.send(create(&admin), Body::from(body)).await;
        assert_eq!(response.problem(400), "invalid_request", "{body}");
        let text = response.json()["detail"].as_str().unwrap().to_owned();
        assert!(text.contains(detail), "{body}: {text}");
    }
    let deep = "[".repeat(10_000);
    let response = server.send(create(&admin), Body::from(deep)).await;
    assert_eq!(response.problem(400), "invalid_request");
    let response = server
        .send(create(&admin), Body::from(&b"\xff{}"[..]))
        .await;
    assert_eq!(response.problem(400), "invalid_request");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let server = Server::new();
    let admin = server.admin();
    let chunks = [
        Ok(http_body::Frame::data("{".into())),
        Err(std::io::Error::other("the client went away")),
    ];
    let stream = http_body_util::StreamBody::new(futures_util::stream::iter(chunks));
    let response = server.send(create(&admin), Body::new(stream)).await;
    assert_eq!(response.problem(400), "invalid_request");
    assert!(!String::from_utf8_lossy(&response.body).contains("went away"));
}

#[tokio::test]
async fn more_than_100_headers_or_16_kib_are_431_with_the_target_counted_in() {
    let server = Server::new();
    let admin = server.admin();
    let large = "x".repeat(MAX_HEADER_BYTES);
    let request = with_token(Method::GET, "/me", &admin).header("x-large", &large);
    let response = server.send(request, Body::empty()).await;
    assert_eq!(response.problem(431), "headers_too_large");
    let path = format!("/me?{large}");
    assert_eq!(
        server.get(&path, &admin).await.problem(431),
        "headers_too_large"
    );
    let many = |count: usize| {
        let request = with_token(Method::GET, "/me", &admin);
        // The others are the token and the host.
        (2..count).fold(request, |request, _| request.header("x-many", "x"))
    };
    let response = server.send(many(101), Body::empty()).await;
    assert_eq!(response.problem(431), "headers_too_large");
    assert_eq!(server.send(many(100), Body::empty()).await.status, 200);
    let request = with_token(Method::GET, "/me", &admin).header("x-fits", &large[..8192]);
    assert_eq!(server.send(request, Body::empty()).await.status, 200);
}
