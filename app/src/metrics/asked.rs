use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

struct Gauge {
    name: &'static str,
    help: &'static str,
    ask: Box<dyn Fn() -> Option<f64> + Send + Sync>,
}

/// Gauges whose values are asked for at each scrape. One without a value is not exported.
#[derive(Clone, Default)]
pub(super) struct AskedGauges(Arc<Mutex<Vec<Gauge>>>);

impl AskedGauges {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    pub(super) fn add(
        &self,
        name: &'static str,
        help: &'static str,
        ask: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        let ask = Box::new(ask);
        let mut gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.push(Gauge { name, help, ask });
    }
}

impl fmt::Debug for AskedGauges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskedGauges")
    }
}

impl Collector for AskedGauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for Gauge { name, help, ask } in gauges.iter() {
            if let Some(value) = ask() {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}
