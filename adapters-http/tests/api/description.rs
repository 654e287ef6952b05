//! The description covers everything that the routes return: it is compared with every response in
//! these tests.

use std::sync::LazyLock;

use http::Method;
use serde_json::Value;

use crate::support::TestResponse;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::to_value(openindex_adapters_http::server::openapi()).expect("a description")
});

/// Returns the value, or what it references.
fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str().and_then(|to| to.strip_prefix('#')) {
        Some(pointer) => DOCUMENT.pointer(pointer).expect("what is referred to"),
        None => value,
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.as_str(), value))
}

fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    entries(&DOCUMENT["paths"])
        .flat_map(|(path, item)| entries(item).map(move |(method, value)| (path, method, value)))
}

/// Returns every response, resolved, with a label for failing tests.
fn responses() -> impl Iterator<Item = (String, &'static Value)> {
    operations().flat_map(|(path, method, operation)| {
        entries(&operation["responses"]).map(move |(status, response)| {
            (format!("{method} {path} {status}"), resolved(response))
        })
    })
}

/// Returns the operation for a request: of several matching paths, the one with the fewest
/// parameters.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let matches = |template: &str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template
                .zip(path)
                .all(|(wanted, given)| wanted.starts_with('{') || wanted == given)
    };
    let templates = entries(&DOCUMENT["paths"]).filter(|(template, _)| matches(template));
    let (_, item) = templates.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.as_str().to_lowercase())
}

/// Asserts that the description has this response to such a request, with its headers and, for a
/// problem, its code.
pub(crate) fn assert_described(method: &Method, path: &str, response: &TestResponse) {
    let Some(operation) = operation(method, path) else {
        return;
    };
    let what = format!("{method} {path}: {response:?}");
    // An instance without work items has no routes for them.
    if response.status == 404 && what.contains("no route matches") {
        return;
    }
    let described = &operation["responses"][response.status.as_str()];
    assert!(!described.is_null(), "not described: {what}");
    let described = resolved(described);
    for (name, header) in entries(&described["headers"]) {
        let is_required = resolved(header)["required"] == true;
        let is_sent = response.headers.contains_key(name);
        assert!(is_sent || !is_required, "no {name}: {what}");
    }
    for name in ["etag", "location", "retry-after", "www-authenticate"] {
        let is_described = entries(&described["headers"])
            .any(|(described, _)| described.eq_ignore_ascii_case(name));
        let is_sent = response.headers.contains_key(name);
        assert!(is_described || !is_sent, "{name} is not described: {what}");
    }
    let content_type = response.header("content-type");
    let content_type = content_type.split(';').next().unwrap_or_default();
    let contents = &described["content"];
    assert_eq!(contents.is_null(), content_type.is_empty(), "{what}");
    if !contents.is_null() {
        let content = &contents[content_type];
        assert!(!content.is_null(), "{content_type}: {what}");
        if content_type == "application/problem+json" {
            let codes = &content["schema"]["allOf"][1]["properties"]["code"]["enum"];
            let codes = codes.as_array().expect("codes");
            assert!(
                codes.contains(&response.json()["code"]),
                "{codes:?}: {what}"
            );
        }
    }
}

#[test]
fn every_response_names_its_request_and_every_body_has_an_example() {
    for (what, response) in responses() {
        assert!(!response["headers"]["X-Request-Id"].is_null(), "{what}");
        for (_, content) in entries(&response["content"]) {
            let mut examples = entries(&content["examples"]).map(|(_, example)| resolved(example));
            let is_whole = what.contains("/openapi.json");
            assert!(is_whole || examples.all(|example| !example["value"].is_null()));
            assert!(is_whole || !content["examples"].is_null(), "{what}");
        }
    }
    for (path, method, operation) in operations() {
        for (_, content) in entries(&operation["requestBody"]["content"]) {
            assert!(!content["examples"].is_null(), "{method} {path}");
        }
    }
}

#[test]
fn every_problem_is_described_by_its_codes_its_status_and_what_to_do() {
    let mut seen = 0;
    for (what, response) in responses() {
        let content = &response["content"]["application/problem+json"];
        if content.is_null() {
            let status: u16 = what
                .rsplit(' ')
                .next()
                .and_then(|s| s.parse().ok())
                .expect("one");
            assert!(status < 400, "{what}");
            continue;
        }
        seen += 1;
        let codes = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array();
        for code in codes.expect("codes") {
            let code = code.as_str().expect("a code");
            let example = resolved(&content["examples"][code]);
            assert_eq!(example["value"]["code"], code, "{what}");
            let status = example["value"]["status"].to_string();
            assert!(what.ends_with(&status), "{what}: {status}");
            let description = response["description"].as_str().expect("text");
            assert!(description.contains(&format!("`{code}`")), "{what}");
        }
        if what.ends_with("429") || what.ends_with("503") {
            assert!(!response["headers"]["Retry-After"].is_null(), "{what}");
        }
        if what.ends_with("401") {
            assert!(!response["headers"]["WWW-Authenticate"].is_null(), "{what}");
        }
    }
    assert!(seen > 200);
}

#[test]
fn a_kind_of_problem_that_several_routes_return_is_described_once() {
    let mut inline: Vec<String> = operations()
        .flat_map(|(.., operation)| entries(&operation["responses"]))
        .filter(|(status, response)| status.starts_with(['4', '5']) && response["$ref"].is_null())
        .map(|(_, response)| response.to_string())
        .collect();
    let all = inline.len();
    inline.sort();
    inline.dedup();
    assert_eq!(all, inline.len());
}
