//! The Back and Reload buttons on pages that a form returned, and after it was accepted.

use openindex_tests::{Client, Database, Kind, Server};
use serde_json::{Value, json};

use super::driver::Browser;
use super::sample::{PASSWORD, Sample, invite, text};

/// Sends the page's form, bypassing the browser's own validation.
fn send(browser: &Browser, values: &Value) {
    let script = "
        const form = document.querySelector('main form[method=post]:not([action*=dismiss])');
        form.noValidate = true;
        for (const [name, value] of Object.entries(arguments[0])) form.elements[name].value = value;
        form.requestSubmit();";
    browser.script(script, &json!([values]));
}

fn create(http: &Client, by: &str, name: &str) {
    let body = json!({"name": name, "scope": "read_write"});
    assert_eq!(http.post("/me/pats", by, &body).status, 201);
}

#[test]
fn back_after_a_form_was_rejected_and_accepted_opens_the_form() {
    let sample = Sample::new();
    let browser = &sample.browser;
    for (path, rejected, error, accepted, then, heading) in [
        (
            "/settings/tokens/new",
            json!({"name": "laptop", "expiryDate": "2020-01-01"}),
            "#expiry-date-error",
            json!({"expiryDate": "2099-01-01"}),
            "Token created",
            "Create token",
        ),
        (
            "/work/new",
            json!({"domain": "not a domain", "title": "Fix it"}),
            "#domain-error",
            json!({"domain": "OPS"}),
            "Fix it",
            "Create work item",
        ),
        (
            "/settings/agent-runs/new",
            json!({"agent": "not an agent"}),
            "#agent-error",
            json!({"agent": "builder-7"}),
            "Agent run started",
            "Start agent run",
        ),
        (
            "/settings/account",
            json!({"name": " "}),
            "#name-error",
            json!({"name": "Ada King"}),
            "Account",
            "Account",
        ),
        (
            "/settings/admin/invites",
            json!({"email": "nobody"}),
            "#email-error",
            json!({"email": "eve@example.com"}),
            "Invite created",
            "Invites",
        ),
    ] {
        browser.open(path);
        send(browser, &rejected);
        browser.text(error);
        // Reloading sends the form again: it is rejected again, with its entries.
        browser.reload();
        browser.text(error);
        send(browser, &accepted);
        browser.wait_for_heading(then);
        browser.wait(then, || {
            let left = format!("return !document.querySelector('{error}');");
            browser.script(&left, &json!([])) == true
        });
        let copied = "
            document.querySelectorAll('[data-select]').forEach((one) => { one.dataset.copied = 'yes'; });";
        browser.script(copied, &json!([]));
        browser.back();
        browser.wait_for_heading(heading);
        browser.wait("the form", || {
            let blank = "return !document.querySelector('main [aria-invalid]');";
            browser.script(blank, &json!([])) == true
        });
        assert!(browser.path().starts_with(path), "{}", browser.path());
    }
}

#[test]
fn back_after_leaving_a_rejected_form_and_forward_to_it_ask_nothing() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/settings/tokens/new");
    send(
        browser,
        &json!({"name": "laptop", "expiryDate": "2020-01-01"}),
    );
    browser.text("#expiry-date-error");
    browser.open("/settings/account");
    browser.back();
    browser.wait_for_heading("Create token");
    send(
        browser,
        &json!({"name": "laptop", "expiryDate": "2020-01-01"}),
    );
    browser.text("#expiry-date-error");
    browser.back();
    browser.wait("the form", || {
        let blank = "return !document.querySelector('#expiry-date-error');";
        browser.script(blank, &json!([])) == true
    });
    browser.forward();
    browser.wait_for_heading("Create token");
}

#[test]
fn back_after_an_outdated_review_shows_the_same_filter() {
    let sample = Sample::new();
    let (http, browser) = (&sample.server.http, &sample.browser);
    let (user, token) = sample
        .server
        .join_with_token(&sample.admin.token, "alan@example.com");
    create(http, &token, "listed");
    let list = format!("/settings/admin/tokens?user={user}");
    browser.open(&format!("/settings/admin/tokens/revoke?user={user}"));
    browser.wait_for_heading("Revoke 2 tokens");
    create(http, &token, "unseen");
    browser.press("Revoke 2 tokens");
    browser.wait_for_heading("Revoke 3 tokens");
    browser.press("Revoke 3 tokens");
    browser.wait("the list", || browser.path() == list);
    browser.back();
    browser.wait_for_heading("Revoke tokens");
    assert!(browser.path().ends_with(&format!("?user={user}")));
    browser.press("Back to all tokens");
    browser.wait("the list", || browser.path() == list);
}

#[test]
fn back_to_a_used_invite_and_to_the_sign_in_form_opens_pages() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let invite = invite(&server.http, &admin.token, "grace@example.com");
    let browser = Browser::new(&server.url);
    browser.open(&text(&invite["url"]));
    send(
        &browser,
        &json!({"name": "Grace Hopper", "password": "short"}),
    );
    browser.text("#password-error");
    send(&browser, &json!({"password": PASSWORD}));
    browser.wait_for_heading("Personal access tokens");
    browser.back();
    browser.wait_for_heading("This invite has already been used");
    browser.open("/settings/tokens");
    browser.press("Sign out");
    browser.wait_for_heading("Sign in");
    send(
        &browser,
        &json!({"email": "grace@example.com", "password": "wrong"}),
    );
    browser.text("#sign-in-error");
    send(&browser, &json!({"password": PASSWORD}));
    browser.wait_for_heading("Personal access tokens");
    browser.back();
    browser.wait_for_heading("Personal access tokens");
}
