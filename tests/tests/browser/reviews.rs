//! Bulk revocation in two browsers: one lists, the other changes what matches.

use openindex_tests::Client;
use serde_json::{Value, json};

use super::accessibility::{assert_accessible, overflow};
use super::driver::Browser;
use super::sample::{PASSWORD, Sample, text};

const BULK: &str = "/settings/admin/tokens/revoke";

fn create(http: &Client, by: &str, name: &str) -> Value {
    let body = json!({"name": name, "scope": "read_write", "expiresAt": "2090-01-01"});
    let created = http.post("/me/pats", by, &body);
    assert_eq!(created.status, 201, "{created:?}");
    created.json()
}

/// Another browser where Ada is signed in.
fn another_session(sample: &Sample) -> Browser {
    let browser = sample.stranger();
    browser.open("/sign-in");
    browser.fill("email", "ada@example.com");
    browser.fill("password", PASSWORD);
    browser.press("Sign in");
    browser.wait_for_heading("Personal access tokens");
    browser
}

#[test]
fn a_list_changed_by_another_session_is_reviewed_again() {
    let sample = Sample::new();
    let (http, browser) = (&sample.server.http, &sample.browser);
    let (user, token) = sample
        .server
        .join_with_token(&sample.admin.token, "alan@example.com");
    let secrets: Vec<String> = (1..=3)
        .map(|number| text(&create(http, &token, &format!("listed {number}"))["token"]))
        .collect();
    let path = format!("{BULK}?user={user}&expiringBefore=2091-01-01");
    browser.open(&path);
    browser.wait_for_heading("Revoke 3 tokens");
    // The other session deletes one of them and creates another token.
    let other = another_session(&sample);
    other.open(&format!(
        "/settings/admin/tokens?user={user}&expiringBefore=2091-01-01"
    ));
    other.click("main td a.danger");
    other.click("main form button.danger");
    other.wait("the list", || other.text("main").contains("was revoked"));
    let unseen = text(&create(http, &token, "unseen")["token"]);
    browser.press("Revoke 3 tokens");
    browser.wait("the warning", || {
        let shown = browser.text("main");
        shown.contains("The list has changed since you opened it") && shown.contains("unseen")
    });
    let works = |secret: &String| http.get("/me", secret).status == 200;
    assert!(works(&unseen));
    assert_eq!(secrets.iter().filter(|secret| works(secret)).count(), 2);
    // After another review, these three are revoked.
    browser.press("Revoke 3 tokens");
    browser.wait("the list", || {
        browser.text("main").contains("3 tokens were revoked.")
    });
    let list = format!("/settings/admin/tokens?user={user}&expiringBefore=2091-01-01");
    assert_eq!(browser.path(), list);
    assert!(!works(&unseen) && !secrets.iter().any(works));
    assert_eq!(http.get("/me", &token).status, 200);
}

#[test]
fn hundreds_of_tokens_can_be_reviewed_without_javascript() {
    let sample = Sample::new();
    let (http, browser) = (&sample.server.http, another_session(&sample));
    for email in [
        "alan@example.com",
        "edsger@example.com",
        "barbara@example.com",
    ] {
        let (_, token) = sample.server.join_with_token(&sample.admin.token, email);
        for number in 1..=70 {
            create(http, &token, &format!("{} {number}", &email[..4]));
        }
    }
    let path = format!("{BULK}?expiringBefore=2091-01-01");
    let pages = [
        ("review", path.clone()),
        ("empty", format!("{BULK}?status=expired")),
    ];
    assert_accessible(&browser, &pages);
    for width in [320, 360, 768, 1280] {
        browser.set_width(width);
        for (name, path) in &pages {
            browser.open(path);
            assert_eq!(overflow(&browser), 0, "{name} at {width} px");
        }
    }
    browser.without_javascript();
    browser.open(&path);
    assert!(
        browser.text("main").contains("of 211"),
        "{}",
        browser.text("main")
    );
    assert!(browser.text("main").contains("Tokens 1 to 200 of 211"));
    browser.click("main nav.pages a[rel='next']");
    assert!(browser.text("main").contains("Tokens 201 to 211 of 211"));
    browser.click("main nav.pages a[rel='prev']");
    assert!(browser.text("main").contains("Tokens 1 to 200 of 211"));
    browser.click("main form button.danger");
    assert!(browser.text("main").contains("211 tokens were revoked."));
}
