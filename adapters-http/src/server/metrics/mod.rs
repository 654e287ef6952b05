//! What the operator's monitoring is told, in the text format that Prometheus reads.
//!
//! Every label has a small set of values that is known beforehand: a route's pattern and never a
//! target, a method of the standard or `other`, a status, an outcome. Nothing that a client sends,
//! no id, no name and no secret can become one, so neither memory nor the monitoring grows with
//! what clients try.

mod connections;
mod lookups;
mod pools;
mod requests;
mod verifications;

use std::sync::Arc;

use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use connections::{ConnectionMetrics, Cut, OpenConnection};
pub use lookups::{LookupObserved, LookupOutcome};
pub use pools::PoolState;
pub(super) use requests::RequestMetrics;
pub(super) use verifications::VerificationMetrics;

use lookups::LookupMetrics;
use pools::Pools;

/// The media type of [`Metrics::render`].
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts what this process does, and renders it. Recording takes no more than a short lock.
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
    /// Nothing counted yet. `version` is the server's, and shown as a label of
    /// `openindex_build_info`.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("openindex");
        registry.register(
            "build",
            "Which version this is",
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

    /// Shows a store's pool of connections, which is asked at each scrape. `name` tells it from
    /// the store's others, such as `readers`.
    pub fn add_pool(
        &self,
        name: &'static str,
        state: impl Fn() -> PoolState + Send + Sync + 'static,
    ) {
        self.pools.add(name, Box::new(state));
    }

    /// Where the accept loop counts connections.
    #[must_use]
    pub const fn connections(&self) -> &ConnectionMetrics {
        &self.connections
    }

    /// Counts a batch of lookups that came back from the store.
    pub fn observe_lookup(&self, observed: LookupObserved) {
        self.lookups.observe(observed);
    }

    /// [`observe_lookup`](Self::observe_lookup) as a plain function, for whoever batches lookups
    /// and should not know of metrics.
    #[must_use]
    pub fn lookup_observer(self: &Arc<Self>) -> Arc<dyn Fn(LookupObserved) + Send + Sync> {
        let metrics = self.clone();
        Arc::new(move |observed| metrics.observe_lookup(observed))
    }

    /// Everything, as text of the type [`METRICS_CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let mut rendered = String::new();
        // Writing into a String does not fail; were it to, half of the truth is better than none.
        if text::encode(&mut rendered, &self.registry).is_err() {
            tracing::warn!("the metrics were not rendered whole");
        }
        rendered
    }
}
