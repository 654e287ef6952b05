use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::server::method::common;

/// The label `route` of a request that matches no route.
const UNMATCHED: &str = "unmatched";

/// Histogram buckets in seconds, from an in-memory lookup to the request timeout.
const DURATION_BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];

/// Counts, durations and concurrency of requests.
#[derive(Debug, Clone)]
pub(in crate::server) struct RequestMetrics {
    responses: Family<ResponseLabels, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    pub(in crate::server) in_progress: Gauge,
    pub(in crate::server) limit: Gauge,
    pub(in crate::server) waiting: Gauge,
    pub(in crate::server) shed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseLabels {
    route: Arc<str>,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Arc<str>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self {
            responses: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS)),
            in_progress: Gauge::default(),
            limit: Gauge::default(),
            waiting: Gauge::default(),
            shed: Counter::default(),
        }
    }
}

impl RequestMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_requests",
            "Number of HTTP requests, by route, method and status",
            self.responses.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from receiving a request's head to sending the response's head",
            self.durations.clone(),
        );
        registry.register(
            "http_requests_in_progress",
            "Number of requests in progress, without probes",
            self.in_progress.clone(),
        );
        registry.register(
            "http_requests_in_progress_limit",
            "Maximum number of requests in progress",
            self.limit.clone(),
        );
        registry.register(
            "http_requests_waiting",
            "Number of requests waiting for a free slot",
            self.waiting.clone(),
        );
        registry.register(
            "http_requests_shed",
            "Number of requests rejected with 503 overloaded",
            self.shed.clone(),
        );
    }

    /// Counts a response. `route` is the pattern that matched.
    pub(in crate::server) fn record_response(
        &self,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        RouteMetrics::default().record(self, route, method, status, took);
    }
}

/// The metrics of one route, looked up by their labels once instead of once per request.
#[derive(Debug, Default)]
pub(in crate::server) struct RouteMetrics {
    duration: OnceLock<Histogram>,
    /// By method and status: one or two of each route.
    responses: RwLock<Vec<(&'static str, StatusCode, Counter)>>,
}

impl RouteMetrics {
    /// Counts a response. `route` is the pattern that matched, always the same one.
    pub(in crate::server) fn record(
        &self,
        all: &RequestMetrics,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let label = || -> Arc<str> { route.unwrap_or(UNMATCHED).into() };
        let duration = self.duration.get_or_init(|| {
            let labels = Route { route: label() };
            all.durations.get_or_create_owned(&labels)
        });
        duration.observe(took.as_secs_f64());
        let method = common(method).unwrap_or("other");
        let responses = self.responses.read();
        let responses = responses.unwrap_or_else(PoisonError::into_inner);
        let mut known = responses.iter();
        if let Some((.., count)) = known.find(|(its, code, _)| *its == method && *code == status) {
            count.inc();
            return;
        }
        drop(responses);
        let count = all.responses.get_or_create_owned(&ResponseLabels {
            route: label(),
            method,
            status: status.as_u16(),
        });
        count.inc();
        let responses = self.responses.write();
        let mut responses = responses.unwrap_or_else(PoisonError::into_inner);
        responses.push((method, status, count));
    }
}
