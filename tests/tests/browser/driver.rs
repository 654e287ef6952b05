//! Headless Chromium, driven by WebDriver (W3C) over plain HTTP and JSON, and by the DevTools
//! commands that ChromeDriver passes on.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ureq::Agent;

const AXE: &str = include_str!("../../vendor/axe-core/axe.min.js");

/// The key of an element in WebDriver responses (W3C WebDriver §12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The timeout for a page to show something, far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The color scheme that the system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// A browser with its own profile, closed on drop.
pub(crate) struct Browser {
    driver: Child,
    agent: Agent,
    session: String,
    base: String,
}

impl Browser {
    /// Starts a browser for the server at `base`.
    pub(crate) fn new(base: &str) -> Self {
        Self::with(base, "normal")
    }

    /// Starts a browser that does not wait for pages to load, so that loading can be stopped.
    pub(crate) fn impatient(base: &str) -> Self {
        Self::with(base, "none")
    }

    fn with(base: &str, page_load_strategy: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs; scripts/test installs it (Debian: chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().expect("standard output")).lines();
        let port = lines
            .find_map(|line| {
                let line = line.ok()?;
                let (_, port) = line.rsplit_once("successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says its port");
        std::thread::spawn(move || for _ in lines {});
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_mins(2)))
            .build();
        let mut browser = Self {
            driver,
            agent: config.into(),
            session: format!("http://127.0.0.1:{port}/session"),
            base: base.to_owned(),
        };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--lang=en-US",
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "pageLoadStrategy": page_load_strategy,
        }}});
        let created = browser.command("POST", "", &wanted);
        let id = created["sessionId"].as_str().expect("a session");
        browser.session = format!("{}/{id}", browser.session);
        browser.set_width(1280);
        browser
    }

    /// Opens a path of the server, or a whole URL.
    pub(crate) fn open(&self, path: &str) {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// Reloads the page, resending the form that led to it.
    pub(crate) fn reload(&self) {
        self.command("POST", "/refresh", &json!({}));
    }

    /// Goes one page back.
    pub(crate) fn back(&self) {
        self.command("POST", "/back", &json!({}));
    }

    /// Goes one page forward.
    pub(crate) fn forward(&self) {
        self.command("POST", "/forward", &json!({}));
    }

    /// Returns the current path with its query.
    pub(crate) fn path(&self) -> String {
        let url = self.command("GET", "/url", &Value::Null);
        let url = url.as_str().expect("a URL");
        url.strip_prefix(&self.base).unwrap_or(url).to_owned()
    }

    /// Replaces the text of the field with this name.
    pub(crate) fn fill(&self, name: &str, text: &str) {
        let element = self.find(&format!("main [name='{name}']"));
        self.command("POST", &format!("/element/{element}/clear"), &json!({}));
        let path = format!("/element/{element}/value");
        self.command("POST", &path, &json!({ "text": text }));
    }

    /// Chooses an option of the select with this name.
    pub(crate) fn choose(&self, name: &str, value: &str) {
        self.click(&format!(
            "main select[name='{name}'] option[value='{value}']"
        ));
    }

    /// Waits for the first element that matches the selector, and clicks it.
    pub(crate) fn click(&self, selector: &str) {
        self.on(selector, "POST", "click", &json!({}));
    }

    /// Clicks the button or link with this text.
    pub(crate) fn press(&self, text: &str) {
        let script = "
            const wanted = arguments[0];
            const all = [...document.querySelectorAll('main button, main a, header button, header a, nav a')];
            const found = all.find((one) => one.textContent.trim() === wanted);
            if (!found) { return all.map((one) => one.textContent.trim()); }
            found.click();
            return true;";
        let pressed = self.script(script, &json!([text]));
        assert_eq!(
            pressed,
            true,
            "no button or link {text:?} on {}",
            self.path()
        );
    }

    /// Waits for an element and returns its text.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.on(selector, "GET", "text", &Value::Null);
        text.as_str().expect("text").to_owned()
    }

    /// Waits for a field and returns its value.
    pub(crate) fn value(&self, selector: &str) -> String {
        let value = self.on(selector, "GET", "property/value", &Value::Null);
        value.as_str().expect("text").to_owned()
    }

    /// Waits until the page has this heading.
    pub(crate) fn wait_for_heading(&self, heading: &str) {
        self.wait(&format!("the heading {heading:?}"), || {
            let script =
                "const h = document.querySelector('h1'); return h && h.textContent.trim();";
            self.script(script, &json!([])) == heading
        });
    }

    /// Runs a script in the page and returns its result.
    pub(crate) fn script(&self, script: &str, arguments: &Value) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.command("POST", "/execute/sync", &body)
    }

    /// Returns the violations that axe-core finds on the current page, one per line.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.script(AXE, &json!([]));
        let run = "
            const done = arguments[arguments.length - 1];
            axe.run(document, { resultTypes: ['violations'] }).then(
                (results) => done(results.violations.flatMap((violation) => violation.nodes.map(
                    (node) => `${violation.id}: ${violation.help}: ${node.html} (${node.failureSummary})`))),
                (error) => done([`axe failed: ${error}`]));";
        let body = json!({ "script": run, "args": [] });
        let found = self.command("POST", "/execute/async", &body);
        let found = found.as_array().expect("a list").iter();
        found
            .map(|violation| violation.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Returns the violations if scripts are enabled, and none otherwise.
    pub(crate) fn violations_if(&self, with_javascript: bool) -> Vec<String> {
        if with_javascript {
            self.violations()
        } else {
            Vec::new()
        }
    }

    /// Sets the preferred color scheme.
    pub(crate) fn prefer(&self, scheme: Scheme) {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
    }

    /// Sets the time zone, such as `America/New_York`.
    pub(crate) fn move_to(&self, zone: &str) {
        self.devtools(
            "Emulation.setTimezoneOverride",
            &json!({ "timezoneId": zone }),
        );
    }

    /// Stops loading, as the browser's Stop button does.
    pub(crate) fn stop(&self) {
        self.devtools("Page.stopLoading", &json!({}));
    }

    /// Sets the width of the window in CSS pixels; the height is 900.
    pub(crate) fn set_width(&self, width: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// Returns the page as a PNG, up to a height of 2,400 CSS pixels.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        let size = "
            const { clientWidth, scrollHeight } = document.documentElement;
            return { x: 0, y: 0, width: clientWidth, height: Math.min(scrollHeight, 2400), scale: 1 };";
        let clip = self.script(size, &json!([]));
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let response = self.devtools("Page.captureScreenshot", &wanted);
        let data = response["data"].as_str().expect("an image");
        STANDARD.decode(data).expect("base64")
    }

    /// Disables scripts.
    pub(crate) fn without_javascript(&self) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": true }),
        );
    }

    /// Presses keys one after the other, sent to the focused element. Special keys are in W3C
    /// WebDriver §17.4.2: `\u{e004}` is Tab, `\u{e007}` is Enter.
    pub(crate) fn keys(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                let key = key.to_string();
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }))
            })
            .collect();
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.command("POST", "/actions", &body);
    }

    /// Allows pages to read the clipboard.
    pub(crate) fn grant_clipboard(&self) {
        let permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"];
        let origin = &self.base;
        self.devtools(
            "Browser.grantPermissions",
            &json!({ "origin": origin, "permissions": permissions }),
        );
    }

    /// Returns the text in the clipboard.
    pub(crate) fn clipboard(&self) -> String {
        let read = "
            const done = arguments[arguments.length - 1];
            navigator.clipboard.readText().then(done, (error) => done(`failed: ${error}`));";
        let body = json!({ "script": read, "args": [] });
        let text = self.command("POST", "/execute/async", &body);
        text.as_str().expect("text").to_owned()
    }

    /// Waits until a condition is true.
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(
                Instant::now() < until,
                "timed out waiting for {what} on {}: {}",
                self.path(),
                self.script("return document.body.innerText;", &json!([]))
            );
            std::thread::yield_now();
        }
    }

    /// Waits for the first element that matches the selector, and acts on it. Retries on the next
    /// page if the browser left this one in between.
    fn on(&self, selector: &str, method: &str, what: &str, body: &Value) -> Value {
        loop {
            let element = self.find(selector);
            match self.try_command(method, &format!("/element/{element}/{what}"), body) {
                Ok(value) => return value,
                Err(error) if error["error"] == "stale element reference" => {}
                Err(error) => panic!("{method} {selector} {what}: {error}"),
            }
        }
    }

    /// Waits for the first element that matches the selector.
    fn find(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let until = Instant::now() + PATIENCE;
        loop {
            let response = self.try_command("POST", "/element", &wanted);
            if let Ok(found) = &response {
                return found[ELEMENT].as_str().expect("an element").to_owned();
            }
            assert!(
                Instant::now() < until,
                "no {selector} on {}: {response:?}",
                self.path()
            );
        }
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", &body)
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_command(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn try_command(&self, method: &str, path: &str, body: &Value) -> Result<Value, Value> {
        let url = format!("{}{path}", self.session);
        let mut response = match method {
            "GET" => self.agent.get(&url).call(),
            "DELETE" => self.agent.delete(&url).call(),
            _ => self
                .agent
                .post(&url)
                .header("content-type", "application/json")
                .send(body.to_string()),
        }
        .expect("a response of chromedriver");
        // A screenshot is large.
        let text = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string();
        let mut parsed: Value =
            serde_json::from_str(&text.expect("a response")).expect("a JSON response");
        let value = parsed["value"].take();
        if response.status().is_success() {
            Ok(value)
        } else {
            Err(value)
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
