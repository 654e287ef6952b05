//! Metrics of requests and verifications, for the registry of the process.
//!
//! Every label has a small, fixed set of values: a route's pattern and never a path, a standard
//! method or `other`, a status, an outcome. No client input, id, name or secret can become a label
//! value, so clients cannot grow memory or the monitoring system.

mod requests;
mod verifications;

use prometheus_client::registry::Registry;

pub(super) use requests::{RequestMetrics, RouteMetrics};
pub(super) use verifications::VerificationMetrics;

/// Counters of requests and verifications, at zero by default. Recording takes at most a short
/// lock.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    pub(super) requests: RequestMetrics,
    pub(super) verifications: VerificationMetrics,
}

impl HttpMetrics {
    /// Exports these metrics through a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.requests.register(registry);
        self.verifications.register(registry);
    }
}
