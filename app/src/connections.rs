//! Connection slots: how many there are, how long an idle connection may occupy one, and which
//! connection is closed for a new client when all are occupied.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openindex_adapters_http::server::Stopping;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, sleep, sleep_until};

use crate::metrics::{ConnectionMetrics, DropReason, OpenConnection};

/// The default of [`ConnectionLimits::max`].
pub const DEFAULT_MAX_CONNECTIONS: usize = 10_000;
/// Maximum number of connections that are evicted at once, so that a burst of new clients finds
/// free slots instead of waiting for one eviction each.
const MAX_EVICTED: usize = 32;

/// Limits on the number of connections and on the time that each may use a slot. A timeout can
/// trigger late by up to the shortest of the timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum number of open connections.
    pub max: usize,
    /// Maximum time for a request head to arrive, from its first byte; also the maximum time that a
    /// new connection may send nothing.
    pub head_timeout: Duration,
    /// Maximum time between a response and the first byte of the next request.
    pub idle_timeout: Duration,
    /// Maximum time for which a client may read nothing of its response.
    pub response_timeout: Duration,
}

impl Default for ConnectionLimits {
    /// [`DEFAULT_MAX_CONNECTIONS`], 10 s, 60 s and 30 s.
    fn default() -> Self {
        Self {
            max: DEFAULT_MAX_CONNECTIONS,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            response_timeout: Duration::from_secs(30),
        }
    }
}

/// The slots of a listener. Clones share them.
#[derive(Clone)]
pub(crate) struct Slots {
    limits: ConnectionLimits,
    free: Arc<Semaphore>,
    idle: Arc<IdleQueue>,
    metrics: ConnectionMetrics,
}

/// The connections that wait for a request head, ordered by how long they have waited. Removing a
/// connection decides its fate: one that no longer finds itself here must close.
#[derive(Default)]
struct IdleQueue {
    queue: Mutex<BTreeMap<u64, Arc<Notify>>>,
    next: AtomicU64,
}

/// The slot of one connection. Dropping it frees the slot.
pub(crate) struct Slot {
    slots: Slots,
    state: Mutex<State>,
    evicted: Arc<Notify>,
    /// The [`Phase`] of the current request.
    phase: AtomicU8,
    lingers: AtomicBool,
    _open: OpenConnection,
    _permit: OwnedSemaphorePermit,
}

/// The phase of a request. One task drives a connection, so relaxed ordering suffices.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// No byte of a head has arrived, and no response is left to write.
    Idle,
    /// Part of a head has arrived.
    Head,
    /// The head timed out.
    Late,
    /// The request is in progress.
    InProgress,
    /// The response is complete, but possibly not written yet.
    Responded,
}

struct State {
    /// The connection's key in the [`IdleQueue`]; `None` while a request is in progress.
    ticket: Option<u64>,
    /// When the connection is closed, and why; `None` while requests are in progress and no
    /// response is being sent: a request has its own timeout.
    deadline: Option<(Instant, DropReason)>,
    /// The number of requests in progress: at most one with HTTP/1.1.
    requests: usize,
    /// How many of them have a response that is being sent.
    responses: usize,
    /// How often the last request in progress has ended.
    idles: u64,
}

/// A request in progress on a connection. It ends when dropped.
pub(crate) struct InProgress {
    slot: Arc<Slot>,
    is_responding: bool,
    /// When the response began, if hyper has not waited for anything since: most bodies are one
    /// frame, for which the clock is read once.
    begun: Option<Instant>,
}

impl Slots {
    pub(crate) fn new(limits: ConnectionLimits, metrics: ConnectionMetrics) -> Self {
        metrics.set_limit(limits.max);
        Self {
            limits,
            free: Arc::new(Semaphore::new(limits.max.min(Semaphore::MAX_PERMITS))),
            idle: Arc::default(),
            metrics,
        }
    }

