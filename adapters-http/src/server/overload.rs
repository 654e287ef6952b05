//! Limits the number of requests in progress, and how long a request waits for a free slot.
//!
//! Without a limit, a request behind thousands of others completes after its client has given up,
//! at full cost. Rejecting it immediately does not help either: any response costs about half of a
//! real one, mostly for the connection, and clients retry a fast 503 immediately. So a request
//! first waits, which costs nothing and slows its client down, and is rejected after a timeout.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::metrics::RequestMetrics;
use super::{Code, Problem};

/// The limit on requests in progress. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct RequestLimit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    timeout: Duration,
    slots: Arc<Semaphore>,
    warnings: OverloadWarnings,
    metrics: RequestMetrics,
}

/// A request in progress, until dropped.
pub(super) struct InProgress {
    _counted: Counted,
    _slot: OwnedSemaphorePermit,
}

/// Increments a gauge until dropped.
struct Counted(Gauge);

impl RequestLimit {
    pub(super) fn new(limit: usize, timeout: Duration, metrics: RequestMetrics) -> Self {
        Self(Arc::new(Shared {
            limit,
            timeout,
            slots: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))),
            warnings: OverloadWarnings::default(),
            metrics,
        }))
    }

    /// Waits for a free slot.
    ///
    /// # Errors
    ///
    /// 503 `overloaded` after the timeout.
    pub(super) async fn enter(&self) -> Result<InProgress, Problem> {
        let shared = &self.0;
        let slot = match shared.slots.clone().try_acquire_owned() {
            Ok(slot) => slot,
            Err(_) => self.wait().await.ok_or_else(|| self.reject())?,
        };
        Ok(InProgress {
            _counted: Counted::new(&shared.metrics.in_progress),
            _slot: slot,
        })
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let shared = &self.0;
        let _counted = Counted::new(&shared.metrics.waiting);
        let slot = shared.slots.clone().acquire_owned();
        timeout(shared.timeout, slot).await.ok()?.ok()
    }

    fn reject(&self) -> Problem {
        self.0.metrics.shed.inc();
        self.0.warnings.warn(self.0.limit);
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

/// Logs rejected requests at most once a second, because they come in thousands.
#[derive(Debug)]
struct OverloadWarnings {
    start: Instant,
    /// Seconds after `start` from which the next warning may be logged.
    next: AtomicU64,
}

impl Default for OverloadWarnings {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            next: AtomicU64::new(0),
        }
    }
}

impl OverloadWarnings {
    fn warn(&self, limit: usize) {
        let second = self.start.elapsed().as_secs();
        let next = self.next.load(Ordering::Relaxed);
        let mine = second >= next
            && self
                .next
                .compare_exchange(next, second + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            tracing::warn!(limit, "requests rejected: too many in progress");
        }
    }
}

pub(super) fn overloaded() -> Problem {
    Problem::new(
        Code::Overloaded,
        "the server is overloaded; nothing was changed, so it is safe to retry shortly",
    )
}
