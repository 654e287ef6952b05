//! No client input causes a 5xx or a panic, and without a live token a guarded route always returns
//! a 4xx.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use openindex_domain::testing::fixtures;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Server, TestResponse};

fn run(server: &Server, request: Request<Body>) -> TestResponse {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(server.send_request(request))
}

/// Returns whether a path is public, or a page of the web interface, which redirects to sign-in.
fn is_open(path: &str) -> bool {
    let page = |first: &str| ["", "assets", "docs", "join", "settings", "sign-in"].contains(&first);
    [
        "/health",
        "/ready",
        "/openapi.json",
        "/.well-known/openindex.json",
    ]
    .contains(&path)
        || path.split('/').nth(1).is_some_and(page)
}

fn methods() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::GET),
        Just(Method::POST),
        Just(Method::DELETE),
        Just(Method::HEAD),
        Just(Method::PATCH),
        Just(Method::PUT),
        "[A-Z]{1,12}".prop_map(|name| Method::from_bytes(name.as_bytes()).expect("a method")),
    ]
}

fn paths() -> impl Strategy<Value = Uri> {
    let known = prop::sample::select(vec![
        "/me",
        "/me/pats",
        "/me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "/me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2/rotate",
        "/admin/users",
        "/agent-runs",
        "/agent-runs/run_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
        "/browse",
        "/browse/queue",
        "/browse/OPS-1",
        "/browse/OPS-2",
        "/browse/OPS-1/claim",
        "/browse/OPS-1/release",
        "/browse/OPS-1/complete",
        "/health",
        "/openapi.json",
    ]);
    let query = prop_oneof!["(\\?[a-z=&%0-9+]{0,40})?", queries()];
    prop_oneof![
        6 => (known, query).prop_map(|(path, query)| format!("{path}{query}")),
        1 => "/me/pats/[a-zA-Z0-9_%.-]{0,60}(/rotate)?",
        1 => "/agent-runs/[a-zA-Z0-9_%.-]{0,60}",
        2 => "/browse/([A-Z]{1,11}-[0-9]{1,11}(\\.[0-9]{1,11})?|[a-zA-Z0-9_%.-]{0,40})(/(claim|release|complete))?",
        1 => "/[!-~]{0,60}",
    ]
    .prop_filter_map("not a URI", |text| text.parse().ok())
}

/// Known parameters, with values that may be valid.
fn queries() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "domain",
        "kind",
        "status",
        "priority",
        "executionTarget",
        "assignee",
        "agentId",
        "parent",
        "q",
        "limit",
        "cursor",
        "includeEnded",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "OPS",
            "task",
            "todo,done",
            "high",
            "either",
            "me",
            "builder",
            "OPS-1",
            "true",
            "7",
            "1795500000000~OPS-2",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9,.~%+_-]{0,30}",
        "(%[0-9a-f]{2}){0,8}",
    ];
    vec((name, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("?{}", pairs.join("&"))
    })
}

fn headers() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    let name = prop_oneof![
        Just(http::header::AUTHORIZATION),
        Just(http::header::CONTENT_TYPE),
        Just(http::header::CONTENT_LENGTH),
        Just(http::header::COOKIE),
        Just(http::header::IF_MATCH),
        Just(HeaderName::from_static("x-request-id")),
        "[a-z][a-z0-9-]{0,20}".prop_filter_map("a name", |name| name.parse().ok()),
    ];
    let value = prop_oneof![
        vec(any::<u8>(), 0..80),
        "(?i)bearer (oi_(pat|run)_[A-Za-z0-9_-]{40,50}|.{0,40})".prop_map(String::into_bytes),
        Just(b"application/json".to_vec()),
        "(W/)?\"?[0-9a-z*]{0,20}\"?".prop_map(String::into_bytes),
    ]
    .prop_filter_map("a value", |bytes| HeaderValue::from_bytes(&bytes).ok());
    vec((name, value), 0..6)
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let field = prop::sample::select(vec![
        "name",
        "scope",
        "expiresAt",
        "overlapSeconds",
        "agentId",
        "workItemKey",
        "ttlSeconds",
        "domain",
        "kind",
        "parent",
        "title",
        "description",
        "status",
        "priority",
        "executionTarget",
        "assignee",
        "x",
    ]);
    let word = prop::sample::select(vec![
        "OPS", "OPS-1", "OPS-2.1", "task", "sub_task", "done", "todo", "low", "agent", "me",
        "builder",
    ]);
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("\"read_write\"".to_owned()),
        Just("\"admin\"".to_owned()),
        word.prop_map(|word| format!("\"{word}\"")),
        (0_u32..100_000).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        "[ -!#-~]{0,30}".prop_map(|text| serde_json::Value::from(text).to_string()),
        ".{0,20}".prop_map(|text| serde_json::Value::from(text).to_string()),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([+-][0-9]{2}:[0-9]{2}|Z))?"
            .prop_map(|text| format!("\"{text}\"")),
        Just("{\"a\": [1]}".to_owned()),
    ];
    let object = vec((field, value), 0..6).prop_map(|fields| {
        let fields: Vec<String> = fields
            .into_iter()
            .map(|(field, value)| format!("\"{field}\": {value}"))
            .collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    });
    prop_oneof![3 => object, 1 => vec(any::<u8>(), 0..300)]
}

proptest! {
    #[test]
    fn without_a_live_token_no_guarded_route_opens(
        method in methods(), uri in paths(), headers in headers(), body in bodies()
    ) {
        let server = Server::new();
        server.admin();
        let open = is_open(uri.path());
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        for (name, value) in headers {
            request.headers_mut().append(name, value);
        }
        let response = run(&server, request);
        prop_assert!(response.status.as_u16() < 500, "{:?}", response);
        prop_assert!(open || response.status.is_client_error(), "{:?}", response);
    }

    #[test]
    fn with_a_live_token_nothing_yields_a_5xx(
        method in methods(), uri in paths(), headers in headers(), body in bodies()
    ) {
        let server = Server::new();
        let admin = server.admin();
        for number in [1, 2] {
            server.store.put_work_item(fixtures::work_item(number));
        }
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        for (name, value) in headers {
            request.headers_mut().append(name, value);
        }
        let bearer = HeaderValue::from_str(&format!("Bearer {admin}")).expect("a value");
        request.headers_mut().insert(http::header::AUTHORIZATION, bearer);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(http::header::CONTENT_TYPE, json);
        let response = run(&server, request);
        prop_assert!(response.status.as_u16() < 500, "{:?}", response);
    }
}
