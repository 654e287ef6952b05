use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
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
    routes: Arc<RwLock<HashMap<Arc<str>, Histogram>>>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    pub(in crate::server) in_progress: Gauge,
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
            routes: Arc::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS)),
            in_progress: Gauge::default(),
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
        let route = self.time(route.unwrap_or(UNMATCHED), took);
        let labels = ResponseLabels {
            route,
            method: common(method).unwrap_or("other"),
            status: status.as_u16(),
        };
        self.responses.get_or_create(&labels).inc();
    }

    /// Adds the duration to the route's histogram. Returns the label, allocated once per route
    /// instead of once per request.
    fn time(&self, route: &str, took: Duration) -> Arc<str> {
        let seconds = took.as_secs_f64();
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((label, histogram)) = routes.get_key_value(route) {
            histogram.observe(seconds);
            return label.clone();
        }
        drop(routes);
        let label: Arc<str> = route.into();
        let histogram = self.durations.get_or_create_owned(&Route {
            route: label.clone(),
        });
        histogram.observe(seconds);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.entry(label.clone()).or_insert(histogram);
        label
    }
}
