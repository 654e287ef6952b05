use std::time::Duration;

use openindex_coalescing::Outcome;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

type Labels = [(&'static str, &'static str); 1];

/// Batches of token lookups. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct LookupMetrics {
    size: Histogram,
    wait: Histogram,
    duration: Family<Labels, Histogram, fn() -> Histogram>,
    queued: Gauge,
}

impl Default for LookupMetrics {
    fn default() -> Self {
        let metrics = Self {
            // 1 to 1024.
            size: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            // 0.1 ms to 1.6 s, as below.
            wait: Histogram::new(exponential_buckets(0.0001, 2.0, 15)),
            duration: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.0001, 2.0, 15))
            }),
            queued: Gauge::default(),
        };
        for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Malformed] {
            drop(metrics.duration.get_or_create(&labels(outcome)));
        }
        metrics
    }
}

impl LookupMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "lookup_batch_size",
            "Number of token lookups per database query",
            self.size.clone(),
        );
        registry.register(
            "lookup_wait_seconds",
            "Age of a batch of token lookups when it is sent: how long its first one has waited",
            self.wait.clone(),
        );
        registry.register(
            "lookup_duration_seconds",
            "Time from sending a batch of token lookups to its result",
            self.duration.clone(),
        );
        registry.register(
            "lookup_queue_length",
            "Number of token lookups waiting for the next query",
            self.queued.clone(),
        );
    }

    pub(super) fn observe_wait(&self, waited: Duration) {
        self.wait.observe(waited.as_secs_f64());
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a batch has nowhere near 2^52 lookups"
    )]
    pub(super) fn observe(&self, size: usize, duration: Duration, outcome: Outcome, queued: usize) {
        self.size.observe(size as f64);
        self.duration
            .get_or_create(&labels(outcome))
            .observe(duration.as_secs_f64());
        self.queued.set(i64::try_from(queued).unwrap_or(i64::MAX));
    }
}

const fn labels(outcome: Outcome) -> Labels {
    let outcome = match outcome {
        Outcome::Succeeded => "ok",
        Outcome::Malformed | Outcome::Panicked => "corrupt",
        _ => "unavailable",
    };
    [("outcome", outcome)]
}
