use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Client connections, counted by the accept loop. Cheap to clone; the default value is not
/// exported.
#[derive(Debug, Clone, Default)]
pub struct ConnectionMetrics {
    open: Gauge,
    accepted: Counter,
    cut: Family<Reason, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Why the server closed a connection that the client kept open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The first request head did not arrive completely in time.
    HeadTimeout,
    /// No further request arrived in time.
    IdleTimeout,
    /// The client did not read the response in time.
    AnswerTimeout,
    /// The longest-idle connection, closed to make room for a new client.
    MadeRoom,
    /// Rejected because every connection was in use by a request in progress.
    Refused,
}

impl Cut {
    const ALL: [Self; 5] = [
        Self::HeadTimeout,
        Self::IdleTimeout,
        Self::AnswerTimeout,
        Self::MadeRoom,
        Self::Refused,
    ];

    /// Returns the value of the label `reason`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HeadTimeout => "head_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::AnswerTimeout => "answer_timeout",
            Self::MadeRoom => "made_room",
            Self::Refused => "refused",
        }
    }
}

impl ConnectionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for cut in Cut::ALL {
            drop(metrics.cut.get_or_create(&Reason::of(cut)));
        }
        registry.register(
            "connections_open",
            "Number of open client connections",
            metrics.open.clone(),
        );
        registry.register(
            "connections_accepted",
            "Number of accepted client connections",
            metrics.accepted.clone(),
        );
        registry.register(
            "connections_cut",
            "Number of connections that the server closed, by reason",
            metrics.cut.clone(),
        );
        metrics
    }

    /// Counts a connection as open until the returned value is dropped.
    #[must_use]
    pub fn opened(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// Counts a connection that the server closed or rejected.
    pub fn cut(&self, cut: Cut) {
        self.cut.get_or_create(&Reason::of(cut)).inc();
    }
}

impl Reason {
    const fn of(cut: Cut) -> Self {
        Self {
            reason: cut.as_str(),
        }
    }
}

/// An open connection, counted until dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
