use std::io::BufRead;
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::HeaderMap;

/// A plain HTTP client that returns a response of any status.
#[derive(Clone)]
pub struct Client {
    base: String,
    agent: Agent,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub text: String,
}

impl Client {
    /// Creates a client for the server with this base URL.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Self {
            base: base.to_owned(),
            agent: config.into(),
        }
    }

    /// Sends a request with these headers and, if any, a body. Panics without a response.
    #[must_use]
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Response {
        self.try_send(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a request to a server that may be unreachable.
    ///
    /// # Errors
    ///
    /// [`ureq::Error`] if there was no response.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Result<Response, ureq::Error> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match body {
            Some(body) => self
                .agent
                .run(request.body(body.to_owned())?)
                .and_then(read),
            None => self.agent.run(request.body(())?).and_then(read),
        }
    }

    /// Sends a `GET` request with a bearer token.
    #[must_use]
    pub fn get(&self, path: &str, token: &str) -> Response {
        self.send("GET", path, &[bearer(token).as_header()], None)
    }

    /// Sends a `DELETE` request with a bearer token.
    #[must_use]
    pub fn delete(&self, path: &str, token: &str) -> Response {
        self.send("DELETE", path, &[bearer(token).as_header()], None)
    }

    /// Sends a `POST` request with a JSON body and a bearer token.
    #[must_use]
    pub fn post(&self, path: &str, token: &str, body: &Value) -> Response {
        let headers = [
            bearer(token).into_header(),
            ("content-type", "application/json".to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.send("POST", path, &headers, Some(&body.to_string()))
    }

    /// Invites a new member, claims the invite with a token, and returns the user's id and the
    /// token's secret.
    #[must_use]
    pub fn join_with_token(&self, admin: &str, email: &str) -> (String, String) {
        self.join_as("member", admin, email)
    }

    /// Invites a new user with this role as [`Self::join_with_token`] does.
    #[must_use]
    pub fn join_as(&self, role: &str, admin: &str, email: &str) -> (String, String) {
        let body = json!({ "email": email, "role": role });
        let invite = self.post("/admin/invites", admin, &body);
        assert_eq!(invite.status, 201, "{invite:?}");
        // grace@example.com gets the name Grace.
        let mut name = email.split('@').next().unwrap_or_default().to_owned();
        name[..1].make_ascii_uppercase();
        let body = json!({"code": invite.json()["code"], "name": name, "tokenName": "first"});
        let headers = [("content-type", "application/json")];
        let body = body.to_string();
        let claimed = self.send("POST", "/auth/invites/claim", &headers, Some(&body));
        assert_eq!(claimed.status, 201, "{claimed:?}");
        let claimed = claimed.json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&claimed["user"]["id"]), text(&claimed["token"]))
    }
}

struct Bearer(String);

fn bearer(token: &str) -> Bearer {
    Bearer(format!("Bearer {token}"))
}

impl Bearer {
    fn as_header(&self) -> (&str, &str) {
        ("authorization", &self.0)
    }

    fn into_header(self) -> (&'static str, String) {
        ("authorization", self.0)
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Response, ureq::Error> {
    let text = response.body_mut().read_to_string()?;
    Ok(Response {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text,
    })
}

impl Response {
    /// Parses the body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the id of the form on a page that creates something.
    #[must_use]
    pub fn form(&self) -> &str {
        let field = self.text.split_once("name=\"form\" value=\"");
        let id = field.and_then(|(_, rest)| rest.split_once('"'));
        id.unwrap_or_else(|| panic!("no form: {self:?}")).0
    }

    /// Returns the value of a header, or an empty string.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Returns the status and the problem's code, which is empty if the body is not a problem.
    #[must_use]
    pub fn outcome(&self) -> (u16, String) {
        let code = if self.header("content-type") == "application/problem+json" {
            self.json()["code"].as_str().unwrap_or("").to_owned()
        } else {
            String::new()
        };
        (self.status, code)
    }
}

/// Reads the next request of a connection: the lines of its head, and its body. `None` at the end.
pub fn read_request(mut reader: impl BufRead) -> Option<(Vec<String>, Vec<u8>)> {
    let lines = reader.by_ref().lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let length = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.parse().expect("a number"))
    });
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    (!head.is_empty()).then_some((head, body))
}
