//! The metrics of the process in the text format that Prometheus scrapes.

mod asked;
mod connections;
mod lookups;
mod pools;
mod store_calls;
#[cfg(test)]
mod tests;
mod token_counts;

use std::sync::Arc;

use openindex_adapters_http::server::HttpMetrics;
use openindex_adapters_sql::CallObserver;
use openindex_coalescing::Observer;
use openindex_domain::admin_tokens::Stats;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use asked::AskedGauges;
pub(crate) use connections::{ConnectionMetrics, DropReason, OpenConnection};
use lookups::LookupMetrics;
use pools::Pools;
use store_calls::StoreCallMetrics;
use token_counts::TokenCounts;

/// The media type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of this process. Recording takes at most a short lock.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) http: Arc<HttpMetrics>,
    pub(crate) connections: ConnectionMetrics,
    lookups: LookupMetrics,
    store_calls: StoreCallMetrics,
    pools: Pools,
    token_counts: TokenCounts,
    asked: AskedGauges,
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
        let (lookups, store_calls) = (LookupMetrics::default(), StoreCallMetrics::default());
        let (pools, token_counts) = (Pools::default(), TokenCounts::default());
        let asked = AskedGauges::default();
        http.register(&mut registry);
        connections.register(&mut registry);
        lookups.register(&mut registry);
        store_calls.register(&mut registry);
        pools.register(&mut registry);
        token_counts.register(&mut registry);
        asked.register(&mut registry);
        Self {
            registry,
            http,
            connections,
            lookups,
            store_calls,
            pools,
            token_counts,
            asked,
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
            lookups.observe_wait(batch.waited);
        })
    }

    /// Returns an observer that records calls of the store.
    pub(crate) fn call_observer(&self) -> CallObserver {
        let calls = self.store_calls.clone();
        Arc::new(move |call, duration, outcome| calls.observe(call, duration, outcome))
    }

    /// Exports a gauge whose value is asked for at each scrape; `None` leaves it out.
    pub(crate) fn add_gauge(
        &self,
        name: &'static str,
        help: &'static str,
        ask: impl Fn() -> Option<f64> + Send + Sync + 'static,
    ) {
        self.asked.add(name, help, ask);
    }

    /// Exports how many tokens there are; `None` if they could not be counted.
    pub(crate) fn set_token_counts(&self, counts: Option<Stats>) {
        self.token_counts.set(counts);
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
