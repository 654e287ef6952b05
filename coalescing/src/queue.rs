use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Level, Span, span_enabled};

use crate::batch::{Batch, LookupResult, Request};
use crate::error::LookupError;
use crate::source::{Options, Source};

/// Up to this many keys are compared one by one. That is cheaper than hashing, and the most
/// frequent batch, a lone request, uses no map.
const MAX_COMPARED_KEYS: usize = 8;

/// Deadlines are capped, so that adding one to an instant cannot overflow.
const MAX_DEADLINE: Duration = Duration::from_hours(365 * 24);

/// The queued requests, and the number of workers that serve them.
///
/// Requests enter at `incoming`, whose lock is held for one push, whatever the workers do. Workers
/// fill batches from `backlog`, and move the incoming requests there when it is empty. Lock order:
/// backlog, incoming.
///
/// While requests are queued, either a worker is starting and will read the queue, or every worker
/// is busy and will read it within one deadline.
pub(crate) struct Queue<S: Source> {
    options: Options,
    incoming: Mutex<Incoming<S>>,
    backlog: Mutex<Backlog<S>>,
}

struct Incoming<S: Source> {
    requests: VecDeque<Request<S>>,
    /// Number of requests in the backlog.
    backlog_len: usize,
    workers: usize,
    /// Whether a spawned worker has yet to read the queue. It will serve requests that arrive until
    /// then, so a burst wakes one worker instead of all.
    worker_is_starting: bool,
}

struct Backlog<S: Source> {
    requests: VecDeque<Request<S>>,
    index: KeyIndex<S::Key>,
}

/// What a worker must do after reading the queue.
pub(crate) enum Next {
    /// Fetch the batch, and spawn another worker if requests remain and the limit allows one.
    Fetch { spawn_another: bool },
    /// Exit: the queue is empty, and no longer counts the worker.
    Exit,
}

/// An enqueued request. The caller must spawn a worker if `spawn_worker` is set, which the queue
/// already counts, and await the reply.
pub(crate) struct Enqueued<S: Source> {
    pub(crate) spawn_worker: bool,
    pub(crate) reply: oneshot::Receiver<LookupResult<S>>,
}

impl<S: Source> Queue<S> {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options: Options {
                deadline: options.deadline.min(MAX_DEADLINE),
                ..options
            },
            incoming: Mutex::new(Incoming {
                requests: VecDeque::new(),
                backlog_len: 0,
                workers: 0,
                worker_is_starting: false,
            }),
            backlog: Mutex::new(Backlog {
                requests: VecDeque::new(),
                index: KeyIndex(HashMap::new()),
            }),
        }
    }

    pub(crate) fn options(&self) -> Options {
        self.options
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.incoming).len()
    }

    /// Enqueues a request.
    ///
    /// # Errors
    ///
    /// [`LookupError::Overloaded`] if the queue is full.
    pub(crate) fn push(&self, key: S::Key) -> Result<Enqueued<S>, LookupError<S::Error>> {
        let (reply, receiver) = oneshot::channel();
        let caller = if span_enabled!(Level::DEBUG) {
            Span::current().id()
        } else {
            None
        };
        let mut incoming = lock(&self.incoming);
        if incoming.len() >= self.options.max_queue.get() {
            return Err(LookupError::Overloaded);
        }
        incoming.requests.push_back(Request {
            key,
            // Read under the lock, so that the queue is ordered by these times. Otherwise earlier
            // requests could fill a batch while a later one has no time left to wait for the next.
            arrived_at: Instant::now(),
            caller,
            reply,
        });
        Ok(Enqueued {
            spawn_worker: incoming.add_worker(self.options),
            reply: receiver,
        })
    }

    /// Records that a worker was dropped before it exited: by its runtime's shutdown, or by a key
    /// that panicked. If it was the last one, the queued requests are lost, since no worker would
    /// serve them.
    pub(crate) fn worker_lost(&self, starting: bool) {
        let mut backlog = lock(&self.backlog);
        let mut incoming = lock(&self.incoming);
        incoming.workers -= 1;
        incoming.worker_is_starting &= !starting;
        if incoming.workers > 0 {
            return;
        }
        incoming.backlog_len = 0;
        let lost = (
            mem::take(&mut backlog.requests),
            mem::take(&mut incoming.requests),
        );
        drop((incoming, backlog));
        drop(lost);
    }

    /// Fills `batch` from the queue. If no request is left, stops counting the worker.
    pub(crate) fn fill(&self, batch: &mut Batch<S>, starting: bool) -> Next {
        batch.mark_sent();
        let mut backlog = lock(&self.backlog);
        backlog.index.0.clear();
        loop {
            let is_full = backlog.fill(batch, self.options);
            let mut incoming = lock(&self.incoming);
            if !is_full && !incoming.requests.is_empty() {
                mem::swap(&mut incoming.requests, &mut backlog.requests);
                incoming.backlog_len = backlog.requests.len();
                continue;
            }
            incoming.backlog_len = backlog.requests.len();
            incoming.worker_is_starting &= !starting;
            if batch.requests() == 0 {
                incoming.workers -= 1;
                return Next::Exit;
            }
            batch.queued = incoming.len();
            return Next::Fetch {
                spawn_another: batch.queued > 0 && incoming.add_worker(self.options),
            };
        }
    }
}

