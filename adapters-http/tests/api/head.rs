//! Request heads that a server must reject, whatever the route.

use axum::body::Body;
use http::request::Builder;
use http::{HeaderValue, Method, Request, Version, header};
use serde_json::json;

use crate::support::{Server, TestResponse, with_token};

const BODY: &str = r#"{"name": "ci", "scope": "read_write"}"#;

async fn as_is(server: &Server, request: Builder, body: Body) -> TestResponse {
    server
        .send_as_is(request.body(body).expect("a request"))
        .await
}

#[track_caller]
fn assert_last(response: &TestResponse, status: u16, code: &str) {
    assert_eq!(response.problem(status), code);
    assert_eq!(response.header("connection"), "close", "{response:?}");
    assert!(response.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn http_1_1_requires_exactly_one_valid_host() {
    let server = Server::new();
    let admin = server.admin();
    let me = || with_token(Method::GET, "/me", &admin);
    for request in [
        me(),
        me().header(header::HOST, "a.example")
            .header(header::HOST, "a.example"),
        me().header(header::HOST, ""),
        me().header(header::HOST, "user@a.example"),
        me().header(header::HOST, "a.example:99999"),
        me().header(header::HOST, "a b"),
        me().header(header::HOST, ".."),
        me().header(header::HOST, "a%zz"),
        me().header(header::HOST, "[::1"),
        // A valid host in the target does not excuse it (RFC 9112 §3.2).
        with_token(Method::GET, "http://a.example/me", &admin),
        with_token(Method::GET, "http://a.example/me", &admin).header(header::HOST, "a..b"),
        me().header(header::HOST, HeaderValue::from_bytes(b"\xff").unwrap()),
    ] {
        let response = as_is(&server, request, Body::empty()).await;
        assert_last(&response, 400, "invalid_request");
    }
    let old = || me().version(Version::HTTP_10);
    assert_eq!(as_is(&server, old(), Body::empty()).await.status, 200);
    let two = old().header(header::HOST, "a").header(header::HOST, "b");
    let response = as_is(&server, two, Body::empty()).await;
    assert_last(&response, 400, "invalid_request");
}

#[tokio::test]
async fn a_target_is_a_path_or_an_absolute_url_without_a_user() {
    let server = Server::new();
    let admin = server.admin();
    for (method, target, status) in [
        (Method::GET, "http://oi.example.com/me", 200),
        (Method::GET, "http://other.example:8080/me?", 200),
        (Method::GET, "http://user@oi.example.com/me", 400),
        (Method::GET, "http://user:password@oi.example.com/me", 400),
        (Method::GET, "https://oi.example.com./me", 200),
        (Method::GET, "HTTP://[::1]:8080/me", 200),
        (Method::GET, "ftp://oi.example.com/me", 400),
        (Method::GET, "ws://oi.example.com/me", 400),
        (Method::GET, "http://a..b/me", 400),
        (Method::GET, "http://a.example:99999/me", 400),
        (Method::GET, "/me\\", 400),
        (Method::GET, "/browse?q=a\\b", 400),
        (Method::GET, "/browse?q=\u{85}", 400),
        (Method::GET, "/me/%zz", 400),
        (Method::GET, "/browse?q=100%", 400),
        (Method::GET, "/browse?q=%2", 400),
        (Method::GET, "/browse?q=100%25", 200),
        (Method::GET, "/browse?q=größe|[x]", 200),
        (Method::GET, "oi.example.com:443", 400),
        (Method::GET, "*", 400),
        (Method::CONNECT, "oi.example.com:443", 501),
        (Method::TRACE, "/me", 405),
        (Method::GET, "/me/pats/%ff", 404),
        (Method::GET, "/browse?q=%ff", 400),
        (Method::GET, "/browse?q=%e2%82", 400),
        (Method::GET, "/browse?q=%e2%82%ac", 200),
    ] {
        let request = with_token(method.clone(), target, &admin);
        let response = server.send(request, Body::empty()).await;
        assert_eq!(response.status, status, "{method} {target} {response:?}");
        if status >= 400 {
            response.problem(status);
        }
        if status == 405 {
            assert_eq!(response.header("allow"), "GET,HEAD,PATCH");
        }
    }
}

#[tokio::test]
async fn the_host_of_an_absolute_target_counts_and_not_that_of_the_header() {
    let server = Server::at("http://127.0.0.1:8080");
    for (target, host, status) in [
        ("http://127.0.0.1:8080/sign-in", "evil.example", 200),
        ("http://evil.example/sign-in", "127.0.0.1:8080", 421),
    ] {
        let request = Request::get(target).header(header::HOST, host);
        let response = as_is(&server, request, Body::empty()).await;
        assert_eq!(response.status, status, "{target} {response:?}");
    }
}

#[tokio::test]
async fn a_body_in_a_content_coding_is_415_and_the_response_names_what_is_read() {
    let server = Server::new();
    let admin = server.admin();
    let create = |path: &str| {
        with_token(Method::POST, path, &admin).header(header::CONTENT_TYPE, "application/json")
    };
    for path in ["/me/pats", "/browse", "/credentials/revoke", "/sign-in"] {
        for coding in [
            "gzip",
            "br",
            "deflate",
            "zstd",
            "identity, gzip",
            "x",
            "aes128gcm",
        ] {
            let request = create(path).header(header::CONTENT_ENCODING, coding);
            let response = server.send(request, Body::from(BODY)).await;
            assert_last(&response, 415, "unsupported_media_type");
            assert_eq!(response.header("accept-encoding"), "identity");
        }
    }
    for coding in ["identity", "Identity", ""] {
        let request = create("/me/pats").header(header::CONTENT_ENCODING, coding);
        let response = server.send(request, Body::from(BODY)).await;
        assert_eq!(response.status, 201, "{response:?}");
    }
    // A request without a body has no coding.
    let request = with_token(Method::GET, "/me", &admin).header(header::CONTENT_ENCODING, "gzip");
    assert_eq!(server.send(request, Body::empty()).await.status, 200);
    let listed = server.get("/me/pats", &admin).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn what_a_server_does_not_implement_is_named() {
    let server = Server::new();
    let admin = server.admin();
    let create = || {
        with_token(Method::POST, "/me/pats", &admin)
            .header(header::CONTENT_TYPE, "application/json")
    };
    for (request, status, code) in [
        (
            create().header(header::TRANSFER_ENCODING, "gzip, chunked"),
            501,
            "not_implemented",
        ),
        (
            create().header(header::TRANSFER_ENCODING, "identity"),
            501,
            "not_implemented",
        ),
        (
            create().header(header::TRANSFER_ENCODING, "chunked, chunked"),
            400,
            "invalid_request",
        ),
        (
            create().header(header::CONTENT_TYPE, "text/plain"),
            400,
            "invalid_request",
        ),
        (
            create().header(header::EXPECT, "tea"),
            417,
            "expectation_failed",
        ),
        (
            create().header(header::EXPECT, "100-continue, tea"),
            417,
            "expectation_failed",
        ),
    ] {
        let response = server.send(request, Body::from(BODY)).await;
        assert_last(&response, status, code);
    }
    for request in [
        create().header(header::TRANSFER_ENCODING, "Chunked"),
        create().header(header::EXPECT, "100-Continue"),
        create()
            .header(header::EXPECT, "tea")
            .version(Version::HTTP_10),
    ] {
        let response = server.send(request, Body::from(BODY)).await;
        assert_eq!(response.status, 201, "{response:?}");
    }
}

#[tokio::test]
async fn an_unread_body_is_an_error_and_nothing_is_deleted() {
    let server = Server::new();
    let admin = server.admin();
    for (body, status) in [("{", 400), (r#"{"scope": "admin"}"#, 400), ("{}", 200)] {
        let request = with_token(Method::GET, "/me", &admin);
        let response = server.send(request, Body::from(body)).await;
        assert_eq!(response.status, status, "{body}");
    }
    // An unsupported method is reported first.
    let request = with_token(Method::DELETE, "/me/pats", &admin);
    let response = server.send(request, Body::from("{}")).await;
    assert_eq!(response.problem(405), "method_not_allowed");
    let created = json!({"name": "ci", "scope": "read_write"});
    let created = server.post("/me/pats", &admin, &created).await;
    let path = created.header("location").to_owned();
    let request = with_token(Method::DELETE, &path, &admin);
    let response = server
        .send(request, Body::from(r#"{"dryRun": true}"#))
        .await;
    assert_eq!(response.wrong_fields(), ["dryRun"]);
    assert_eq!(server.get(&path, &admin).await.status, 200);
    let request = with_token(Method::DELETE, &path, &admin).header(header::CONTENT_LENGTH, 0);
    assert_eq!(server.send(request, Body::empty()).await.status, 204);
}

#[tokio::test]
async fn an_error_of_a_page_is_a_problem_for_programs_and_a_page_for_browsers() {
    let server = Server::new();
    let large = "x".repeat(70_000);
    let form = "application/x-www-form-urlencoded";
    for (method, path, media, body, status, code, allow) in [
        (
            Method::POST,
            "/docs",
            form,
            "",
            405,
            "method_not_allowed",
            "GET,HEAD",
        ),
        (
            Method::DELETE,
            "/settings",
            form,
            "",
            405,
            "method_not_allowed",
            "GET,HEAD",
        ),
        (
            Method::PUT,
            "/settings/tokens/new",
            form,
            "",
            405,
            "method_not_allowed",
            "GET,HEAD,POST",
        ),
        (
            Method::PATCH,
            "/assets/style.css",
            form,
            "",
            405,
            "method_not_allowed",
            "GET,HEAD",
        ),
        (
            Method::PUT,
            "/sign-in",
            form,
            "",
            405,
            "method_not_allowed",
            "GET,HEAD,POST",
        ),
        (
            Method::GET,
            "/assets/style.css",
            form,
            "",
            404,
            "not_found",
            "",
        ),
        (
            Method::POST,
            "/sign-in",
            "text/plain",
            "x",
            415,
            "unsupported_media_type",
            "",
        ),
        (
            Method::POST,
            "/sign-in",
            form,
            "email=a&email=b",
            400,
            "invalid_request",
            "",
        ),
        (
            Method::POST,
            "/sign-in",
            form,
            &*large,
            413,
            "body_too_large",
            "",
        ),
    ] {
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/json, text/html;q=0.5",
            "text/html;q=0",
        ] {
            let mut request = Request::builder().method(&method).uri(path);
            if !accept.is_empty() {
                request = request.header(header::ACCEPT, accept);
            }
            let request = request
                .header(header::CONTENT_TYPE, media)
                .header("sec-fetch-site", "same-origin");
            let response = server.send(request, Body::from(body.to_owned())).await;
            assert_eq!(response.problem(status), code, "{method} {path} {accept}");
            assert_eq!(response.header("allow"), allow, "{method} {path} {accept}");
            assert!(response.header("x-request-id").starts_with("req_"));
        }
        if status == 413 {
            continue;
        }
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(header::CONTENT_TYPE, media)
            .header("sec-fetch-site", "same-origin");
        let response = server.send(request, Body::from(body.to_owned())).await;
        assert_eq!(response.status.as_u16(), status, "{method} {path}");
        assert_eq!(response.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(response.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_named_as_far_as_it_is_no_secret() {
    let detail = async |url: &str, path: &str| {
        let response = Server::at(url)
            .send(Request::get(path), Body::empty())
            .await;
        assert_eq!(response.problem(404), "not_found");
        response.json()["detail"].as_str().unwrap().to_owned()
    };
    let plain = detail("https://oi.example.com", "/x/me").await;
    assert!(plain.contains("no route matches GET /…/me;"), "{plain}");
    assert!(!plain.contains("proxy"), "{plain}");
    let kept = detail("https://example.com/oi", "/oi/me").await;
    assert!(kept.contains("no route matches GET /oi/me;"), "{kept}");
    assert!(
        kept.ends_with("the proxy that serves /oi must strip it from the path"),
        "{kept}"
    );
    let secret = detail(
        "https://oi.example.com",
        "/oi/sign-in/link/hunter2?code=hunter2",
    )
    .await;
    assert!(secret.contains("GET /…/sign-in/link/…;"), "{secret}");
    assert!(!secret.contains("hunter2"), "{secret}");
}

#[tokio::test]
async fn what_leaves_a_body_unread_is_the_last_response_of_its_connection() {
    let server = Server::new();
    let large = "x".repeat(70_000);
    let request = Request::post("/me/pats").header(header::CONTENT_LENGTH, large.len());
    let response = server.send(request, Body::from(large.clone())).await;
    assert_last(&response, 413, "body_too_large");
    let response = server
        .send(Request::post("/me/pats"), Body::from(large.clone()))
        .await;
    assert_last(&response, 413, "body_too_large");
    let request = Request::post("/me/pats").header("x-large", &large[..20_000]);
    let response = server.send(request, Body::from(BODY)).await;
    assert_last(&response, 431, "headers_too_large");
    // A rejection after the whole body was read keeps the connection open.
    let response = server
        .send(Request::post("/me/pats"), Body::from(BODY))
        .await;
    assert_eq!(response.problem(401), "authentication_required");
    assert_eq!(response.header("connection"), "");
}
