//! A response that does not arrive: the form is stopped and sent again.

use std::time::Duration;

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

use super::driver::Browser;
use super::holding::Holding;
use super::sample::{PASSWORD, text};

#[test]
fn a_stopped_form_can_be_sent_again_and_reports_the_first_attempt() {
    let proxy = Holding::new();
    let database = Database::new(Kind::Sqlite);
    let server = Server::start_with(&database, &["--public-url", &proxy.url]);
    let proxy = proxy.serve(&server.address);
    let admin = Server::bootstrap(&database);
    let link = format!("/admin/users/{}/sign-in-link", admin.user_id());
    for is_escape in [false, true] {
        let link = server.http.post(&link, &admin.token, &json!({})).json();
        let browser = Browser::impatient(&server.url);
        browser.open(&text(&link["url"]));
        browser.fill("password", PASSWORD);
        browser.click("main button[type='submit']");
        browser.wait_for_heading("Personal access tokens");
        browser.open("/settings/tokens/new");
        browser.wait_for_heading("Create token");
        browser.fill("name", "laptop");
        let held = proxy.hold_next();
        // Pressing twice sends the form once. No script can run while a response is pending.
        let send = "
            const form = document.querySelector('main .form');
            const button = form.querySelector('button[type=submit]');
            button.click();
            button.click();
            const looks = [form.getAttribute('aria-busy'), getComputedStyle(button).cursor];
            if (arguments[0]) dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
            return [...looks, form.hasAttribute('aria-busy')];";
        let looks = browser.script(send, &json!([is_escape]));
        assert_eq!(looks, json!(["true", "progress", !is_escape]));
        let arrived = held.recv_timeout(Duration::from_mins(1));
        arrived.expect("the server creates the token");
        browser.stop();
        browser.wait("the form to be ready again", || {
            let busy = "return document.querySelector('main .form').hasAttribute('aria-busy');";
            browser.script(busy, &json!([])) == false
        });
        assert!(
            browser
                .text("main .form")
                .contains("you can submit it again")
        );
        assert_eq!(browser.violations(), Vec::<String>::new());
        browser.click("main .form button[type='submit']");
        browser.wait_for_heading("Already created");
        let said = browser.text("main");
        assert!(said.contains("laptop"), "{said}");
        assert!(
            said.contains("delete the token and create another"),
            "{said}"
        );
        browser.click("main a.danger");
        browser.wait_for_heading("Delete token");
        browser.click("main form.buttons button[type='submit']");
        browser.wait_for_heading("Personal access tokens");
    }
    let list = server.http.get("/me/pats", &admin.token).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
}
