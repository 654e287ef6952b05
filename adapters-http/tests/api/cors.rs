//! CORS: scripts of other origins.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Request};
use openindex_adapters_http::server::LayerSettings;

use openindex_domain::testing::MemoryStore;

use crate::support::{Ports, Server, TestResponse};

const APP: &str = "https://app.example.com";

fn server() -> Server {
    let store = Arc::new(MemoryStore::default());
    let ports = Ports::of(&store);
    let layers = LayerSettings {
        cors_origins: vec![HeaderValue::from_static(APP)],
        ..LayerSettings::default()
    };
    Server::within(store, ports, layers)
}

async fn send(
    server: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request, Body::empty()).await
}

#[tokio::test]
async fn a_preflight_of_a_named_origin_passes_without_a_token() {
    let server = server();
    for (path, method) in [
        ("/me/pats", "POST"),
        ("/browse/OPS-1", "PATCH"),
        ("/me/token", "DELETE"),
    ] {
        let preflight = [
            ("origin", APP),
            ("access-control-request-method", method),
            (
                "access-control-request-headers",
                "authorization,content-type,if-match",
            ),
        ];
        let response = send(&server, Method::OPTIONS, path, &preflight).await;
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("access-control-allow-origin"), APP);
        assert!(
            response
                .header("access-control-allow-methods")
                .contains(method)
        );
        for header in ["authorization", "content-type", "if-match", "if-none-match"] {
            assert!(
                response
                    .header("access-control-allow-headers")
                    .contains(header)
            );
        }
        assert_eq!(response.header("access-control-allow-credentials"), "");
        assert!(response.header("vary").contains("origin"));
    }
}

#[tokio::test]
async fn responses_are_shared_with_named_origins_alone_errors_included() {
    let server = server();
    let exposed = [
        "etag",
        "location",
        "retry-after",
        "www-authenticate",
        "x-request-id",
    ];
    for (path, status) in [("/health", 200), ("/me", 401), ("/nothing", 404)] {
        let response = send(&server, Method::GET, path, &[("origin", APP)]).await;
        assert_eq!(response.status, status);
        assert_eq!(
            response.header("access-control-allow-origin"),
            APP,
            "{path}"
        );
        for header in exposed {
            assert!(
                response
                    .header("access-control-expose-headers")
                    .contains(header)
            );
        }
        for other in [
            "https://evil.example",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.example",
            "null",
            "",
        ] {
            let response = send(&server, Method::GET, path, &[("origin", other)]).await;
            assert_eq!(
                response.header("access-control-allow-origin"),
                "",
                "{other}"
            );
            assert!(response.header("vary").contains("origin"));
        }
        let twice = [("origin", APP), ("origin", APP)];
        let response = send(&server, Method::GET, path, &twice).await;
        assert_eq!(response.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn pages_are_never_shared_across_origins() {
    let server = server();
    for path in ["/", "/sign-in", "/settings/tokens", "/join/x", "/docs"] {
        for method in [Method::GET, Method::OPTIONS] {
            let headers = [("origin", APP), ("access-control-request-method", "POST")];
            let response = send(&server, method, path, &headers).await;
            assert_eq!(response.header("access-control-allow-origin"), "", "{path}");
        }
    }
}

#[tokio::test]
async fn without_the_setting_nothing_is_said() {
    let server = Server::new();
    let preflight = [("origin", APP), ("access-control-request-method", "POST")];
    for method in [Method::GET, Method::OPTIONS] {
        let response = send(&server, method, "/me/pats", &preflight).await;
        for (name, _) in &response.headers {
            assert!(!name.as_str().starts_with("access-control"), "{name}");
        }
    }
}
