//! Places for connections: how many there are, how long one may be kept without using it, and who
//! gives theirs up when another client needs it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openindex_adapters_http::server::{ConnectionMetrics, DropReason, OpenConnection, Stopping};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, sleep_until};

/// How many connections may be open unless told otherwise.
pub const DEFAULT_MAX_CONNECTIONS: usize = 10_000;
/// At most so many connections are closed at once to make room, so that a burst of new ones finds
/// places and need not wait for each in turn.
const MAKE_ROOM_FOR: usize = 32;

/// How many connections there may be, and how long one may take up a place. A connection that is
/// over time may be noticed late by the shortest of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many may be open at once.
    pub max: usize,
    /// How long a request's head may take, from its first byte on; and how long a new connection may
    /// send nothing.
    pub head_timeout: Duration,
    /// How long a connection may be idle between a response and the next request's first byte.
    pub idle_timeout: Duration,
    /// How long a client may leave its answer lying.
    pub answer_timeout: Duration,
}

impl Default for ConnectionLimits {
    /// [`DEFAULT_MAX_CONNECTIONS`], 10 s, 60 s and 30 s.
    fn default() -> Self {
        Self {
            max: DEFAULT_MAX_CONNECTIONS,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            answer_timeout: Duration::from_secs(30),
        }
    }
}

/// The places for connections. Clones share them.
#[derive(Clone)]
pub(crate) struct Places {
    limits: ConnectionLimits,
    free: Arc<Semaphore>,
    waiting: Arc<Waiting>,
    metrics: ConnectionMetrics,
}

/// The connections that wait for a request's head, those first that have waited the longest. What
/// is removed from here is decided: a connection that finds itself gone is to be closed.
#[derive(Default)]
struct Waiting {
    queue: Mutex<BTreeMap<u64, Arc<Notify>>>,
    next: AtomicU64,
}

/// The place of one connection, until it is dropped.
pub(crate) struct Place {
    places: Places,
    state: Mutex<State>,
    made_room: Arc<Notify>,
    /// Where the present request stands, as a [`Phase`].
    phase: AtomicU8,
    lingers: AtomicBool,
    _open: OpenConnection,
    _permit: OwnedSemaphorePermit,
}

/// Where a request stands. One task drives a connection, so nothing orders these but its program.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// Nothing of a head has arrived, and nothing of ours is left to write.
    Waiting,
    /// Some of a head has arrived.
    Head,
    /// The rest of it did not arrive in time.
    Late,
    /// It is in progress.
    Begun,
    /// Its response is whole, but perhaps not written.
    Answered,
}

struct State {
    /// Its number among those that wait; none while a request is in progress.
    ticket: Option<u64>,
    /// When it is closed, and why; none while a request is in progress, which has a limit of its
    /// own.
    deadline: Option<(Instant, DropReason)>,
}

impl Places {
    pub(crate) fn new(limits: ConnectionLimits, metrics: ConnectionMetrics) -> Self {
        Self {
            limits,
            free: Arc::new(Semaphore::new(limits.max.min(Semaphore::MAX_PERMITS))),
            waiting: Arc::default(),
            metrics,
        }
    }

