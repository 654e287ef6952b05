//! Errors that users meet: a session that ended, the target of a form opened again, and a sign-in
//! link that someone else used.

use serde_json::json;

use super::driver::Browser;
use super::sample::{PASSWORD, Sample, text};

const OTHER_PASSWORD: &str = "quite another set of words";

fn sign_in(browser: &Browser, email: &str, password: &str) {
    browser.fill("email", email);
    browser.fill("password", password);
    browser.click("main button[type='submit']");
}

/// The ID of the focused element.
fn focus(browser: &Browser) -> String {
    text(&browser.script("return document.activeElement.id;", &json!([])))
}

#[test]
fn entries_are_restored_after_the_session_was_ended_elsewhere() {
    for with_javascript in [true, false] {
        let sample = Sample::new();
        let browser = &sample.browser;
        if !with_javascript {
            browser.without_javascript();
        }
        browser.open("/settings/tokens/new");
        browser.fill("name", "nightly & weekly");
        browser.choose("expiry", "90");
        // In another browser, the same user signs out everywhere.
        let elsewhere = sample.stranger();
        elsewhere.open("/sign-in");
        sign_in(&elsewhere, "ada@example.com", PASSWORD);
        elsewhere.text("main table");
        elsewhere.open("/settings/account");
        elsewhere.click("main form[action$='/sign-out-everywhere'] button");
        elsewhere.wait_for_heading("Sign in");
        browser.click("main .form button[type='submit']");
        browser.text("main [name='next']");
        let said = browser.text("main");
        assert!(said.contains("so nothing was saved"), "{said}");
        assert!(!browser.path().contains("nightly"), "{}", browser.path());
        assert_eq!(browser.violations_if(with_javascript), Vec::<String>::new());
        sign_in(browser, "ada@example.com", PASSWORD);
        browser.text("main #name");
        let said = browser.text("main");
        assert!(said.contains("not processed"), "{said}");
        assert_eq!(browser.path(), "/settings/tokens/new");
        assert_eq!(browser.value("#name"), "nightly & weekly");
        assert_eq!(browser.value("#expiry"), "90");
        assert_eq!(browser.violations_if(with_javascript), Vec::<String>::new());
        browser.click("main .form button[type='submit']");
        assert!(browser.value("#secret").starts_with("oi_pat_"));
    }
}

#[test]
fn the_page_says_which_session_ended_and_where_sign_in_leads() {
    let sample = Sample::new();
    let stranger = sample.stranger();
    stranger.open("/settings/admin/users");
    assert!(stranger.text("main").contains("Sign in to open Users."));
    sign_in(&stranger, "ada@example.com", PASSWORD);
    stranger.text("main table");
    let browser = &sample.browser;
    browser.open("/settings/account");
    browser.click("main form[action$='/sign-out-everywhere'] button");
    browser.wait_for_heading("Sign in");
    stranger.open("/settings/account");
    let said = stranger.text("main");
    assert!(said.contains("Your session has ended."), "{said}");
    assert!(said.contains("Sign in to open Account."), "{said}");
    stranger.reload();
    let said = stranger.text("main");
    assert!(!said.contains("has ended"), "{said}");
}

#[test]
fn form_targets_in_the_history_open_pages_and_unknown_paths_keep_the_navigation() {
    let sample = Sample::new();
    let browser = &sample.browser;
    for (path, to) in [
        ("/sign-out", "/settings/tokens"),
        ("/settings/account/password", "/settings/account"),
        ("/settings/notices/dismiss", "/settings/tokens"),
    ] {
        browser.open(path);
        assert_eq!(browser.path(), to);
    }
    // After a wrong password, the address in the history is the form's target.
    browser.open("/settings/account");
    browser.fill("currentPassword", "wrong");
    browser.fill("password", OTHER_PASSWORD);
    browser.click("main form[action$='/password'] button[type='submit']");
    browser.text("#current-error");
    assert_eq!(focus(browser), "current");
    browser.open(&browser.path());
    assert_eq!(browser.path(), "/settings/account");
    for width in [320, 1280] {
        browser.set_width(width);
        for path in ["/foo", "/settings/nothing", "/tokens/"] {
            browser.open(path);
            browser.wait_for_heading("Page not found");
            assert!(browser.text("header").contains("Ada Lovelace"));
            if width == 320 {
                browser.click("button[popovertarget='menu']");
            }
            assert!(browser.text("nav").contains("Tokens"));
            let overflow = "const root = document.documentElement;
                return root.scrollWidth - root.clientWidth;";
            assert_eq!(browser.script(overflow, &json!([])), 0, "{path} at {width}");
            assert_eq!(browser.violations(), Vec::<String>::new(), "{path}");
        }
    }
    browser.press("Back to settings");
    browser.wait_for_heading("Personal access tokens");
}

#[test]
fn the_focus_goes_to_the_first_error_and_the_summary_leads_to_each() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/settings/tokens/new");
    // Bypasses the browser's own validation.
    let send = "
        const form = document.querySelector('main .form');
        form.noValidate = true;
        document.querySelector('#name').value = arguments[0];
        document.querySelector('#expiry-date').value = '2020-01-01';
        form.requestSubmit();";
    browser.script(send, &json!(["fine"]));
    browser.text("#expiry-date-error");
    assert_eq!(focus(browser), "expiry-date");
    assert_eq!(browser.value("#name"), "fine");
    browser.script(send, &json!([""]));
    browser.text("#name-error");
    assert_eq!(focus(browser), "name");
    let summary = "return [...document.querySelectorAll('.banner a')].map((a) => a.hash);";
    let links = browser.script(summary, &json!([]));
    assert_eq!(links, json!(["#name", "#expiry-date"]));
    browser.click(".banner a[href='#expiry-date']");
    assert_eq!(focus(browser), "expiry-date");
    assert_eq!(browser.violations(), Vec::<String>::new());
}

#[test]
fn a_user_sees_at_the_next_sign_in_that_a_sign_in_link_was_used() {
    let sample = Sample::new();
    let server = &sample.server;
    let user = server.join(&sample.admin.token, "grace.hopper@example.com");
    let link = || {
        let path = format!("/admin/users/{user}/sign-in-link");
        let link = server.http.post(&path, &sample.admin.token, &json!({}));
        text(&link.json()["url"])
    };
    let (thief, owner) = (sample.stranger(), sample.stranger());
    let open = |browser: &Browser, password: &str| {
        browser.open(&link());
        let said = browser.text("main .banner.warn");
        assert!(said.contains("This sets a new password for"), "{said}");
        assert!(said.contains("grace.hopper@example.com"), "{said}");
        browser.fill("password", password);
        browser.click("main button[type='submit']");
        browser.wait_for_heading("Personal access tokens");
    };
    open(&thief, OTHER_PASSWORD);
    assert!(!thief.text("main").contains("A sign-in link was used"));
    open(&owner, PASSWORD);
    let said = owner.text("main");
    assert!(
        said.contains("A sign-in link was used for your account"),
        "{said}"
    );
    assert!(said.contains("UTC"), "{said}");
    assert!(said.contains("from 127.0.0.1"), "{said}");
    assert_eq!(owner.violations(), Vec::<String>::new());
    // The other session has ended, and the page says so.
    thief.open("/settings/tokens");
    assert!(thief.text("main").contains("Your session has ended."));
    owner.click("main .banner form button");
    owner.wait("the notice to go", || {
        let shown = owner.script("return document.body?.innerText;", &json!([]));
        let shown = shown.as_str().unwrap_or("A sign-in link was used");
        shown.contains("Personal access tokens") && !shown.contains("A sign-in link was used")
    });
}
