use std::time::Duration;

use openindex_adapters_sql::{Call, CallOutcome};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Histogram buckets in seconds, from a read by key to a call that waits for a lock.
const DURATION_BOUNDS: [f64; 13] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

type Label = (&'static str, &'static str);

/// Calls of the store, except lookups. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct StoreCallMetrics {
    ended: Family<[Label; 2], Counter>,
    duration: Family<[Label; 1], Histogram, fn() -> Histogram>,
}

impl Default for StoreCallMetrics {
    fn default() -> Self {
        let metrics = Self {
            ended: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATION_BOUNDS)),
        };
        for call in [
            Call::Read,
            Call::Browse,
            Call::Change,
            Call::Count,
            Call::Maintenance,
        ] {
            drop(metrics.duration.get_or_create(&[label(call)]));
            for outcome in [
                CallOutcome::Succeeded,
                CallOutcome::Unavailable,
                CallOutcome::Corrupt,
                CallOutcome::Abandoned,
            ] {
                drop(metrics.ended.get_or_create(&labels(call, outcome)));
            }
        }
        metrics
    }
}

impl StoreCallMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "store_calls",
            "Number of database calls, by kind and outcome",
            self.ended.clone(),
        );
        registry.register(
            "store_call_duration_seconds",
            "Time of a database call, with waiting for a connection",
            self.duration.clone(),
        );
    }

    pub(super) fn observe(&self, call: Call, duration: Duration, outcome: CallOutcome) {
        self.ended.get_or_create(&labels(call, outcome)).inc();
        let of_kind = self.duration.get_or_create(&[label(call)]);
        of_kind.observe(duration.as_secs_f64());
    }
}

const fn labels(call: Call, outcome: CallOutcome) -> [Label; 2] {
    let outcome = match outcome {
        CallOutcome::Succeeded => "ok",
        CallOutcome::Unavailable => "unavailable",
        CallOutcome::Corrupt => "corrupt",
        CallOutcome::Abandoned => "abandoned",
    };
    [label(call), ("outcome", outcome)]
}

const fn label(call: Call) -> Label {
    let call = match call {
        Call::Read => "read",
        Call::Browse => "browse",
        Call::Change => "change",
        Call::Count => "count",
        Call::Maintenance => "maintenance",
    };
    ("call", call)
}
