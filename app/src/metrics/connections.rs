use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Client connections, counted by the accept loop. Cheap to clone; the default value is not
/// exported until it is registered.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    limit: Gauge,
    accepted: Counter,
    dropped: Family<Reason, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Why the server closed a connection that the client kept open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// The first request head did not arrive completely in time.
    HeadTimeout,
    /// No further request arrived in time.
    IdleTimeout,
    /// The client did not read the response in time.
    ResponseTimeout,
    /// The longest-idle connection, closed to make room for a new client.
    Evicted,
    /// Rejected because every connection was in use by a request in progress.
    LimitReached,
}

impl DropReason {
    const ALL: [Self; 5] = [
        Self::HeadTimeout,
        Self::IdleTimeout,
        Self::ResponseTimeout,
        Self::Evicted,
        Self::LimitReached,
    ];

    /// Returns the value of the label `reason`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::HeadTimeout => "head_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::ResponseTimeout => "response_timeout",
            Self::Evicted => "evicted",
            Self::LimitReached => "limit_reached",
        }
    }
}

impl Default for ConnectionMetrics {
    fn default() -> Self {
        let metrics = Self {
            open: Gauge::default(),
            limit: Gauge::default(),
            accepted: Counter::default(),
            dropped: Family::default(),
        };
        for reason in DropReason::ALL {
            drop(metrics.dropped.get_or_create(&Reason::of(reason)));
        }
        metrics
    }
}

impl ConnectionMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "connections_open",
            "Number of open client connections",
            self.open.clone(),
        );
        registry.register(
            "connections_limit",
            "Maximum number of open client connections",
            self.limit.clone(),
        );
        registry.register(
            "connections_accepted",
            "Number of accepted client connections",
            self.accepted.clone(),
        );
        registry.register(
            "connections_dropped",
            "Number of connections that the server closed, by reason",
            self.dropped.clone(),
        );
    }

    /// Sets the maximum number of open connections.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
    }

    /// Counts a connection as open until the returned value is dropped.
    pub(crate) fn opened(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// Counts a connection that the server closed or rejected.
    pub(crate) fn dropped(&self, reason: DropReason) {
        self.dropped.get_or_create(&Reason::of(reason)).inc();
    }
}

impl Reason {
    const fn of(reason: DropReason) -> Self {
        Self {
            reason: reason.as_str(),
        }
    }
}

/// An open connection, counted until dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
