use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use openindex_domain::admin_tokens::Stats;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// How many tokens there are, as last counted. Not exported while the number is unknown.
#[derive(Debug, Clone, Default)]
pub(super) struct TokenCounts(Arc<Mutex<Option<Stats>>>);

impl TokenCounts {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// Sets the counts; `None` if they could not be counted.
    pub(super) fn set(&self, counts: Option<Stats>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

impl Collector for TokenCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(counts) = counts else {
            return Ok(());
        };
        let gauge = |count| ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
        let mut metric = encoder.encode_descriptor(
            "tokens",
            "Number of personal access tokens of all users, by status",
            None,
            MetricType::Gauge,
        )?;
        for (status, count) in [
            ("live", counts.tokens_live),
            ("expired", counts.tokens_expired),
            ("revoked", counts.tokens_revoked),
        ] {
            gauge(count).encode(metric.encode_family(&[("status", status)])?)?;
        }
        let metric = encoder.encode_descriptor(
            "tokens_expiring",
            "Number of active personal access tokens that expire within 7 days",
            None,
            MetricType::Gauge,
        )?;
        gauge(counts.tokens_expiring).encode(metric)
    }
}
