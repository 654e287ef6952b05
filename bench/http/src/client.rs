//! A client that sends one request at a time on a persistent connection.

use std::net::SocketAddr;
use std::time::Duration;

use ureq::AsSendBody;
use ureq::http::Request;
use ureq::http::request::Builder;

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    agent: ureq::Agent,
}

impl Client {
    /// Creates a client, which connects with its first request.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)));
        Self {
            address,
            agent: config.build().into(),
        }
    }

    /// Sends a request without a body, and returns status and body of the response.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub fn send(&self, method: &str, path: &str, token: &str) -> anyhow::Result<(u16, String)> {
        self.run(self.request(method, path, token).body(())?)
    }

    /// Creates a token, and returns status and body of the response.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub fn create(&self, token: &str) -> anyhow::Result<(u16, String)> {
        let request = self.request("POST", "/me/pats", token);
        let request = request.header("content-type", "application/json");
        self.run(request.body(r#"{"name":"new","scope":"read_write"}"#)?)
    }

    fn request(&self, method: &str, path: &str, token: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {token}"))
    }

    fn run(&self, request: Request<impl AsSendBody>) -> anyhow::Result<(u16, String)> {
        let mut response = self.agent.run(request)?;
        let body = response.body_mut().read_to_string()?;
        Ok((response.status().as_u16(), body))
    }
}
