//! The list of the user's tokens: search, sort, status and paging.

use serde_json::{Value, json};

use super::driver::Browser;
use super::sample::Sample;

/// Creates tokens `bulk 00` to `bulk 51`. Later ones expire sooner.
fn fill(sample: &Sample) {
    for number in 0..52 {
        let expires = 10_000_000 - 86_400 * number;
        let body = json!({
            "name": format!("Bulk {number:02}"), "scope": "read_write", "expiresIn": expires,
        });
        let created = sample
            .server
            .http
            .post("/me/pats", &sample.admin.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
    }
}

/// The names in the list, in order.
fn names(browser: &Browser) -> Vec<String> {
    let script = "
        const names = document.querySelectorAll('main tbody th a');
        return [...names].map((name) => name.textContent);";
    let found = browser.script(script, &json!([]));
    let found = found.as_array().expect("a list").iter();
    found
        .map(|name| name.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Presses Tab until an element that matches the selector has the focus.
fn tab_to(browser: &Browser, selector: &str) {
    let script = "return document.activeElement.matches(arguments[0]);";
    for _ in 0..300 {
        if browser.script(script, &json!([selector])) == Value::Bool(true) {
            return;
        }
        browser.keys("\u{e004}");
    }
    panic!("Tab does not reach {selector} on {}", browser.path());
}

fn wait_for_path(browser: &Browser, part: &str) {
    browser.wait(part, || browser.path().contains(part));
    browser.wait_for_heading("Personal access tokens");
}

#[test]
fn search_sort_filters_and_paging_work_by_keyboard() {
    let sample = Sample::new();
    fill(&sample);
    let browser = &sample.browser;
    browser.open("/settings/tokens");
    assert_eq!(names(browser).len(), 50);
    tab_to(browser, "#search");
    browser.keys("bULK\u{e007}");
    wait_for_path(browser, "search=bULK");
    assert_eq!(names(browser)[0], "Bulk 51");
    tab_to(browser, "#sort");
    browser.keys("E");
    tab_to(browser, ".filters button");
    browser.keys("\u{e007}");
    wait_for_path(browser, "sort=expiry");
    assert_eq!(browser.value("#search"), "bULK");
    assert_eq!(browser.value("#sort"), "expiry");
    let first = names(browser);
    assert_eq!((first.len(), first[0].as_str()), (50, "Bulk 51"));
    tab_to(browser, "a[rel=next]");
    browser.keys("\u{e007}");
    wait_for_path(browser, "after=");
    assert_eq!(names(browser), ["Bulk 01", "Bulk 00"]);
    tab_to(browser, "main tbody th a");
    browser.keys("\u{e007}");
    browser.wait_for_heading("Bulk 01");
    tab_to(browser, ".head a.danger");
    browser.keys("\u{e007}");
    browser.wait_for_heading("Delete token");
    tab_to(browser, "button.danger.filled");
    browser.keys("\u{e007}");
    // Back to the same search, order and page.
    wait_for_path(browser, "after=");
    assert!(browser.path().contains("search=bULK"));
    assert_eq!(names(browser), ["Bulk 00"]);
    tab_to(browser, "a[rel=prev]");
    browser.keys("\u{e007}");
    wait_for_path(browser, "before=");
    assert_eq!(names(browser), first);
    browser.open("/settings/tokens?status=revoked&sort=name");
    assert_eq!(names(browser), ["Bulk 01", "old laptop"]);
    let text = browser.text("main");
    for reason in ["Deleted by you", "Reported as leaked"] {
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn search_and_paging_work_without_javascript() {
    let sample = Sample::new();
    fill(&sample);
    let browser = &sample.browser;
    browser.without_javascript();
    browser.open("/settings/tokens?sort=expiry");
    // WebDriver takes what is in a closed <details> for hidden.
    let open = "document.querySelector('details.more').open = true;";
    browser.script(open, &json!([]));
    browser.fill("search", "bulk");
    browser.choose("sort", "name");
    browser.click(".filters button");
    browser.wait("the search", || browser.path().contains("search=bulk"));
    assert!(browser.text("main tbody").contains("Bulk 00"));
    browser.click("a[rel=next]");
    browser.wait("the next page", || browser.path().contains("after="));
    assert!(browser.text("main tbody").contains("Bulk 51"));
    browser.click("a[rel=prev]");
    browser.wait("the page before", || browser.path().contains("before="));
    browser.click("main tbody th a");
    browser.wait("the token", || {
        browser.path().contains("/settings/tokens/pat_")
    });
    assert!(browser.text("main").contains("Secret ends with"));
}