impl<S: Source> Incoming<S> {
    /// Returns the number of queued requests, including the backlog.
    fn len(&self) -> usize {
        self.backlog_len + self.requests.len()
    }

    /// Counts another worker if the limit allows one. Returns whether the caller must spawn it,
    /// after releasing the lock.
    fn add_worker(&mut self, options: Options) -> bool {
        let added = !self.worker_is_starting && self.workers < options.workers.get();
        if added {
            self.worker_is_starting = true;
            self.workers += 1;
        }
        added
    }
}

impl<S: Source> Backlog<S> {
    /// Moves requests into `batch` in order of arrival, skips abandoned ones and expires those that
    /// waited too long. Returns whether a request did not fit.
    fn fill(&mut self, batch: &mut Batch<S>, options: Options) -> bool {
        while let Some(request) = self.requests.pop_front() {
            if request.reply.is_closed() {
                continue;
            }
            if batch.wait_of(&request) > options.deadline {
                batch.expire(request);
                continue;
            }
            let key_index = if batch.requests() < options.max_queue.get() {
                let max_batch = options.max_batch.get();
                self.index
                    .find_or_add(&mut batch.keys, &request.key, max_batch)
            } else {
                None
            };
            let Some(key_index) = key_index else {
                self.requests.push_front(request);
                return true;
            };
            batch.add(key_index, request);
        }
        false
    }
}

/// Finds keys in a batch that has too many to compare.
struct KeyIndex<K>(HashMap<K, usize>);

impl<K: Clone + Eq + Hash> KeyIndex<K> {
    /// Returns the index of `key` in `keys`, adding it if it is new; `None` if it is new and `keys`
    /// already has `max` keys.
    fn find_or_add(&mut self, keys: &mut Vec<K>, key: &K, max: usize) -> Option<usize> {
        let new = keys.len();
        let is_full = new >= max;
        if new < MAX_COMPARED_KEYS {
            let known = keys.iter().position(|other| other == key);
            if known.is_some() || is_full {
                return known;
            }
        } else {
            if self.0.is_empty() {
                self.0.extend(keys.iter().cloned().zip(0..));
            }
            match self.0.entry(key.clone()) {
                Entry::Occupied(known) => return Some(*known.get()),
                Entry::Vacant(_) if is_full => return None,
                Entry::Vacant(vacant) => vacant.insert(new),
            };
        }
        keys.push(key.clone());
        Some(new)
    }
}

// A panic of a key's `Hash` or `Eq` while a lock is held leaves the queue consistent: `backlog_len`
// is recomputed on each fill.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
