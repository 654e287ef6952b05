use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A completed or failed batch of token lookups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupBatch {
    /// Number of lookups in the batch.
    pub size: usize,
    /// Time from sending the batch to its result.
    pub duration: Duration,
    /// Result of the batch.
    pub outcome: LookupOutcome,
    /// Number of lookups waiting for the next batch.
    pub queued: usize,
}

/// Result of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupOutcome {
    /// The store returned a result.
    Succeeded,
    /// The store was unavailable.
    Unavailable,
    /// The store returned invalid data.
    Corrupt,
}

impl LookupOutcome {
    const ALL: [Self; 3] = [Self::Succeeded, Self::Unavailable, Self::Corrupt];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "ok",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
        }
    }
}

#[derive(Debug)]
pub(super) struct LookupMetrics {
    size: Histogram,
    duration: Family<Outcome, Histogram, fn() -> Histogram>,
    queued: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl LookupMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            // 1 to 1024.
            size: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            // 0.1 ms to 1.6 s.
            duration: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.0001, 2.0, 15))
            }),
            queued: Gauge::default(),
        };
        for outcome in LookupOutcome::ALL {
            drop(metrics.duration.get_or_create(&Outcome::of(outcome)));
        }
        registry.register(
            "lookup_batch_size",
            "Number of token lookups per database query",
            metrics.size.clone(),
        );
        registry.register(
            "lookup_duration_seconds",
            "Time from sending a batch of token lookups to its result",
            metrics.duration.clone(),
        );
        registry.register(
            "lookup_queue_length",
            "Number of token lookups waiting for the next query",
            metrics.queued.clone(),
        );
        metrics
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a batch has nowhere near 2^52 lookups"
    )]
    pub(super) fn observe(&self, observed: LookupBatch) {
        self.size.observe(observed.size as f64);
        self.duration
            .get_or_create(&Outcome::of(observed.outcome))
            .observe(observed.duration.as_secs_f64());
        self.queued
            .set(i64::try_from(observed.queued).unwrap_or(i64::MAX));
    }
}

impl Outcome {
    const fn of(outcome: LookupOutcome) -> Self {
        Self {
            outcome: outcome.as_str(),
        }
    }
}
