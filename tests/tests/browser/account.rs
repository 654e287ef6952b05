//! The account pages and the API reference, on a phone and on a wide screen.

use serde_json::json;

use super::accessibility::overflow;
use super::driver::Browser;
use super::sample::Sample;

fn is_visible(browser: &Browser, selector: &str) -> bool {
    let script = "return document.querySelector(arguments[0]).checkVisibility();";
    browser.script(script, &json!([selector])) == true
}

#[test]
fn a_name_change_appears_in_the_activity() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/settings/account");
    assert!(browser.text("main").contains("from 127.0.0.1"));
    let clear = "document.querySelector('[name=name]').value = '';";
    browser.script(clear, &json!([]));
    browser.fill("name", "Ada King");
    browser.press("Change name");
    browser.wait("the name", || {
        browser.text("main").contains("Your name is now Ada King.")
    });
    assert_eq!(browser.text(".who"), "Ada King");
    browser.press("View activity");
    browser.wait_for_heading("Activity");
    assert!(browser.text("main").contains("Name changed"));
}

#[test]
fn the_well_known_password_url_leads_to_the_form() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.open("/.well-known/change-password");
    browser.wait_for_heading("Account");
    for field in ["#current", "#password"] {
        let is_in_view = "
            const box = document.querySelector(arguments[0]).getBoundingClientRect();
            return box.top >= 0 && box.bottom <= window.innerHeight;";
        browser.wait(field, || {
            browser.script(is_in_view, &json!([field])) == true
        });
    }
}

#[test]
fn account_and_reference_fit_every_width() {
    let sample = Sample::new();
    for path in ["/settings/account", "/settings/account/activity", "/docs"] {
        for width in [320, 480, 768, 960, 1024, 1280] {
            sample.browser.set_width(width);
            sample.browser.open(path);
            assert_eq!(overflow(&sample.browser), 0, "{path} at {width} px");
        }
    }
}

#[test]
fn the_contents_of_the_reference_stay_in_view_and_open_on_a_phone() {
    let sample = Sample::new();
    let browser = sample.stranger();
    browser.without_javascript();
    browser.set_width(1280);
    browser.open("/docs#type-WorkItem");
    assert!(is_visible(&browser, ".docs-nav a"));
    let top = "return document.querySelector('.docs-nav').getBoundingClientRect().top;";
    let top = browser.script(top, &json!([])).as_f64().expect("a number");
    assert!((0.0..50.0).contains(&top), "{top}");
    browser.set_width(320);
    browser.open("/docs");
    assert!(!is_visible(&browser, ".docs-nav"));
    assert!(!is_visible(&browser, ".docs-contents a"));
    browser.click(".docs-contents summary");
    assert!(is_visible(&browser, ".docs-contents a"));
    browser.click(".docs-contents a[href='#createPat']");
    let target = "return document.querySelector(':target').id;";
    browser.wait("the operation", || {
        browser.script(target, &json!([])) == "createPat"
    });
}