    /// Acquires a slot for a new connection. If none is free, evicts the connections that have
    /// waited the longest for a request head, so silent clients cannot block others, and a client
    /// that sends its request right after connecting is never evicted. Returns `None` if every
    /// connection has a request in progress.
    pub(crate) async fn acquire(&self) -> Option<Arc<Slot>> {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) if self.evict() => {
                // This takes little time: an evicted connection closes without waiting for its
                // client.
                self.free.clone().acquire_owned().await.ok()?
            }
            Err(_) => {
                self.metrics.dropped(DropReason::LimitReached);
                return None;
            }
        };
        let slot = Arc::new(Slot {
            slots: self.clone(),
            state: Mutex::new(State {
                ticket: None,
                deadline: None,
                requests: 0,
                responses: 0,
                idles: 0,
            }),
            evicted: Arc::default(),
            phase: AtomicU8::new(Phase::Idle as u8),
            lingers: AtomicBool::new(false),
            _open: self.metrics.opened(),
            _permit: permit,
        });
        let deadline = Instant::now() + self.limits.head_timeout;
        slot.wait(deadline, DropReason::HeadTimeout);
        Some(slot)
    }

    /// Evicts idle connections, and returns whether there were any.
    pub(crate) fn evict(&self) -> bool {
        let count = (self.limits.max / 16).clamp(1, MAX_EVICTED);
        let mut queue = self.idle.lock();
        let mut any = false;
        for (_, connection) in std::iter::from_fn(|| queue.pop_first()).take(count) {
            connection.notify_one();
            any = true;
        }
        any
    }
}

impl IdleQueue {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Notify>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Records that part of a head has arrived, and starts the head timeout at the first part.
    /// Returns whether it was the first.
    pub(crate) fn head_begins(&self) -> bool {
        let is_first = self.is_in(Phase::Idle);
        if is_first {
            self.enter(Phase::Head);
            let deadline = Instant::now() + self.slots.limits.head_timeout;
            self.state().deadline = Some((deadline, DropReason::HeadTimeout));
        }
        is_first
    }

    /// Lets [`Wire`](crate::wire::Wire) reject a head that timed out. Returns `false` if no part of
    /// a head has arrived: a client that sends nothing gets no response (RFC 9110 §15.5.9).
    #[must_use]
    pub(crate) fn reject_head(&self) -> bool {
        let has_begun = self.is_in(Phase::Head);
        if has_begun {
            self.enter(Phase::Late);
            self.restart_response_timeout();
        }
        has_begun
    }

    /// Returns whether the head timed out and must be rejected.
    pub(crate) fn is_late(&self) -> bool {
        self.is_in(Phase::Late)
    }

    /// Begins a request whose head has arrived. Returns `None` if this connection was evicted: the
    /// request must not be processed.
    #[must_use]
    pub(crate) fn begin_request(self: Arc<Self>) -> Option<InProgress> {
        self.enter(Phase::InProgress);
        let ticket = {
            let mut state = self.state();
            state.requests += 1;
            if state.responses == 0 {
                state.deadline = None;
            }
            state.ticket.take()
        };
        let is_evicted =
            ticket.is_some_and(|ticket| self.slots.idle.lock().remove(&ticket).is_none());
        let request = InProgress {
            slot: self,
            is_responding: false,
            begun: None,
        };
        (!is_evicted).then_some(request)
    }

    /// Restarts the timeout within which the client must read some of its response, and returns the
    /// current time.
    fn restart_response_timeout(&self) -> Instant {
        let now = Instant::now();
        let deadline = now + self.slots.limits.response_timeout;
        self.state().deadline = Some((deadline, DropReason::ResponseTimeout));
        now
    }

    /// Records that everything was written.
    pub(crate) fn flushed(&self) {
        if self.is_in(Phase::Responded) {
            self.enter(Phase::Idle);
        }
    }

