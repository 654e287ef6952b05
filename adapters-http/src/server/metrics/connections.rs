use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Connections of clients, as the accept loop sees them. Cheap to clone; the default one is not
/// shown anywhere.
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

/// Why the server closed a connection that the client would have kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// No whole request head arrived in time, the first one of the connection.
    HeadTimeout,
    /// No further request arrived in time.
    IdleTimeout,
    /// The client did not take its answer.
    AnswerTimeout,
    /// It had waited the longest when another client needed the place.
    MadeRoom,
    /// Every place was taken, and each by a request in progress.
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

    /// Its name as a label.
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
        registry.register("connections_open", "Open connections", metrics.open.clone());
        registry.register(
            "connections_accepted",
            "Connections that were served",
            metrics.accepted.clone(),
        );
        registry.register(
            "connections_cut",
            "Connections that the server closed although the client had not, and why",
            metrics.cut.clone(),
        );
        metrics
    }

    /// Counts a connection as open for as long as the answer lives.
    #[must_use]
    pub fn opened(&self) -> OpenConnection {
        self.accepted.inc();
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// Counts a connection that was closed, or not served at all.
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

/// A connection that is open.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
