//! Scripts of other origins that call the API.

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

use super::driver::Browser;

/// Calls the API from the current page and returns what the script received.
const CALL: &str = "
    const [url, token] = arguments;
    return fetch(url + '/browse', {
        method: 'POST',
        headers: {
            'Authorization': 'Bearer ' + token,
            'Content-Type': 'application/json',
            'X-Request-Id': '0af76519-16cd-43dd-8448-eb211c80319c',
        },
        body: JSON.stringify({domain: 'OPS', title: 'From a script'}),
    }).then(
        (response) => [response.status, response.headers.get('location'),
            response.headers.get('x-request-id')],
        () => ['blocked'],
    );";

#[test]
fn scripts_of_allowed_origins_alone_can_call_the_api() {
    let pages = Database::new(Kind::Sqlite);
    let pages = Server::start(&pages);
    let database = Database::new(Kind::Sqlite);
    let origins = format!("https://app.example.com,{}", pages.url);
    let open = Server::start_with(&database, &["--cors-origins", &origins]);
    let admin = Server::bootstrap(&database).token;
    let other = Database::new(Kind::Sqlite);
    let closed = Server::start(&other);
    let browser = Browser::new(&pages.url);
    browser.open("/health");
    let seen = browser.script(CALL, &json!([open.url, admin]));
    let id = "0af7651916cd43dd8448eb211c80319c";
    assert_eq!(seen, json!([201, "/browse/OPS-1", id]));
    let seen = browser.script(CALL, &json!([closed.url, admin]));
    assert_eq!(seen, json!(["blocked"]));
    // The script can read errors, too.
    let seen = browser.script(CALL, &json!([open.url, "oi_pat_x"]));
    assert_eq!(seen[0], json!(401));
    // No script can read pages.
    let read = "return fetch(arguments[0] + '/sign-in').then(() => 'read', () => 'blocked');";
    assert_eq!(browser.script(read, &json!([open.url])), json!("blocked"));
    // An origin that is not allowed.
    browser.open(&format!("{}/health", closed.url));
    let seen = browser.script(CALL, &json!([open.url, admin]));
    assert_eq!(seen, json!(["blocked"]));
}
