use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The connections of a pool at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolState {
    /// Number of connections in use.
    pub in_use: u32,
    /// Number of idle connections.
    pub idle: u32,
    /// Maximum number of connections.
    pub max: u32,
}

type AskState = Box<dyn Fn() -> PoolState + Send + Sync>;

/// The connection pools of the stores, each queried at each scrape.
#[derive(Clone, Default)]
pub(super) struct Pools(Arc<Mutex<Vec<(&'static str, AskState)>>>);

impl Pools {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let pools = Self::default();
        registry.register_collector(Box::new(pools.clone()));
        pools
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
        for (pool, now) in &states {
            for (state, count) in [("in_use", now.in_use), ("idle", now.idle)] {
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
        for (pool, now) in &states {
            let labels = [("pool", *pool)];
            ConstGauge::new(i64::from(now.max)).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
