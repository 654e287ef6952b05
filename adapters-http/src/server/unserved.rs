//! Responses to requests that reach no route: an unparsable head, or a connection over the limit.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use openindex_domain::audit::RequestId;
use openindex_domain::clock::Timestamp;
use openindex_domain::entropy::Entropy;

use super::head::headers_too_large;
use super::overload::overloaded;
use super::request_ids::new_id;
use super::{Code, HttpMetrics, Problem};

/// Builds those responses: problems with a request id, counted and logged like any other.
#[derive(Clone)]
pub struct Unserved {
    entropy: Arc<dyn Entropy>,
    metrics: Option<Arc<HttpMetrics>>,
}

impl Unserved {
    /// `metrics` is `None` for a listener whose requests are not counted.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>, metrics: Option<Arc<HttpMetrics>>) -> Self {
        Self { entropy, metrics }
    }

    /// Returns the complete response for a connection over the limit: write it and close, without
    /// reading a request.
    #[must_use]
    pub fn connection_limit_reached(&self) -> Vec<u8> {
        self.response(&overloaded(), None)
    }

    /// Returns the complete response to a client that speaks plain HTTP where TLS is required:
    /// write it and close, without reading a request.
    #[must_use]
    pub fn tls_required(&self, now: Timestamp) -> Vec<u8> {
        let problem = Problem::new(
            Code::InvalidRequest,
            "this port requires TLS; use an https:// URL",
        );
        let date = httpdate::fmt_http_date(now.to_datetime().into());
        self.response(&problem, Some(&format!("date: {date}")))
    }

    /// Returns the complete response that replaces `bare`, which the HTTP library wrote because it
    /// could not parse a request head.
    #[must_use]
    pub fn invalid_head(&self, bare: &[u8]) -> Vec<u8> {
        let bare = String::from_utf8_lossy(bare);
        let is_too_large = [
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            StatusCode::URI_TOO_LONG,
        ]
        .iter()
        .any(|status| bare.split(' ').nth(1) == Some(status.as_str()));
        let problem = if is_too_large {
            headers_too_large()
        } else {
            Problem::new(
                Code::InvalidRequest,
                "the request line or a header is not valid HTTP/1.1; percent-encode #, spaces and \
                 control characters in the target",
            )
        };
        self.response(&problem, Some(&bare))
    }

    /// The same for a head that did not arrive completely in time.
    #[must_use]
    pub fn head_too_slow(&self, bare: &[u8]) -> Vec<u8> {
        let problem = Problem::new(
            Code::RequestTimeout,
            "the request line and headers did not arrive in time; nothing was changed, so it is \
             safe to retry",
        );
        self.response(&problem, Some(&String::from_utf8_lossy(bare)))
    }

    fn response(&self, problem: &Problem, bare: Option<&str>) -> Vec<u8> {
        let status = problem.code().status();
        let id = new_id(&*self.entropy);
        let id = id.as_ref().map_or("-", RequestId::as_str);
        tracing::info_span!("request", id, method = "-").in_scope(|| {
            tracing::info!(route = "-", status = status.as_u16(), "request completed");
        });
        if let Some(metrics) = &self.metrics {
            // No method was read: CONNECT counts as `other`.
            let method = Method::CONNECT;
            metrics
                .requests
                .record_response(None, &method, status, Duration::ZERO);
        }
        let body = serde_json::to_string(&problem.body()).unwrap_or_default();
        let mut head = format!(
            "HTTP/1.1 {status}\r\n\
             content-type: application/problem+json\r\n\
             content-length: {}\r\n\
             cache-control: no-store\r\n\
             x-content-type-options: nosniff\r\n\
             x-request-id: {id}\r\n\
             connection: close\r\n",
            body.len()
        );
        if let Some(seconds) = problem.retry_after_seconds() {
            let _ = write!(head, "retry-after: {seconds}\r\n");
        }
        // RFC 9110 §6.6.1: a 4xx has a date, which only `bare` provides.
        let date = bare.and_then(|bare| bare.lines().find(|line| line.starts_with("date: ")));
        if let Some(date) = date {
            let _ = write!(head, "{date}\r\n");
        }
        format!("{head}\r\n{body}").into_bytes()
    }
}
