//! The limits of requests.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;

use super::spans::RequestSpans;

/// Maximum size of a request body in bytes: 64 KiB.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Maximum size of a form with a long text, such as a work item: 200 KiB. A description has at most
/// 32,000 bytes; when encoded, a letter takes three times its bytes and a line break six times.
pub const MAX_FORM_BYTES: usize = 200 * 1024;
/// Maximum size of a request's target and headers together, in bytes: 16 KiB.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Maximum number of headers of a request. HTTP/1.1 has this limit in hyper.
pub(super) const MAX_HEADERS: usize = 100;
/// Default maximum number of requests in progress: enough to saturate a database that is
/// milliseconds away, few enough that their memory stays in the CPU caches.
pub const DEFAULT_MAX_REQUESTS_IN_PROGRESS: usize = 256;

/// Limits that the middleware enforces.
#[derive(Debug, Clone)]
pub struct LayerSettings {
    /// How long a request body may take to arrive (then 408), and how long handling may take after
    /// that (then 503).
    pub request_timeout: Duration,
    /// Maximum number of requests in progress. Probes do not count, nor do requests whose body has
    /// not arrived.
    pub max_requests_in_progress: usize,
    /// How long a request waits for a free slot at that limit before it gets 503.
    pub overload_timeout: Duration,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose scripts may call the API, as browsers send them in `Origin`.
    pub cors_origins: Vec<HeaderValue>,
    /// What follows the spans of requests, such as an exporter of traces.
    pub spans: Option<Arc<dyn RequestSpans>>,
}

/// How many tokens of an introspection are verified together.
pub(super) const INTROSPECTED_AT_ONCE: usize = 256;

impl Default for LayerSettings {
    /// 30 seconds, [`DEFAULT_MAX_REQUESTS_IN_PROGRESS`], one second, and nothing else.
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            max_requests_in_progress: DEFAULT_MAX_REQUESTS_IN_PROGRESS,
            overload_timeout: Duration::from_secs(1),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            spans: None,
        }
    }
}