    /// A place for a new connection. Where there is none, those that have waited the longest for a
    /// request's head make room: a client that says nothing keeps nobody out, and one that sends
    /// its request as soon as it is connected is never the one to go. `None` when every
    /// connection has a request in progress.
    pub(crate) async fn take(&self) -> Option<Arc<Place>> {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) if self.make_room() => {
                // Soon: each that was told to makes room without waiting for its client.
                self.free.clone().acquire_owned().await.ok()?
            }
            Err(_) => {
                self.metrics.dropped(DropReason::LimitReached);
                return None;
            }
        };
        let place = Arc::new(Place {
            places: self.clone(),
            state: Mutex::new(State {
                ticket: None,
                deadline: None,
            }),
            made_room: Arc::default(),
            phase: AtomicU8::new(Phase::Waiting as u8),
            lingers: AtomicBool::new(false),
            _open: self.metrics.opened(),
            _permit: permit,
        });
        place.wait(self.limits.head_timeout, DropReason::HeadTimeout);
        Some(place)
    }

    /// Tells connections that wait to close, and answers whether there was one.
    pub(crate) fn make_room(&self) -> bool {
        let some = (self.limits.max / 16).clamp(1, MAKE_ROOM_FOR);
        let mut queue = self.waiting.lock();
        let mut told = false;
        for (_, connection) in std::iter::from_fn(|| queue.pop_first()).take(some) {
            connection.notify_one();
            told = true;
        }
        told
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Notify>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Some of a head has arrived; the rest must follow in time. Returns whether it is the first of it.
    pub(crate) fn head_begins(&self) -> bool {
        let is_first = self.is_in(Phase::Waiting);
        if is_first {
            self.enter(Phase::Head);
            let deadline = Instant::now() + self.places.limits.head_timeout;
            self.state().deadline = Some((deadline, DropReason::HeadTimeout));
        }
        is_first
    }

    /// Lets [`Wire`](crate::wire::Wire) reject a head that did not arrive in time. Returns `false`
    /// when there is none: a client that sends nothing gets no response (RFC 9110 §15.5.9).
    #[must_use]
    pub(crate) fn reject_head(&self) -> bool {
        let has_begun = self.is_in(Phase::Head);
        if has_begun {
            self.enter(Phase::Late);
            self.answer();
        }
        has_begun
    }

    /// Whether a head is to be rejected because it did not arrive in time.
    pub(crate) fn is_late(&self) -> bool {
        self.is_in(Phase::Late)
    }

    /// The head of a request has arrived. `false` when this connection is to make room: it is
    /// closed, and the request must not be begun.
    #[must_use]
    pub(crate) fn begin(&self) -> bool {
        self.enter(Phase::Begun);
        let ticket = {
            let mut state = self.state();
            state.deadline = None;
            state.ticket.take()
        };
        ticket.is_none_or(|ticket| self.places.waiting.lock().remove(&ticket).is_some())
    }

    /// There is something for the client to read.
    pub(crate) fn answer(&self) {
        let deadline = Instant::now() + self.places.limits.answer_timeout;
        self.state().deadline = Some((deadline, DropReason::ResponseTimeout));
    }

    /// The answer is over; the next request may come.
    pub(crate) fn rest(&self) {
        self.enter(Phase::Answered);
        self.wait(self.places.limits.idle_timeout, DropReason::IdleTimeout);
    }

    /// Everything was written so far.
    pub(crate) fn flushed(&self) {
        if self.is_in(Phase::Answered) {
            self.enter(Phase::Waiting);
        }
    }

    /// Resolves once the server stops, if no request is in progress then: a head that has not
    /// arrived is not waited for. What is in progress ends by itself.
    pub(crate) async fn stopped(&self, stopping: Stopping) {
        stopping.begun().await;
        if self.is_answering() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether what is written now belongs to a request.
    pub(crate) fn is_answering(&self) -> bool {
        self.is_in(Phase::Begun) || self.is_in(Phase::Answered)
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The client may still be sending when the connection is closed.
    pub(crate) fn linger(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    pub(crate) fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    fn wait(&self, timeout: Duration, cut: DropReason) {
        let waiting = &self.places.waiting;
        let ticket = waiting.next.fetch_add(1, Ordering::Relaxed);
        waiting.lock().insert(ticket, self.made_room.clone());
        let mut state = self.state();
        state.ticket = Some(ticket);
        state.deadline = Some((Instant::now() + timeout, cut));
    }

    /// Resolves when the connection is to be closed. A deadline that moves away moves nothing but
    /// a number: the timer looks again when it goes off.
    pub(crate) async fn over(&self) -> DropReason {
        let cut = tokio::select! {
            () = self.made_room.notified() => DropReason::Evicted,
            cut = self.overdue() => cut,
        };
        self.places.metrics.dropped(cut);
        cut
    }

    async fn overdue(&self) -> DropReason {
        let limits = &self.places.limits;
        let shortest = limits
            .head_timeout
            .min(limits.idle_timeout)
            .min(limits.answer_timeout);
        loop {
            let now = Instant::now();
            let deadline = self.state().deadline;
            let look_again = now + shortest;
            sleep_until(match deadline {
                Some((deadline, cut)) if deadline <= now => return cut,
                Some((deadline, _)) => deadline.min(look_again),
                None => look_again,
            })
            .await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let ticket = self.state().ticket.take();
        if let Some(ticket) = ticket {
            self.places.waiting.lock().remove(&ticket);
        }
    }
}
