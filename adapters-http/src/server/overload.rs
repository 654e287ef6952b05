//! Limits the number of requests in progress, and how long a request waits for a free slot.
//!
//! Without a limit, a request behind thousands of others completes after its client has given up,
//! at full cost. Rejecting it immediately does not help either: any response costs about half of a
//! real one, mostly for the connection, and clients retry a fast 503 immediately. So a request
//! first waits, which costs nothing and slows its client down, and is rejected after a timeout.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::metrics::RequestMetrics;
use super::{Code, Problem};

/// The limit on requests in progress.
#[derive(Debug)]
pub(super) struct RequestLimit {
    limit: usize,
    timeout: Duration,
    slots: Semaphore,
    warnings: OverloadWarnings,
    metrics: RequestMetrics,
}

/// A request in progress, until dropped.
pub(super) struct InProgress<'a> {
    _counted: Counted<'a>,
    _slot: SemaphorePermit<'a>,
}

/// Increments a gauge until dropped.
struct Counted<'a>(&'a Gauge);

impl RequestLimit {
    pub(super) fn new(limit: usize, timeout: Duration, metrics: RequestMetrics) -> Self {
        metrics.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        Self {
            limit,
            timeout,
            slots: Semaphore::new(limit.min(Semaphore::MAX_PERMITS)),
            warnings: OverloadWarnings::default(),
            metrics,
        }
    }

    /// Waits for a free slot.
    ///
    /// # Errors
    ///
    /// 503 `overloaded` after the timeout.
    pub(super) async fn enter(&self) -> Result<InProgress<'_>, Problem> {
        let slot = match self.slots.try_acquire() {
            Ok(slot) => slot,
            Err(_) => Box::pin(self.wait()).await.ok_or_else(|| self.reject())?,
        };
        Ok(InProgress {
            _counted: Counted::new(&self.metrics.in_progress),
            _slot: slot,
        })
    }

    async fn wait(&self) -> Option<SemaphorePermit<'_>> {
        let _counted = Counted::new(&self.metrics.waiting);
        timeout(self.timeout, self.slots.acquire()).await.ok()?.ok()
    }

    fn reject(&self) -> Problem {
        self.metrics.shed.inc();
        self.warnings.warn(self.limit);
        overloaded()
    }
}

impl<'a> Counted<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Counted<'_> {
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
