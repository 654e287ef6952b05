use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// One batch of lookups that came back from the store, or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupObserved {
    /// How many lookups it carried.
    pub size: usize,
    /// From sending it to its answer.
    pub duration: Duration,
    /// What came of it.
    pub outcome: LookupOutcome,
    /// How many lookups wait for the next one now.
    pub queued: usize,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookupOutcome {
    /// The store answered.
    Answered,
    /// It did not.
    Unavailable,
    /// It answered something that cannot be.
    Corrupt,
}

impl LookupOutcome {
    const ALL: [Self; 3] = [Self::Answered, Self::Unavailable, Self::Corrupt];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unavailable => "unavailable",
            Self::Corrupt => "corrupt",
        }
    }
}

/// Batches of lookups.
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
            "Lookups that one question to the store carried",
            metrics.size.clone(),
        );
        registry.register(
            "lookup_duration_seconds",
            "From sending a batch of lookups to its answer",
            metrics.duration.clone(),
        );
        registry.register(
            "lookup_queue_length",
            "Lookups that waited for the next batch when the last one came back",
            metrics.queued.clone(),
        );
        metrics
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a batch has nowhere near 2^52 lookups"
    )]
    pub(super) fn observe(&self, observed: LookupObserved) {
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
