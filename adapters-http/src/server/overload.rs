//! Turning requests away when there are too many, before they queue without end.
//!
//! A request that waits behind a thousand others is answered after its client has given up, and
//! costs as much as one that is wanted. So there is a bound on what is worked on at once, and beyond
//! it an answer at once, which costs next to nothing and says when to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use super::metrics::RequestMetrics;
use super::{Code, Problem};

/// A bound on the requests in progress. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Bound(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: usize,
    in_progress: AtomicUsize,
    complaints: Complaints,
    metrics: RequestMetrics,
}

/// A request in progress, until it is dropped.
pub(super) struct InProgress(Bound);

impl Bound {
    pub(super) fn new(limit: usize, metrics: RequestMetrics) -> Self {
        Self(Arc::new(Shared {
            limit,
            in_progress: AtomicUsize::new(0),
            complaints: Complaints::default(),
            metrics,
        }))
    }

    /// Where requests are counted.
    pub(super) fn metrics(&self) -> &RequestMetrics {
        &self.0.metrics
    }

    /// Whether there is no place now.
    pub(super) fn is_reached(&self) -> bool {
        self.0.in_progress.load(Ordering::Relaxed) >= self.0.limit
    }

    /// Takes a place, if there is one.
    pub(super) fn enter(&self) -> Option<InProgress> {
        let shared = &self.0;
        if shared.in_progress.fetch_add(1, Ordering::Relaxed) >= shared.limit {
            shared.in_progress.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        shared.metrics.in_progress.inc();
        Some(InProgress(self.clone()))
    }

    /// What a request is told that finds no place.
    pub(super) fn turn_away(&self) -> Problem {
        self.0.metrics.shed.inc();
        self.0.complaints.complain(self.0.limit);
        overloaded()
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        let Self(Bound(shared)) = self;
        shared.in_progress.fetch_sub(1, Ordering::Relaxed);
        shared.metrics.in_progress.dec();
    }
}

/// Lines in the log about requests that were turned away: one a second at most, since writing one
/// each would cost more than the requests.
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

fn overloaded() -> Problem {
    Problem::new(
        Code::Overloaded,
        "the server has too much to do, so nothing was decided or changed; try again shortly",
    )
}

/// The same as the whole answer to a connection that finds no place: what to write before closing
/// it, without having read a request.
#[must_use]
pub fn refusal() -> Vec<u8> {
    let problem = overloaded();
    let body = serde_json::to_string(&problem.body()).unwrap_or_default();
    let retry_after = problem.retry_after_seconds().unwrap_or(1);
    format!(
        "HTTP/1.1 503 Service Unavailable\r\n\
         content-type: application/problem+json\r\n\
         content-length: {}\r\n\
         cache-control: no-store\r\n\
         retry-after: {retry_after}\r\n\
         connection: close\r\n\r\n\
         {body}",
        body.len()
    )
    .into_bytes()
}
