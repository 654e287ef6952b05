//! Metrics in the text format that Prometheus scrapes.
//!
//! Every label has a small, fixed set of values: a route's pattern and never a path, a standard
//! method or `other`, a status, an outcome. No client input, id, name or secret can become a label
//! value, so clients cannot grow memory or the monitoring system.

mod connections;
mod lookups;
mod pools;
mod requests;
mod verifications;

use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use connections::{ConnectionMetrics, DropReason, OpenConnection};
pub use lookups::{LookupBatch, LookupOutcome};
pub use pools::PoolState;
pub(super) use requests::RequestMetrics;
pub(super) use verifications::VerificationMetrics;

use lookups::LookupMetrics;
use pools::Pools;

/// The media type of [`Metrics::render`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters of this process and their rendering. Recording takes at most a short lock.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(super) requests: RequestMetrics,
    pub(super) verifications: VerificationMetrics,
    connections: ConnectionMetrics,
    lookups: LookupMetrics,
    pools: Pools,
}

impl Metrics {
    /// Creates metrics at zero. `version` is the server version, exported as a label of
    /// `openindex_build_info`.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("openindex");
        registry.register(
            "build",
            "Version of the server",
            Info::new([("version", version)]),
        );
        Self {
            requests: RequestMetrics::register(&mut registry),
            verifications: VerificationMetrics::register(&mut registry),
            connections: ConnectionMetrics::register(&mut registry),
            lookups: LookupMetrics::register(&mut registry),
            pools: Pools::register(&mut registry),
            registry,
        }
    }

    /// Exports a connection pool of the store; `state` is called at each scrape. `name`
    /// distinguishes the store's pools, such as `readers`.
    pub fn add_pool(
        &self,
        name: &'static str,
        state: impl Fn() -> PoolState + Send + Sync + 'static,
    ) {
        self.pools.add(name, Box::new(state));
    }

    /// Returns the counters that the accept loop updates.
    #[must_use]
    pub const fn connections(&self) -> &ConnectionMetrics {
        &self.connections
    }

    /// Counts a batch of lookups.
    pub fn observe_lookup(&self, observed: LookupBatch) {
        self.lookups.observe(observed);
    }

    /// Returns [`observe_lookup`](Self::observe_lookup) as a plain function, for code that batches
    /// lookups and should not depend on metrics.
    #[must_use]
    pub fn lookup_observer(self: &Arc<Self>) -> Arc<dyn Fn(LookupBatch) + Send + Sync> {
        let metrics = self.clone();
        Arc::new(move |observed| metrics.observe_lookup(observed))
    }

    /// Renders all metrics as text of the type [`METRICS_CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut rendered = String::new();
        // Writing to a `String` cannot fail; if it did, partial metrics are better than none.
        if text::encode(&mut rendered, &self.registry).is_err() {
            tracing::warn!("metrics rendered incompletely");
        }
        rendered
    }
}
