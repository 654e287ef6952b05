//! Forms that create something, sent twice in the ways that browsers do.

use openindex_tests::{Database, Kind, Server};
use serde_json::json;

use super::driver::Browser;
use super::sample::{PASSWORD, invite, text};

pub(crate) struct Person {
    pub(crate) server: Server,
    pub(crate) browser: Browser,
    _database: Database,
}

impl Person {
    /// A user who has joined and is on the page of their tokens.
    pub(crate) fn new(with_javascript: bool) -> Self {
        let database = Database::new(Kind::Sqlite);
        let server = Server::start(&database);
        let admin = Server::bootstrap(&database);
        let invite = invite(&server.http, &admin.token, "grace@example.com");
        let browser = Browser::new(&server.url);
        if !with_javascript {
            browser.without_javascript();
        }
        browser.open(&text(&invite["url"]));
        browser.fill("name", "Grace Hopper");
        browser.fill("password", PASSWORD);
        browser.click("main form button[type='submit']");
        browser.text("main .empty");
        Self {
            server,
            browser,
            _database: database,
        }
    }

    /// Opens the form and fills it in.
    fn fill(&self) {
        self.browser.open("/settings/tokens/new");
        self.browser.fill("name", "laptop");
    }

    /// Creates a token and returns its secret.
    pub(crate) fn create(&self) -> String {
        self.fill();
        self.browser.click("main form button[type='submit']");
        self.browser.value("#secret")
    }

    /// The names of the user's tokens, from the API.
    #[track_caller]
    fn has_one_token(&self, secret: &str) {
        let list = self.server.http.get("/me/pats", secret).json();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    }
}

#[test]
fn a_reload_without_javascript_creates_nothing_and_says_so() {
    let person = Person::new(false);
    let secret = person.create();
    for _ in 0..2 {
        person.browser.reload();
        let shown = person.browser.text("main");
        assert!(shown.contains("Already created"), "{shown}");
        assert!(shown.contains("laptop"), "{shown}");
    }
    person.has_one_token(&secret);
    // The page links to delete the token whose value was not copied.
    person.browser.click("main a.danger");
    person.browser.click("main form button[type='submit']");
    person.browser.text("main .empty");
    assert_eq!(person.server.http.get("/me", &secret).status, 401);
}

#[test]
fn a_reload_with_javascript_leads_to_the_list() {
    let person = Person::new(true);
    let secret = person.create();
    person.browser.reload();
    person.browser.wait_for_heading("Personal access tokens");
    person.has_one_token(&secret);
}

#[test]
fn a_form_that_is_sent_twice_at_once_creates_one_token() {
    let person = Person::new(true);
    let secret = person.create();
    person.fill();
    // The second way bypasses the script's protection against double clicks.
    let script = "
        const form = document.querySelector('main form');
        form.requestSubmit();
        form.submit();";
    person.browser.script(script, &json!([]));
    let heading = || {
        let shown = person.browser.text("main");
        shown.contains("Token created") || shown.contains("Already created")
    };
    person.browser.wait("a response", heading);
    let list = person.server.http.get("/me/pats", &secret).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2), "{list}");
}

#[test]
fn a_step_back_and_the_same_form_again_creates_nothing() {
    let person = Person::new(false);
    person.fill();
    let form = person.browser.value("main [name='form']");
    person.browser.click("main form button[type='submit']");
    let secret = person.browser.value("#secret");
    person.browser.back();
    if person.browser.value("main [name='form']") == form {
        // If the browser reloads the page instead of restoring it, the form is a new one.
        person.browser.click("main form button[type='submit']");
        let shown = person.browser.text("main");
        assert!(shown.contains("Already created"), "{shown}");
    }
    person.has_one_token(&secret);
}

#[test]
fn two_tabs_are_two_forms() {
    let person = Person::new(false);
    let first = person.create();
    let second = person.create();
    let list = person.server.http.get("/me/pats", &first).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2), "{list}");
    assert_ne!(first, second);
}
