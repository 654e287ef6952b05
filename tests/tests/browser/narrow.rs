//! Lists on laptops and phones.

use serde_json::json;

use super::accessibility::overflow;
use super::driver::{Browser, Scheme};
use super::sample::{PASSWORD, Sample};

const ENTER: &str = "\u{e007}";

const LISTS: [&str; 10] = [
    "/settings/tokens",
    "/settings/agent-runs?status=all",
    "/settings/account/activity",
    "/settings/admin/tokens",
    "/settings/admin/users",
    "/settings/admin/audit",
    "/settings/admin/invites",
    "/work?status=all",
    "/work/queue",
    "/work/queue?for=agents&agent=builder-7",
];

/// How far an element of the page reaches down from its top, in CSS pixels.
fn top(browser: &Browser, selector: &str) -> i64 {
    let script = "
        const found = document.querySelector(arguments[0]);
        return Math.round(found.getBoundingClientRect().top);";
    let top = browser.script(script, &json!([selector]));
    top.as_i64().expect("a number")
}

fn shows(browser: &Browser, selector: &str) -> bool {
    let script = "return document.querySelector(arguments[0]).checkVisibility(
        { contentVisibilityAuto: true, visibilityProperty: true });";
    browser.script(script, &json!([selector])) == true
}

fn with_long_names(sample: &Sample) {
    let (wide, long) = ("界".repeat(100), "W".repeat(100));
    let (http, by) = (&sample.server.http, &sample.admin.token);
    for name in [&wide, &long] {
        let body = json!({"name": name, "scope": "admin"});
        assert_eq!(http.post("/me/pats", by, &body).status, 201);
        let body = json!({"domain": "WEB", "title": name});
        assert_eq!(http.post("/browse", by, &body).status, 201);
    }
    let email = format!("{}@{}.example.com", "a".repeat(60), "b".repeat(60));
    let invite = super::sample::invite(http, by, &email);
    let stranger = sample.stranger();
    stranger.open(&super::sample::text(&invite["url"]));
    stranger.fill("name", &long);
    stranger.fill("password", PASSWORD);
    stranger.press("Create account");
    stranger.wait_for_heading("Personal access tokens");
}

#[test]
fn lists_are_tables_from_1024_px_on_and_fit_every_width() {
    let sample = Sample::new();
    with_long_names(&sample);
    let browser = &sample.browser;
    let display = "return getComputedStyle(document.querySelector('main table')).display;";
    let beyond = "
        const [main, table] = ['main', 'main table'].map((one) =>
            document.querySelector(one).getBoundingClientRect().right);
        return Math.max(0, Math.round(table - main));";
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.prefer(scheme);
        for path in LISTS {
            browser.open(path);
            for width in [320, 768, 1024, 1248, 1280, 1440] {
                browser.set_width(width);
                assert_eq!(overflow(browser), 0, "{path} at {width} px");
                let expected = if width < 1024 { "block" } else { "table" };
                let shown = browser.script(display, &json!([]));
                assert_eq!(shown, expected, "{path} at {width} px");
                assert_eq!(browser.script(beyond, &json!([])), 0, "{path} at {width}");
            }
        }
    }
}

#[test]
fn the_menu_of_a_phone_is_a_button_that_works_by_keyboard_without_javascript() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.press("Dismiss");
    browser.wait("the notice to go", || {
        browser.text("main").contains("Create token")
    });
    browser.set_width(320);
    browser.without_javascript();
    browser.open("/settings/admin/tokens");
    assert!(top(browser, "main h1") < 180, "the heading comes at once");
    assert!(!shows(browser, "nav.side a"));
    browser.script(
        "document.querySelector('.frame > .menu').focus();",
        &json!([]),
    );
    browser.keys(ENTER);
    browser.wait("the menu", || shows(browser, "nav.side a"));
    assert_eq!(browser.violations_if(false), Vec::<String>::new());
    assert_eq!(overflow(browser), 0);
    // Escape closes it, and the focus is on the button again.
    browser.keys("\u{e00c}");
    browser.wait("the menu to close", || !shows(browser, "nav.side a"));
    browser.keys(ENTER);
    browser.wait("the menu", || shows(browser, "nav.side a"));
    // The first link follows the button that closes the menu.
    browser.keys("\u{e004}\u{e004}");
    let focused = "return document.activeElement.textContent.trim();";
    assert_eq!(browser.script(focused, &json!([])), "Tokens");
    browser.keys(ENTER);
    browser.wait("the page", || browser.path() == "/settings/tokens");
    assert!(!shows(browser, "nav.side a"));
}

#[test]
fn the_filters_of_a_phone_are_one_field_and_the_number_of_others() {
    let sample = Sample::new();
    let browser = &sample.browser;
    browser.press("Dismiss");
    browser.wait("the notice to go", || {
        browser.text("main").contains("Create token")
    });
    browser.set_width(320);
    browser.without_javascript();
    for (list, search, other) in [
        ("/settings/tokens", "#search", "status=live"),
        ("/settings/agent-runs", "#agent", "status=all"),
        ("/settings/admin/tokens", "#search", "scope=admin"),
        ("/settings/admin/audit", "#actor", "action=token.created"),
        ("/work", "#q", "status=all"),
    ] {
        browser.open(list);
        assert!(top(browser, "main table") < 560, "{list}");
        assert!(shows(browser, search), "{list}");
        assert!(!shows(browser, "details.more .field"), "{list}");
        browser.script(
            "document.querySelector('details.more summary').focus();",
            &json!([]),
        );
        browser.keys(ENTER);
        browser.wait("the other filters", || {
            shows(browser, "details.more .field")
        });
        browser.open(&format!("{list}?{other}"));
        assert!(!shows(browser, "details.more .field"), "{list}?{other}");
        let summary = browser.text("details.more summary");
        assert_eq!(summary, "More filters (1)", "{list}?{other}");
        browser.set_width(1280);
        browser.open(list);
        assert!(shows(browser, "details.more .field"), "{list} at 1280 px");
        assert!(!shows(browser, "details.more summary"), "{list} at 1280 px");
        browser.set_width(320);
    }
    // An invalid filter has to be seen.
    browser.open("/settings/admin/tokens?unusedSince=yesterday");
    assert!(shows(browser, "#unused-since"));
}

#[test]
fn nothing_touches_in_a_card_that_opens_and_short_texts_stay_on_one_line() {
    let sample = Sample::new();
    let browser = &sample.browser;
    let http = &sample.server.http;
    let body = json!({"name": "the nightly export of the warehouse", "scope": "read_write"});
    assert_eq!(
        http.post("/me/pats", &sample.admin.token, &body).status,
        201
    );
    let gaps = "
        const card = document.querySelector('details.card');
        card.open = true;
        const boxes = [...card.querySelectorAll('summary, p:not(.sending), input, form, button')]
            .map((one) => one.getBoundingClientRect());
        return boxes.flatMap((one) => boxes.map((other) => other.top - one.bottom))
            .filter((gap) => gap > -1 && gap < 4);";
    let broken = "
        const one = document.querySelectorAll('td .scope, th code.hint');
        return [...one].filter((text) => text.getClientRects().length > 1
            || text.offsetHeight > 30).map((text) => text.textContent);";
    for width in [320, 1024, 1280] {
        browser.set_width(width);
        browser.open("/work/WEB-1");
        assert_eq!(browser.script(gaps, &json!([])), json!([]), "{width} px");
        for list in ["/settings/tokens", "/settings/admin/tokens"] {
            browser.open(list);
            let broken = browser.script(broken, &json!([]));
            assert_eq!(broken, json!([]), "{list} at {width} px");
        }
    }
}
