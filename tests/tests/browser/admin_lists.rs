//! The administrator's lists, by keyboard.

use serde_json::json;

use super::sample::Sample;

const ENTER: &str = "\u{e007}";

fn focus(sample: &Sample, selector: &str) {
    let script = "document.querySelector(arguments[0]).focus();";
    sample.browser.script(script, &json!([selector]));
}

#[test]
fn a_user_is_found_and_suspended_by_keyboard_and_the_search_remains() {
    let sample = Sample::new();
    let browser = &sample.browser;
    let by = &sample.admin.token;
    let _ = sample.server.join_with_token(by, "wanted@example.com");
    for with_javascript in [true, false] {
        if !with_javascript {
            browser.without_javascript();
        }
        browser.open("/settings/admin/users");
        focus(&sample, "#search");
        browser.keys("WANTED@");
        browser.keys(ENTER);
        browser.wait("the search", || browser.path().contains("search=WANTED"));
        assert_eq!(browser.value("#search"), "WANTED@");
        let rows = "return document.querySelectorAll('main tbody tr').length;";
        assert_eq!(browser.script(rows, &json!([])), 1);
        focus(&sample, "main thead a[href*='sort=name']");
        browser.keys(ENTER);
        browser.wait("the order", || browser.path().contains("sort=name"));
        assert!(browser.path().contains("search=WANTED"));
        let list = browser.path();
        focus(&sample, "main tbody th a");
        browser.keys(ENTER);
        browser.wait("the user", || browser.path().contains("/users/usr_"));
        if with_javascript {
            browser.click("main a[href*='/suspend']");
            browser.wait_for_heading("Suspend user");
            focus(&sample, "main form.buttons button");
            browser.keys(ENTER);
        } else {
            browser.click("main form[action$='/unsuspend'] button");
        }
        browser.wait("the list", || browser.path() == list);
        let done = browser.text("main .banner.good");
        assert!(
            done.contains("suspended") || done.contains("unsuspended"),
            "{done}"
        );
    }
}

#[test]
fn an_audit_entry_links_to_its_token_and_back() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/settings/admin/audit?action=token.created");
    focus(&sample, "main tbody a[href*='/admin/tokens/']");
    browser.keys(ENTER);
    browser.wait("the token", || {
        browser.path().contains("/admin/tokens/pat_")
    });
    let name = browser.text("main h1");
    focus(&sample, "main a[href*='/audit?subject=']");
    browser.keys(ENTER);
    browser.wait("its entries", || {
        browser.path().contains("/audit?subject=pat_")
    });
    assert!(browser.text("main table").contains(&name), "{name}");
    assert!(browser.text("main .exports").contains("Export CSV"));
}
