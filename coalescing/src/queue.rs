use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::batch::{Answer, Load};
use crate::{LookupError, Options, Source};

/// Up to this many keys are compared one by one: cheaper than hashing them, and a lone request,
/// the most frequent batch of all, touches no map.
const COMPARED: usize = 8;

/// So that a deadline can be added to any time.
const LONGEST_DEADLINE: Duration = Duration::from_hours(365 * 24);

/// A request on its way into a batch.
pub(crate) struct Waiter<S: Source> {
    key: S::Key,
    pub(crate) arrived: Instant,
    pub(crate) answer: oneshot::Sender<Answer<S>>,
}

/// Who waits, and how many lanes serve them.
///
/// Requests enter at `door`, where the lock is held for one push whatever a lane does. Lanes take
/// from `line`, and let in whoever is at the door when the line is empty. Locks are taken in this
/// order: line, door.
///
/// While anybody waits, either a lane is starting, and will look at the queue, or each lane is
/// busy, and will look at it within one deadline.
pub(crate) struct Queue<S: Source> {
    options: Options,
    door: Mutex<Door<S>>,
    line: Mutex<Line<S>>,
}

struct Door<S: Source> {
    waiting: VecDeque<Waiter<S>>,
    /// How many stand in the line.
    in_line: usize,
    lanes: usize,
    /// Whether a lane has been started that did not look at the queue yet. It will take whoever
    /// arrives until then, so that a burst wakes one lane rather than all.
    lane_is_starting: bool,
}

struct Line<S: Source> {
    waiting: VecDeque<Waiter<S>>,
    index: Index<S::Key>,
}

/// What a lane has to do after it looked at the queue.
pub(crate) enum Turn {
    /// Ask for the load; when more wait than it could take and a lane is free, start that one.
    Leave { start_another: bool },
    /// Nobody waits, and the lane is no longer counted.
    End,
}

/// What an arriving request has to do: start a lane that has been counted for it, and wait.
pub(crate) struct Arrival<S: Source> {
    pub(crate) starts_lane: bool,
    pub(crate) answer: oneshot::Receiver<Answer<S>>,
}

impl<S: Source> Queue<S> {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options: Options {
                deadline: options.deadline.min(LONGEST_DEADLINE),
                ..options
            },
            door: Mutex::new(Door {
                waiting: VecDeque::new(),
                in_line: 0,
                lanes: 0,
                lane_is_starting: false,
            }),
            line: Mutex::new(Line {
                waiting: VecDeque::new(),
                index: Index(HashMap::new()),
            }),
        }
    }

    pub(crate) fn options(&self) -> Options {
        self.options
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.door).len()
    }

    pub(crate) fn enter(&self, key: S::Key) -> Result<Arrival<S>, LookupError<S::Error>> {
        let (answer, receiver) = oneshot::channel();
        let mut door = lock(&self.door);
        if door.len() >= self.options.max_queue.get() {
            return Err(LookupError::Overloaded);
        }
        door.waiting.push_back(Waiter {
            key,
            // Read under the lock: were the queue not in the order of these times, those in front
            // could fill a batch in which who is behind them has no more time to wait for another.
            arrived: Instant::now(),
            answer,
        });
        Ok(Arrival {
            starts_lane: door.start_lane(self.options),
            answer: receiver,
        })
    }

    /// A lane was dropped where it stood: with its runtime, or by a key that panics. When it was the
    /// last, nobody would come for those who wait: they are lost.
    pub(crate) fn lane_was_lost(&self, starting: bool) {
        let mut line = lock(&self.line);
        let mut door = lock(&self.door);
        door.lanes -= 1;
        door.lane_is_starting &= !starting;
        if door.lanes > 0 {
            return;
        }
        door.in_line = 0;
        let lost = (mem::take(&mut line.waiting), mem::take(&mut door.waiting));
        drop((door, line));
        drop(lost);
    }

    /// Fills `load` with who leaves now, or counts the lane as ended.
    pub(crate) fn take(&self, load: &mut Load<S>, starting: bool) -> Turn {
        load.leaves_now();
        let mut line = lock(&self.line);
        line.index.0.clear();
        loop {
            let is_full = line.fill(load, self.options);
            let mut door = lock(&self.door);
            if !is_full && !door.waiting.is_empty() {
                mem::swap(&mut door.waiting, &mut line.waiting);
                door.in_line = line.waiting.len();
                continue;
            }
            door.in_line = line.waiting.len();
            door.lane_is_starting &= !starting;
            if load.requests() == 0 {
                door.lanes -= 1;
                return Turn::End;
            }
            load.left_behind = door.len();
            return Turn::Leave {
                start_another: load.left_behind > 0 && door.start_lane(self.options),
            };
        }
    }
}

impl<S: Source> Door<S> {
    fn len(&self) -> usize {
        self.in_line + self.waiting.len()
    }

    /// Counts one more lane, to be started by the caller once the lock is released.
    fn start_lane(&mut self, options: Options) -> bool {
        let starts = !self.lane_is_starting && self.lanes < options.lanes.get();
        if starts {
            self.lane_is_starting = true;
            self.lanes += 1;
        }
        starts
    }
}

impl<S: Source> Line<S> {
    /// Moves who is first in line into `load`, passing over who gave up and refusing who waited too
    /// long; whether somebody had to stay.
    fn fill(&mut self, load: &mut Load<S>, options: Options) -> bool {
        while let Some(waiter) = self.waiting.pop_front() {
            if waiter.answer.is_closed() {
                continue;
            }
            if load.wait_of(&waiter) > options.deadline {
                load.refuse(waiter);
                continue;
            }
            let slot = if load.requests() < options.max_queue.get() {
                let max_batch = options.max_batch.get();
                self.index.slot(&mut load.keys, &waiter.key, max_batch)
            } else {
                None
            };
            let Some(slot) = slot else {
                self.waiting.push_front(waiter);
                return true;
            };
            load.join(slot, waiter);
        }
        false
    }
}

/// Finds a key among those of a batch, once they are too many to compare.
struct Index<K>(HashMap<K, usize>);

impl<K: Clone + Eq + Hash> Index<K> {
    /// Where `key` stands among `keys`, to which it is added if there is room; otherwise `None`.
    fn slot(&mut self, keys: &mut Vec<K>, key: &K, max: usize) -> Option<usize> {
        let new = keys.len();
        let is_full = new >= max;
        if new < COMPARED {
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

// A panic while a lock is held (of a key's `Hash` or `Eq`) leaves a queue that is still one: what
// is counted twice elsewhere is set anew each time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
