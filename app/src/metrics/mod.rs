//! The metrics of the process in the text format that Prometheus scrapes.

mod connections;
mod lookups;
mod pools;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use openindex_adapters_http::server::HttpMetrics;
use openindex_coalescing::Observer;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub(crate) use connections::{ConnectionMetrics, DropReason, OpenConnection};
use lookups::LookupMetrics;
use pools::Pools;

/// The media type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of this process. Recording takes at most a short lock.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) http: Arc<HttpMetrics>,
    pub(crate) connections: ConnectionMetrics,
    lookups: LookupMetrics,
    pools: Pools,
}

impl Metrics {
    /// Creates metrics at zero. `version` is the label of `openindex_build_info`.
    pub(crate) fn new(version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("openindex");
        registry.register(
            "build",
            "Version of the server",
            Info::new([("version", version)]),
        );
        let http = Arc::<HttpMetrics>::default();
        let connections = ConnectionMetrics::default();
        let (lookups, pools) = (LookupMetrics::default(), Pools::default());
        http.register(&mut registry);
        connections.register(&mut registry);
        lookups.register(&mut registry);
        pools.register(&mut registry);
        Self {
            registry,
            http,
            connections,
            lookups,
            pools,
        }
    }

    /// Exports a connection pool of the store. `state` is called at each scrape and returns the
    /// open, idle and maximum connections. `name` distinguishes the store's pools, such as
    /// `readers`.
    pub(crate) fn add_pool(
        &self,
        name: &'static str,
        state: impl Fn() -> [u32; 3] + Send + Sync + 'static,
    ) {
        self.pools.add(name, Box::new(state));
    }

    /// Returns an observer that records batches of token lookups.
    pub(crate) fn lookup_observer(&self) -> Observer {
        let lookups = self.lookups.clone();
        Arc::new(move |batch| {
            lookups.observe(batch.requests, batch.duration, batch.outcome, batch.queued);
        })
    }

    /// Renders all metrics as text of the type [`CONTENT_TYPE`].
    pub(crate) fn render(&self) -> String {
        let mut rendered = String::new();
        // Writing to a `String` cannot fail; if it did, partial metrics are better than none.
        if text::encode(&mut rendered, &self.registry).is_err() {
            tracing::warn!("metrics rendered incompletely");
        }
        rendered
    }
}
