//! axe-core finds nothing on any page, light or dark; and no page is wider than a phone.

use serde_json::json;

use super::driver::{Browser, Scheme};
use super::sample::Sample;

pub(crate) fn assert_accessible(browser: &Browser, pages: &[(&str, String)]) {
    let mut found = vec![];
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.prefer(scheme);
        for (name, path) in pages {
            browser.open(path);
            for violation in browser.violations() {
                found.push(format!("{name} ({scheme:?}): {violation}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// How far a page can be scrolled sideways, in CSS pixels.
pub(crate) fn overflow(browser: &Browser) -> i64 {
    let script = "
        const root = document.documentElement;
        return root.scrollWidth - root.clientWidth;";
    browser
        .script(script, &json!([]))
        .as_i64()
        .expect("a number")
}

fn assert_narrow(browser: &Browser, pages: &[(&str, String)]) {
    browser.set_width(360);
    for (name, path) in pages {
        browser.open(path);
        assert_eq!(overflow(browser), 0, "{name} at 360 px");
    }
    browser.set_width(1280);
}

#[test]
fn axe_finds_no_violation_on_any_page_in_light_or_dark() {
    let sample = Sample::new();
    assert_accessible(&sample.browser, &sample.pages());
    let stranger = sample.stranger();
    assert_accessible(&stranger, &sample.public_pages());
}

#[test]
fn no_page_is_wider_than_a_phone() {
    let sample = Sample::new();
    assert_narrow(&sample.browser, &sample.pages());
    let stranger = sample.stranger();
    assert_narrow(&stranger, &sample.public_pages());
}

#[test]
fn hostile_names_are_escaped_on_every_page() {
    let sample = Sample::new();
    let wide = "界".repeat(100);
    let long = "W".repeat(100);
    let names = [
        "<script>document.title = 'owned'</script>",
        "<b>bold</b> & \"quoted\" 'too'",
        &wide,
        &long,
    ];
    for name in names {
        let body = json!({"name": name, "scope": "read_write"});
        let created = sample
            .server
            .http
            .post("/me/pats", &sample.admin.token, &body);
        assert_eq!(created.status, 201, "{created:?}");
    }
    for path in ["/settings/tokens", "/settings/admin/tokens"] {
        for width in [360, 1280] {
            sample.browser.set_width(width);
            sample.browser.open(path);
            assert_eq!(overflow(&sample.browser), 0, "{path} at {width} px");
            let text = sample.browser.text("main");
            for name in ["<script>", "<b>bold</b>"] {
                assert!(text.contains(name), "{name} is shown as text on {path}");
            }
            let title = sample.browser.script("return document.title;", &json!([]));
            assert!(title.as_str().expect("a title").ends_with("· OpenIndex"));
            let bold = "return document.querySelectorAll('main b, main script').length;";
            assert_eq!(sample.browser.script(bold, &json!([])), 0);
        }
    }
}
