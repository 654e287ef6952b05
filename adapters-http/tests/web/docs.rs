//! The API reference.

use crate::support::{MEMBER, Page, Site};

/// The text of the page without its code examples.
fn outside_examples(page: &Page) -> String {
    let mut rest = page.text.as_str();
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once("<pre>") {
        text.push_str(before);
        rest = after.split_once("</pre>").expect("an end").1;
    }
    text + rest
}

#[tokio::test]
async fn every_operation_has_an_anchor_and_an_example_for_this_server() {
    let site = Site::at("https://example.com/oi").await;
    let page = site.get("/docs", "").await;
    let document = site.get("/openapi.json", "").await;
    let document: serde_json::Value = serde_json::from_str(&document.text).unwrap();
    let mut commands = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            page.shows(&format!("<article class=\"card operation\" id=\"{id}\""));
            // From both contents lists, and from its own heading.
            let links = page.text.matches(&format!("href=\"#{id}\"")).count();
            assert_eq!(links, 3, "{method} {path}");
            page.shows(&format!("<code data-operation=\"{id}\">curl "));
            commands += document["x-oi"][id].as_array().map_or(0, Vec::len);
        }
    }
    assert_eq!(
        page.text.matches("aria-label=\"oi\"><code>oi ").count(),
        commands
    );
    page.shows("curl https://example.com/oi/health</code>");
    page.shows("curl -X PATCH https://example.com/oi/me \\\n");
    page.shows("/oi/me/pats/pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2");
    page.shows("/oi/browse/OPS-42/claim");
    page.hides("curl -X POST https://example.com/oi/me/pats \\");
}

#[tokio::test]
async fn code_in_descriptions_is_shown_as_code() {
    let page = Site::new().await.get("/docs", "").await;
    let text = outside_examples(&page);
    assert!(!text.contains('`'), "{text}");
    page.shows("<code>ETag</code>");
    for heading in ["Account and tokens", "Health and discovery", "Work items"] {
        page.shows(&format!("\">{heading}</a></h2>"));
    }
    page.shows("<p>No authentication.</p>");
    page.hides("Needs ");
}

#[tokio::test]
async fn the_reference_says_who_is_signed_in() {
    let site = Site::new().await;
    let page = site.get("/docs", "").await;
    page.shows("href=\"/sign-in\">Sign in</a>");
    page.hides("Sign out");
    page.hides("aria-label=\"Settings\"");
    let cookie = site.sign_in(MEMBER).await;
    let page = site.get("/docs", &cookie).await;
    page.shows("<bdi>User 2</bdi>");
    page.shows("Sign out");
    page.shows("<a href=\"/settings/tokens\">Your tokens</a>");
    page.shows("aria-label=\"Settings\"");
    page.shows("<a href=\"/docs\" aria-current=\"page\">API reference</a>");
    page.hides("Sign in");
}
