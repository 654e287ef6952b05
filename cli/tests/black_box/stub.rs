//! A stub server that returns configured responses and records the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// `GET /me`
    pub(crate) what: String,
    /// The whole `Authorization` header.
    pub(crate) authorization: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) body: String,
}

/// The responses by method and path.
type Responses = Vec<(&'static str, u16, String)>;

pub(crate) struct Stub {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Request>>>,
}

impl Stub {
    /// Returns a status and a body for each `METHOD path`, and 404 for all others. `BASE` in a body
    /// is replaced by the stub's URL.
    pub(crate) fn new(responses: &[(&'static str, u16, &str)]) -> Self {
        Self::start(responses, None, |_| {})
    }

    /// Creates a stub that sends a `Date` header.
    pub(crate) fn at(date: &'static str, responses: &[(&'static str, u16, &str)]) -> Self {
        Self::start(responses, Some(date), |_| {})
    }

    /// Creates a stub that calls `seen` with each `METHOD path` before it responds.
    pub(crate) fn watched(
        responses: &[(&'static str, u16, &str)],
        seen: impl Fn(&str) + Send + 'static,
    ) -> Self {
        Self::start(responses, None, seen)
    }

    fn start(
        responses: &[(&'static str, u16, &str)],
        date: Option<&'static str>,
        watch: impl Fn(&str) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let responses: Responses = responses
            .iter()
            .map(|(what, status, body)| (*what, *status, body.replace("BASE", &url)))
            .collect();
        let received = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&received);
        let date = date.map_or_else(String::new, |date| format!("Date: {date}\r\n"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client may close the connection early.
                let _ = serve(stream, &responses, &seen, &date, &watch);
            }
        });
        Self { url, received }
    }

    /// Returns all requests in order.
    pub(crate) fn received(&self) -> Vec<Request> {
        self.received.lock().expect("no test panicked").clone()
    }

    /// Returns the body of the last request.
    pub(crate) fn last_body(&self) -> serde_json::Value {
        let request = self.received().pop().expect("a request");
        serde_json::from_str(&request.body).expect("JSON")
    }

    /// Returns all requests as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.received()
            .into_iter()
            .map(|request| request.what)
            .collect()
    }
}

fn serve(
    stream: TcpStream,
    responses: &Responses,
    seen: &Mutex<Vec<Request>>,
    date: &str,
    watch: &dyn Fn(&str),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let what = line
        .rsplit_once(' ')
        .map_or("", |(what, _)| what)
        .to_owned();
    let mut request = Request {
        what,
        authorization: None,
        user_agent: None,
        if_match: None,
        body: String::new(),
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => request.authorization = Some(value.to_owned()),
            "user-agent" => request.user_agent = Some(value.to_owned()),
            "if-match" => request.if_match = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    let (_, status, body) = responses
        .iter()
        .find(|(what, ..)| *what == request.what)
        .cloned()
        .unwrap_or(("", 404, problem(404, "not_found", "there is nothing here")));
    watch(&request.what);
    seen.lock().expect("no test panicked").push(request);
    let extra = if matches!(status, 429 | 503) {
        "Retry-After: 7\r\n"
    } else {
        ""
    };
    write!(
        reader.get_mut(),
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         X-Request-Id: req-1\r\nLocation: http://elsewhere.example/\r\n{extra}{date}Connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Returns the body of a problem.
pub(crate) fn problem(status: u16, code: &str, detail: &str) -> String {
    serde_json::json!({
        "type": format!("urn:openindex:problem:{code}"), "title": "Title", "status": status,
        "detail": detail, "code": code, "nextCommand": "oi auth check",
    })
    .to_string()
}

pub(crate) const ME: &str = r#"{"user":{"id":"usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e2",
"email":"ada@example.com","name":"Ada","role":"admin"},"token":{
"id":"pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2","kind":"personal","name":"laptop","scope":"read_write",
"effectiveScope":"read_write","expiresAt":null}}"#;

/// The acting token as the list shows it.
pub(crate) const PAT: &str = r#"{"id":"pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2","name":"laptop",
"scope":"read_write","createdAt":"2026-11-01T00:00:00.000Z","expiresAt":null,"lastUsedAt":null,
"status":"live"}"#;

pub(crate) const PAT_ID: &str = "pat_0199f3a1c6d07c35b2f0e8a4d1c7b9e2";

/// Returns the response with a new secret.
pub(crate) fn created(secret: &str) -> String {
    PAT.replacen('{', &format!(r#"{{"token":"{secret}","#), 1)
}

/// Returns a user of the admin API.
pub(crate) fn user(digit: u8, email: &str) -> serde_json::Value {
    serde_json::json!({
        "id": user_id(digit), "email": email, "name": "Ada", "role": "admin",
        "mixedScripts": [], "createdAt": "2026-11-01T00:00:00.000Z", "suspendedAt": null,
    })
}

pub(crate) fn user_id(digit: u8) -> String {
    format!("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}")
}

/// Returns a page of a list.
pub(crate) fn page(items: &[serde_json::Value], next: Option<&str>) -> String {
    serde_json::json!({"items": items, "nextCursor": next}).to_string()
}

/// Returns a work item without its description, as in lists.
pub(crate) fn work_item_summary(key: &str) -> serde_json::Value {
    serde_json::json!({
        "key": key, "kind": "task", "parent": null, "title": "Fix it", "status": "todo",
        "priority": "medium", "executionTarget": "either", "assignee": null,
        "activeAgentId": null, "activeUserId": null, "activeRunId": null, "claimedAt": null,
        "createdBy": user_id(1),
        "createdAt": "2026-11-01T00:00:00.000Z", "updatedAt": "2026-11-01T00:00:00.000Z",
        "resolvedAt": null, "version": 1,
    })
}

/// Returns a work item.
pub(crate) fn work_item(key: &str) -> serde_json::Value {
    let mut item = work_item_summary(key);
    item["description"] = "# Why\n".into();
    item
}

pub(crate) const RUN_ID: &str = "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3";

/// Returns an agent run without its secret.
pub(crate) fn agent_run() -> serde_json::Value {
    serde_json::json!({
        "id": RUN_ID, "agentId": "builder-7", "workItemKey": "OPS-42", "scope": "read_write",
        "issuedBy": PAT_ID, "createdAt": "2026-11-01T00:00:00.000Z",
        "expiresAt": "2026-11-01T01:00:00.000Z", "endedAt": null, "lastUsedAt": null,
        "status": "live",
    })
}
