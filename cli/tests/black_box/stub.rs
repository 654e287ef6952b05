//! A server that answers what a test tells it to, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `GET /me`
    pub(crate) what: String,
    /// The whole `Authorization` header.
    pub(crate) authorization: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) if_match: Option<String>,
    pub(crate) body: String,
}

/// What to answer to a method and a path.
type Answers = Vec<(&'static str, u16, String)>;

pub(crate) struct Stub {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// Answers each `METHOD path` with a status and a body; all else with 404. `BASE` in a body
    /// stands for the stub's own address.
    pub(crate) fn new(answers: &[(&'static str, u16, &str)]) -> Self {
        Self::start(answers, None, |_| {})
    }

    /// The same at a time of its own, as a `Date` header says it.
    pub(crate) fn at(date: &'static str, answers: &[(&'static str, u16, &str)]) -> Self {
        Self::start(answers, Some(date), |_| {})
    }

    /// The same; `seen` is told each `METHOD path` before it is answered.
    pub(crate) fn watched(
        answers: &[(&'static str, u16, &str)],
        seen: impl Fn(&str) + Send + 'static,
    ) -> Self {
        Self::start(answers, None, seen)
    }

    fn start(
        answers: &[(&'static str, u16, &str)],
        date: Option<&'static str>,
        watch: impl Fn(&str) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let answers: Answers = answers
            .iter()
            .map(|(what, status, body)| (*what, *status, body.replace("BASE", &url)))
            .collect();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let date = date.map_or_else(String::new, |date| format!("Date: {date}\r\n"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away early is not the stub's concern.
                let _ = serve(stream, &answers, &seen, &date, &watch);
            }
        });
        Self { url, asked }
    }

    /// Everything that was asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panicked").clone()
    }

    /// The body of what was asked last.
    pub(crate) fn last_body(&self) -> serde_json::Value {
        let asked = self.asked().pop().expect("something was asked");
        serde_json::from_str(&asked.body).expect("JSON")
    }

    /// Everything that was asked, as `METHOD path` alone.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }
}

fn serve(
    stream: TcpStream,
    answers: &Answers,
    seen: &Mutex<Vec<Asked>>,
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
    let mut asked = Asked {
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
            "authorization" => asked.authorization = Some(value.to_owned()),
            "user-agent" => asked.user_agent = Some(value.to_owned()),
            "if-match" => asked.if_match = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    let (_, status, body) = answers
        .iter()
        .find(|(what, ..)| *what == asked.what)
        .cloned()
        .unwrap_or(("", 404, problem(404, "not_found", "there is nothing here")));
    watch(&asked.what);
    seen.lock().expect("no test panicked").push(asked);
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

/// The body of a problem.
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

/// The answer with a new secret.
pub(crate) fn created(secret: &str) -> String {
    PAT.replacen('{', &format!(r#"{{"token":"{secret}","#), 1)
}

/// A user as an administrator sees them.
pub(crate) fn user(digit: u8, email: &str) -> serde_json::Value {
    serde_json::json!({
        "id": user_id(digit), "email": email, "name": "Ada", "role": "admin",
        "mixedScripts": [], "createdAt": "2026-11-01T00:00:00.000Z", "suspendedAt": null,
    })
}

pub(crate) fn user_id(digit: u8) -> String {
    format!("usr_0199f3a1c6d07c35b2f0e8a4d1c7b9e{digit}")
}

/// A page of a list.
pub(crate) fn page(items: &[serde_json::Value], next: Option<&str>) -> String {
    serde_json::json!({"items": items, "nextCursor": next}).to_string()
}

/// A work item without its description, as lists have it.
pub(crate) fn work_item_summary(key: &str) -> serde_json::Value {
    serde_json::json!({
        "key": key, "kind": "task", "parent": null, "title": "Mend it", "status": "todo",
        "priority": "medium", "executionTarget": "either", "assignee": null,
        "activeAgentId": null, "activeUserId": null, "activeRunId": null, "claimedAt": null,
        "createdBy": user_id(1),
        "createdAt": "2026-11-01T00:00:00.000Z", "updatedAt": "2026-11-01T00:00:00.000Z",
        "resolvedAt": null, "version": 1,
    })
}

/// A work item.
pub(crate) fn work_item(key: &str) -> serde_json::Value {
    let mut item = work_item_summary(key);
    item["description"] = "# Why\n".into();
    item
}

pub(crate) const RUN_ID: &str = "run_0199f3a1c6d07c35b2f0e8a4d1c7b9e3";

/// An agent run without its secret.
pub(crate) fn agent_run() -> serde_json::Value {
    serde_json::json!({
        "id": RUN_ID, "agentId": "builder-7", "workItemKey": "OPS-42", "scope": "read_write",
        "issuedBy": PAT_ID, "createdAt": "2026-11-01T00:00:00.000Z",
        "expiresAt": "2026-11-01T01:00:00.000Z", "endedAt": null, "lastUsedAt": null,
        "status": "live",
    })
}
