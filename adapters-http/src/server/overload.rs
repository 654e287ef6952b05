//! A bound on what is worked on at once, and on how long a request waits for its turn.
//!
//! A request that waits behind thousands of others is answered after its client has given up, and
//! costs as much as one that is wanted. Turning it away at once is no remedy: an answer of any kind
//! costs about half of a real one, most of it spent on the connection, and a client that hears 503
//! at once asks again at once. So it waits a while, which costs nothing and holds its client back;
//! then it is turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::metrics::RequestMetrics;
use super::{Code, Problem};

/// A bound on the requests in progress. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Bound(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    timeout: Duration,
    places: Arc<Semaphore>,
    complaints: Complaints,
    metrics: RequestMetrics,
}

/// A request in progress, until it is dropped.
pub(super) struct InProgress {
    _counted: Counted,
    _place: OwnedSemaphorePermit,
}

/// One more in a gauge, until it is dropped.
struct Counted(Gauge);

impl Bound {
    pub(super) fn new(limit: usize, timeout: Duration, metrics: RequestMetrics) -> Self {
        Self(Arc::new(Shared {
            limit,
            timeout,
            places: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            complaints: Complaints::default(),
            metrics,
        }))
    }

    /// Takes a place, when it is this request's turn; the problem it is answered with when it has
    /// waited too long.
    pub(super) async fn enter(&self) -> Result<InProgress, Problem> {
        let shared = &self.0;
        let place = match shared.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait().await.ok_or_else(|| self.turn_away())?,
        };
        Ok(InProgress {
            _counted: Counted::new(&shared.metrics.in_progress),
            _place: place,
        })
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let shared = &self.0;
        let _counted = Counted::new(&shared.metrics.waiting);
        let place = shared.places.clone().acquire_owned();
        timeout(shared.timeout, place).await.ok()?.ok()
    }

    fn turn_away(&self) -> Problem {
        self.0.metrics.shed.inc();
        self.0.complaints.complain(self.0.limit);
        overloaded()
    }
}

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Warnings about requests that were turned away: one a second at most, since they come in
/// thousands.
#[derive(Debug)]
struct Complaints {
    start: Instant,
    /// The second, from the start, from which on there may be another line.
    next: AtomicU64,
}

impl Default for Complaints {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            next: AtomicU64::new(0),
        }
    }
}

impl Complaints {
    fn complain(&self, limit: usize) {
        let second = self.start.elapsed().as_secs();
        let next = self.next.load(Ordering::Relaxed);
        let mine = second >= next
            && self
                .next
                .compare_exchange(next, second + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            tracing::warn!(limit, "requests are turned away; too many are in progress");
        }
    }
}

pub(super) fn overloaded() -> Problem {
    Problem::new(
        Code::Overloaded,
        "the server has too much to do, so nothing was decided or changed; try again shortly",
    )
}
