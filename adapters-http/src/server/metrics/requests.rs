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

/// The label `route` of what no route wants, whatever was asked for.
const UNMATCHED: &str = "unmatched";

/// From what a lookup in memory takes to the time limit of a request, in seconds.
const DURATION_BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];

/// Requests: how many, how long, how many at once, and how many were turned away.
#[derive(Debug, Clone)]
pub(in crate::server) struct RequestMetrics {
    answered: Family<Answered, Counter>,
    routes: Arc<RwLock<HashMap<Arc<str>, Histogram>>>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    pub(in crate::server) in_progress: Gauge,
    pub(in crate::server) waiting: Gauge,
    pub(in crate::server) shed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: Arc<str>,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Arc<str>,
}

impl RequestMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            answered: Family::default(),
            routes: Arc::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS)),
            in_progress: Gauge::default(),
            waiting: Gauge::default(),
            shed: Counter::default(),
        };
        registry.register(
            "http_requests",
            "Requests that were answered, by the pattern of their route; 429 is a throttled attempt",
            metrics.answered.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "From a request's head to its answer's",
            metrics.durations.clone(),
        );
        registry.register(
            "http_requests_in_progress",
            "Requests that are being worked on; probes are not counted",
            metrics.in_progress.clone(),
        );
        registry.register(
            "http_requests_waiting",
            "Requests that wait until fewer are in progress",
            metrics.waiting.clone(),
        );
        registry.register(
            "http_requests_shed",
            "Requests that were turned away because they had waited too long for their turn",
            metrics.shed.clone(),
        );
        metrics
    }

    /// Counts an answer. `route` is the pattern that matched.
    pub(in crate::server) fn answered(
        &self,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let route = self.time(route.unwrap_or(UNMATCHED), took);
        let labels = Answered {
            route,
            method: known(method),
            status: status.as_u16(),
        };
        self.answered.get_or_create(&labels).inc();
    }

    /// Puts the time into the route's histogram and answers the label, which is made once a route
    /// and not once a request.
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

/// A method is the client's own text: one that is not of the standard is `other`.
fn known(method: &Method) -> &'static str {
    const KNOWN: [(&Method, &str); 7] = [
        (&Method::GET, "GET"),
        (&Method::POST, "POST"),
        (&Method::DELETE, "DELETE"),
        (&Method::PATCH, "PATCH"),
        (&Method::PUT, "PUT"),
        (&Method::HEAD, "HEAD"),
        (&Method::OPTIONS, "OPTIONS"),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| *known == method)
        .map_or("other", |(_, name)| name)
}
