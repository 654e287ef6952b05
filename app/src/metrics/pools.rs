use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Returns the open, idle and maximum connections of a pool.
type AskState = Box<dyn Fn() -> [u32; 3] + Send + Sync>;

/// The connection pools of the stores, each queried at each scrape.
#[derive(Clone, Default)]
pub(super) struct Pools(Arc<Mutex<Vec<(&'static str, AskState)>>>);

impl Pools {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    pub(super) fn add(&self, name: &'static str, state: AskState) {
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pools.push((name, state));
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pools")
    }
}

impl Collector for Pools {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.is_empty() {
            return Ok(());
        }
        let states: Vec<_> = pools.iter().map(|(name, ask)| (*name, ask())).collect();
        let mut metric = encoder.encode_descriptor(
            "store_connections",
            "Number of database connections, by pool and state",
            None,
            MetricType::Gauge,
        )?;
        for (pool, [open, idle, _]) in &states {
            for (state, count) in [("in_use", open.saturating_sub(*idle)), ("idle", *idle)] {
                let labels = [("pool", *pool), ("state", state)];
                ConstGauge::new(i64::from(count)).encode(metric.encode_family(&labels)?)?;
            }
        }
        let mut metric = encoder.encode_descriptor(
            "store_connections_limit",
            "Maximum number of database connections, by pool",
            None,
            MetricType::Gauge,
        )?;
        for (pool, [_, _, max]) in &states {
            let labels = [("pool", *pool)];
            ConstGauge::new(i64::from(*max)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
