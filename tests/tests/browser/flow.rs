//! The main workflow: an invite claimed, a sign-in, and a token created, copied, used and deleted.

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

use super::driver::Browser;
use super::sample::{PASSWORD, Sample, invite, text};

fn join(browser: &Browser, url: &str) {
    browser.open(url);
    browser.wait_for_heading("Join OpenIndex");
    browser.fill("name", "Grace Hopper");
    browser.fill("password", PASSWORD);
    browser.press("Create account");
    browser.wait_for_heading("Personal access tokens");
}

fn sign_in(browser: &Browser, email: &str, password: &str) {
    browser.open("/sign-in");
    browser.fill("email", email);
    browser.fill("password", password);
    browser.press("Sign in");
}

/// Sets a date like the date picker does: typing depends on the browser's language.
fn set_date(browser: &Browser, date: &str) {
    let script = "
        const field = document.querySelector('#expiry-date');
        field.value = arguments[0];
        field.dispatchEvent(new Event('input', { bubbles: true }));";
    browser.script(script, &json!([date]));
}

#[test]
fn from_the_invite_to_the_401() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let http = &server.http;
    let invite = invite(http, &admin.token, "grace@example.com");
    let browser = Browser::new(&server.url);
    browser.grant_clipboard();
    join(&browser, &text(&invite["url"]));

    browser.press("Sign out");
    browser.wait_for_heading("Sign in");
    sign_in(&browser, "grace@example.com", "not her password at all");
    browser.wait("a rejected sign-in", || {
        browser
            .text("main")
            .contains("Incorrect email address or password.")
            && browser.path() == "/sign-in"
    });
    sign_in(&browser, "GRACE@example.com", PASSWORD);
    browser.wait_for_heading("Personal access tokens");

    browser.press("Create token");
    browser.wait_for_heading("Create token");
    let admin_scope = "return document.querySelectorAll('input[value=admin]').length;";
    assert_eq!(
        browser.script(admin_scope, &json!([])),
        0,
        "a member is not offered the admin scope"
    );
    browser.fill("name", "my laptop");
    assert_eq!(browser.value("#expiry-date"), "", "the expiry is optional");
    assert_eq!(
        browser.value("#expiry"),
        "",
        "and nothing is chosen for anybody"
    );
    assert!(
        browser
            .text("main")
            .contains("it keeps working until someone notices")
    );
    // A preset and a date exclude each other.
    browser.choose("expiry", "90");
    assert!(!browser.text("main").contains("until someone notices"));
    set_date(&browser, "2099-12-31");
    assert_eq!(browser.value("#expiry"), "");
    browser.choose("expiry", "7");
    assert_eq!(browser.value("#expiry-date"), "");
    browser.choose("expiry", "");
    browser.press("Create token");
    assert!(browser.text("main").contains("never expires"));
    let secret = browser.value("#secret");
    assert!(secret.starts_with("oi_pat_"), "55 characters, shown once");
    assert!(!browser.path().contains(&secret));
    browser.click("[data-copy='secret']");
    browser.wait("the copy", || browser.clipboard() == secret);

    let me = http.get("/me", &secret).json();
    assert_eq!(me["user"]["name"], "Grace Hopper");
    assert_eq!(me["token"]["name"], "my laptop");

    browser.press("Done");
    browser.wait_for_heading("Personal access tokens");
    assert!(!browser.text("main").contains(&secret));
    browser.click("main td a.danger");
    browser.wait_for_heading("Delete token");
    browser.press("Delete token");
    browser.wait_for_heading("Personal access tokens");
    assert_eq!(
        http.get("/me", &secret).outcome(),
        (401, "token_revoked".to_owned())
    );
}

#[test]
fn everything_works_without_javascript() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let invite = invite(&server.http, &admin.token, "grace@example.com");
    let browser = Browser::new(&server.url);
    browser.without_javascript();
    browser.open(&text(&invite["url"]));
    browser.fill("name", "Grace Hopper");
    browser.fill("password", PASSWORD);
    browser.click("main form button[type='submit']");
    browser.click("main a[href$='/settings/tokens/new']");
    browser.fill("name", "plain");
    browser.click("main form button[type='submit']");
    let secret = browser.value("#secret");
    let me = server.http.get("/me", &secret).json();
    assert_eq!(me["token"]["expiresAt"], json!(null));
    browser.open("/settings/tokens");
    browser.click("main td a.danger");
    browser.click("main form button[type='submit']");
    browser.text("main .empty");
    assert_eq!(server.http.get("/me", &secret).status, 401);
}

#[test]
fn sign_in_and_skip_link_work_by_keyboard() {
    let sample = Sample::new();
    let browser = sample.stranger();
    browser.open("/sign-in");
    // The tab order is the address, the password, its "Show" button, and the submit button.
    browser.keys("ada@example.com\u{e004}");
    browser.keys(PASSWORD);
    browser.keys("\u{e007}");
    browser.wait_for_heading("Personal access tokens");
    browser.keys("\u{e004}\u{e007}");
    let focused = "return document.activeElement.id;";
    browser.wait("the skip link to work", || {
        browser.script(focused, &json!([])) == "content"
    });
}

#[test]
fn a_suspension_ends_the_session_in_the_browser() {
    let database = Database::new(Kind::Sqlite);
    let server = Server::start(&database);
    let admin = Server::bootstrap(&database);
    let invite = invite(&server.http, &admin.token, "grace@example.com");
    let browser = Browser::new(&server.url);
    join(&browser, &text(&invite["url"]));
    let users = server.http.get("/admin/users", &admin.token).json();
    let grace = users["items"][1]["id"].as_str().expect("an id");
    let path = format!("/admin/users/{grace}/suspend");
    let suspended = server.http.post(&path, &admin.token, &json!({}));
    assert_eq!(suspended.status, 200, "{suspended:?}");
    browser.open("/settings/tokens");
    browser.wait_for_heading("Sign in");
    sign_in(&browser, "grace@example.com", PASSWORD);
    browser.wait("the reason", || browser.text("main").contains("suspended"));
}

#[test]
fn a_deletion_is_confirmed_and_ends_the_session_in_the_browser() {
    let sample = Sample::new();
    let (_, token) = sample
        .server
        .join_with_token(&sample.admin.token, "gone@example.com");
    let browser = &sample.browser;
    browser.open("/settings/admin/users");
    let open = "const rows = [...document.querySelectorAll('main tr')]; \
                rows.find(row => row.textContent.includes('gone@example.com')) \
                .querySelector('a').click();";
    browser.script(open, &json!([]));
    browser.wait("the account", || {
        browser.text("main").contains("gone@example.com")
    });
    browser.click("main a[href$='/delete']");
    browser.wait_for_heading("Delete user");
    browser.press("Delete user");
    browser.wait("the list", || browser.text("main").contains("was deleted."));
    let response = sample.server.http.get("/me", &token);
    assert_eq!(response.outcome(), (401, "token_revoked".to_owned()));
}

#[test]
fn a_leaked_token_is_reported_until_it_is_dismissed() {
    let sample = Sample::new();
    let browser = &sample.browser;
    assert!(browser.text("main .banner.bad").contains("old laptop"));
    browser.press("Dismiss");
    browser.wait("the banner to go", || {
        let banners = "return document.querySelectorAll('main .banner.bad').length;";
        browser.script(banners, &json!([])) == 0
    });
}