    /// Resolves when the server stops, unless a request is in progress then: a request in progress
    /// may finish, an incomplete head may not.
    pub(crate) async fn stopped(&self, stopping: Stopping) {
        stopping.begun().await;
        if self.is_in_request() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns whether bytes written now belong to the response to a request.
    pub(crate) fn is_in_request(&self) -> bool {
        self.is_in(Phase::InProgress) || self.is_in(Phase::Responded)
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Requests a lingering close, since the client may still be sending.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    fn wait(&self, deadline: Instant, cut: DropReason) {
        let idle = &self.slots.idle;
        let ticket = idle.next.fetch_add(1, Ordering::Relaxed);
        idle.lock().insert(ticket, self.evicted.clone());
        let mut state = self.state();
        state.ticket = Some(ticket);
        state.deadline = Some((deadline, cut));
    }

    /// Resolves when the connection must be closed, with the reason. Postponing a deadline does not
    /// reset the timer, which checks the deadline again when it fires.
    pub(crate) async fn must_close(&self) -> DropReason {
        let cut = tokio::select! {
            () = self.evicted.notified() => DropReason::Evicted,
            cut = self.timed_out() => cut,
        };
        self.slots.metrics.dropped(cut);
        cut
    }

    /// Resolves once a connection has not been idle for between once and twice the idle timeout.
    /// Requests that follow each other without end would keep it from being evicted.
    pub(crate) async fn never_idle(&self) {
        let idles = || {
            let state = self.state();
            (state.requests > 0).then_some(state.idles)
        };
        loop {
            let before = idles();
            sleep(self.slots.limits.idle_timeout).await;
            if before.is_some() && before == idles() {
                return;
            }
        }
    }

    async fn timed_out(&self) -> DropReason {
        let limits = &self.slots.limits;
        let shortest = limits
            .head_timeout
            .min(limits.idle_timeout)
            .min(limits.response_timeout);
        loop {
            let now = Instant::now();
            let deadline = self.state().deadline;
            let next_check = now + shortest;
            sleep_until(match deadline {
                Some((deadline, cut)) if deadline <= now => return cut,
                Some((deadline, _)) => deadline.min(next_check),
                None => next_check,
            })
            .await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InProgress {
    pub(crate) fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Begins the response.
    pub(crate) fn begin_response(&mut self) {
        if !std::mem::replace(&mut self.is_responding, true) {
            self.slot.state().responses += 1;
        }
        self.begun = Some(self.slot.restart_response_timeout());
    }

    /// Records that the client has read some of the response.
    pub(crate) fn continue_response(&mut self) {
        self.begun = None;
        self.slot.restart_response_timeout();
    }

    /// Records that the rest of the response is not there yet.
    pub(crate) fn waits(&mut self) {
        self.begun = None;
    }
}

impl Drop for InProgress {
    /// Waits for the next request, if this was the last one.
    fn drop(&mut self) {
        let slot = &self.slot;
        let is_last = {
            let mut state = slot.state();
            state.requests -= 1;
            state.responses -= usize::from(self.is_responding);
            if state.responses == 0 {
                state.deadline = None;
            }
            let is_last = state.requests == 0;
            state.idles += u64::from(is_last);
            is_last
        };
        if is_last {
            slot.enter(Phase::Responded);
            let now = self.begun.unwrap_or_else(Instant::now);
            let deadline = now + slot.slots.limits.idle_timeout;
            slot.wait(deadline, DropReason::IdleTimeout);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let ticket = self.state().ticket.take();
        if let Some(ticket) = ticket {
            self.slots.idle.lock().remove(&ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_requests_without_end_is_noticed_and_others_are_not() {
        let slots = Slots::new(ConnectionLimits::default(), ConnectionMetrics::default());
        let slot = slots.acquire().await.expect("a slot");
        let seconds = Duration::from_secs;
        // One request at a time, with a moment between them.
        let separate = async {
            loop {
                let request = slot.clone().begin_request();
                sleep(seconds(20)).await;
                drop(request);
            }
        };
        tokio::select! {
            () = slot.never_idle() => panic!("it was idle"),
            () = separate => {}
            () = sleep(seconds(600)) => {}
        }
        let overlapping = async {
            let mut last = slot.clone().begin_request();
            loop {
                sleep(seconds(20)).await;
                last = std::mem::replace(&mut last, slot.clone().begin_request());
            }
        };
        let begun = Instant::now();
        tokio::select! {
            () = slot.never_idle() => assert!(begun.elapsed() <= seconds(120)),
            () = overlapping => {}
            () = sleep(seconds(600)) => panic!("it was not noticed"),
        }
    }

    #[tokio::test]
    async fn a_connection_is_idle_once_none_of_its_requests_is_in_progress() {
        let slots = Slots::new(ConnectionLimits::default(), ConnectionMetrics::default());
        let slot = slots.acquire().await.expect("a slot");
        let mut first = slot.clone().begin_request().expect("a request");
        assert!(slot.state().deadline.is_none());
        first.begin_response();
        let second = slot.clone().begin_request().expect("another");
        let reason = || slot.state().deadline.map(|(_, reason)| reason);
        assert_eq!(reason(), Some(DropReason::ResponseTimeout));
        drop(first);
        assert_eq!(reason(), None);
        assert!(!slots.evict());
        // Without a response, as when a client of HTTP/2 cancels it.
        drop(second);
        assert_eq!(reason(), Some(DropReason::IdleTimeout));
        assert!(slots.evict());
        assert!(slot.clone().begin_request().is_none());
    }
}
