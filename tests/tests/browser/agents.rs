//! A user's work with agents: a run started, an item claimed and completed, and the run ended.

use serde_json::json;

use super::accessibility::overflow;
use super::driver::Browser;
use super::sample::{PASSWORD, Sample, text};

/// Follows the workflow with clicks alone.
fn half_hour(sample: &Sample, browser: &Browser) {
    let http = &sample.server.http;
    browser.open("/settings/agent-runs/new?item=WEB-1");
    browser.fill("agent", "helper-1");
    browser.choose("time", "900");
    browser.click("main .form button[type='submit']");
    let secret = browser.value("#secret");
    assert!(secret.starts_with("oi_run_"));
    assert!(!browser.path().contains("oi_run_"));
    // The agent uses the token from the page.
    let claimed = http.post("/browse/WEB-1/claim", &secret, &json!({}));
    assert_eq!(claimed.status, 200, "{claimed:?}");
    browser.click("main p a.button");
    browser.click("main a[href$='/work/WEB-1'].strong");
    let page = browser.text("main");
    assert!(
        page.contains("Agent helper-1 in this run on your behalf"),
        "{page}"
    );

    browser.open("/work/queue");
    browser.click("main form[action$='/work/OPS-2/claim'] button");
    browser.text("main .banner.good");
    assert!(browser.path().ends_with("/work/OPS-2"));
    browser.click("main form[action$='/complete'] button");
    browser.text("main .banner.good");
    let item = http.get("/browse/OPS-2", &sample.admin.token).json();
    assert_eq!(item["status"], "done");

    browser.open("/settings/agent-runs?agent=helper-1");
    browser.click("main td a.danger");
    browser.click("main form button.danger");
    browser.text("main .banner.good");
    assert_eq!(http.get("/browse/queue", &secret).status, 401);
    let item = http.get("/browse/WEB-1", &sample.admin.token).json();
    assert_eq!(item["claim"], json!(null), "what it claimed is free again");
}

#[test]
fn a_run_is_started_an_item_claimed_and_completed_and_the_run_ended() {
    let sample = Sample::new();
    half_hour(&sample, &sample.browser);
}

#[test]
fn agent_pages_work_without_javascript() {
    let sample = Sample::new();
    sample.browser.without_javascript();
    half_hour(&sample, &sample.browser);
}

#[test]
fn a_run_can_be_started_by_keyboard() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/settings/agent-runs/new");
    // The agent ID has the focus; Enter in a field sends the form.
    browser.keys("keys-1\u{e007}");
    browser.wait_for_heading("Agent run started");
    browser.open("/settings/agent-runs?agent=keys-1");
    assert!(browser.text("main table").contains("keys-1"));
}

#[test]
fn a_conflicting_edit_is_shown_and_can_be_saved_again() {
    let sample = Sample::new();
    let (browser, http) = (&sample.browser, &sample.server.http);
    browser.open("/work/OPS-1/edit");
    browser.fill("title", "What I typed");
    let patch = json!({"title": "What they saved"}).to_string();
    let bearer = format!("Bearer {}", sample.admin.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    assert_eq!(
        http.send("PATCH", "/browse/OPS-1", &headers, Some(&patch))
            .status,
        200
    );
    browser.click("main .form button[type='submit']");
    browser.wait("the other text", || {
        browser.text("main").contains("What they saved")
    });
    assert_eq!(browser.value("#title"), "What I typed");
    browser.press("Save my version");
    browser.wait_for_heading("What I typed");
    let item = http.get("/browse/OPS-1", &sample.admin.token).json();
    assert_eq!(text(&item["title"]), "What I typed");
}

#[test]
fn no_page_of_runs_or_work_is_wider_than_its_window() {
    let sample = Sample::new();
    let browser = &sample.browser;
    for width in [320, 390, 600, 768, 1024, 1248, 1280] {
        browser.set_width(width);
        for (name, path) in sample.pages() {
            if name.starts_with("agent-run") || name.starts_with("work") {
                browser.open(&path);
                assert_eq!(overflow(browser), 0, "{name} at {width} px");
            }
        }
    }
}

#[test]
fn a_session_that_ended_leads_back_to_the_item() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/work/OPS-1");
    browser.press("Sign out");
    browser.wait_for_heading("Sign in");
    browser.open("/work/OPS-1");
    browser.wait_for_heading("Sign in");
    let email = text(&sample.server.http.get("/me", &sample.admin.token).json()["user"]["email"]);
    browser.fill("email", &email);
    browser.fill("password", PASSWORD);
    browser.press("Sign in");
    browser.wait("the item", || browser.path() == "/work/OPS-1");
}
