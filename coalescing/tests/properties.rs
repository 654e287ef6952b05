//! Invariants under random conditions: a store whose values change, a source that is slow, fails,
//! panics and hangs, and callers that come and go, all in virtual time.
//!
//! A model of the queue, a plain list, runs next to the coalescer. Events occur at even
//! milliseconds; the invariants between events are checked at odd ones, when no task is ready.

use std::collections::{HashMap, VecDeque};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openindex_coalescing::{Coalescer, LookupError, Options, Source};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::time::{Instant, sleep, timeout};

#[derive(Clone, Copy, Debug)]
enum Keys {
    /// Each request has its own key.
    Cold,
    /// All requests have the same key.
    Hot,
    Mixed,
}

#[derive(Clone, Copy, Debug)]
struct Caller {
    arrives: Duration,
    key: usize,
    abandons_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    at: Duration,
    key: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Returns,
    Fails,
    Panics,
    Hangs,
    /// Returns this many results too few (or, if negative, too many).
    Miscounts(i8),
}

/// How the source handles a batch: it reads after `reads` and returns after another `returns`.
#[derive(Clone, Copy, Debug)]
struct Trip {
    reads: Duration,
    returns: Duration,
    end: End,
}

#[derive(Clone, Debug)]
struct Case {
    options: Options,
    callers: Vec<Caller>,
    writes: Vec<Write>,
    /// Used by the batches in turn.
    trips: Vec<Trip>,
}

fn even_millis(halves: std::ops::Range<u64>) -> impl Strategy<Value = Duration> {
    halves.prop_map(|half| Duration::from_millis(2 * half))
}

fn count(range: std::ops::Range<usize>) -> impl Strategy<Value = NonZero<usize>> {
    range.prop_map(|number| NonZero::new(number).expect("not zero"))
}

fn options() -> impl Strategy<Value = Options> {
    (count(1..5), count(1..25), count(1..40), even_millis(3..25)).prop_map(
        |(workers, max_batch, max_queue, deadline)| Options {
            workers,
            max_batch,
            max_queue,
            deadline,
        },
    )
}

fn trip() -> impl Strategy<Value = Trip> {
    let end = prop_oneof![
        12 => Just(End::Returns),
        1 => Just(End::Fails),
        1 => Just(End::Panics),
        1 => Just(End::Hangs),
        1 => prop_oneof![Just(End::Miscounts(1)), Just(End::Miscounts(-1))],
    ];
    (even_millis(0..8), even_millis(0..8), end).prop_map(|(reads, returns, end)| Trip {
        reads,
        returns,
        end,
    })
}

fn case() -> impl Strategy<Value = Case> {
    let keys = prop_oneof![Just(Keys::Cold), Just(Keys::Hot), Just(Keys::Mixed)];
    let caller = (
        even_millis(0..40),
        any::<usize>(),
        proptest::option::weighted(0.2, even_millis(0..30)),
    );
    let write = (even_millis(0..80), any::<usize>());
    (
        options(),
        keys,
        vec(caller, 1..120),
        vec(write, 0..80),
        vec(trip(), 1..24),
    )
        .prop_map(|(options, keys, callers, writes, trips)| {
            let some_key = |random: usize| match (keys, random % 3) {
                (Keys::Hot, _) | (Keys::Mixed, 0) => 0,
                (Keys::Mixed, 1) => 1 + random % 5,
                _ => random % 120,
            };
            let callers = (0..)
                .zip(callers)
                .map(|(number, (arrives, random, abandons_after))| Caller {
                    arrives,
                    key: match keys {
                        Keys::Cold => number,
                        _ => some_key(random),
                    },
                    abandons_after,
                })
                .collect();
            let writes = writes
                .into_iter()
                .map(|(at, random)| Write {
                    at,
                    key: some_key(random),
                })
                .collect();
            Case {
                options,
                callers,
                writes,
                trips,
            }
        })
}

/// A request in the model.
struct Request {
    key: usize,
    arrived: Instant,
    /// The event count on arrival, which orders events within a millisecond.
    arrived_as: u64,
    /// The batch that it joined.
    batch: Option<usize>,
    /// Whether it completed or was abandoned.
    is_gone: bool,
}

struct World {
    case: Case,
    events: u64,
    /// The event counts at which each key was written; their number is its version.
    written: HashMap<usize, Vec<u64>>,
    requests: Vec<Request>,
    queue: VecDeque<usize>,
    batches: Vec<Instant>,
    in_flight: usize,
    /// Collected, since the coalescer catches panics of the source.
    violations: Vec<String>,
}

impl World {
    fn event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }

    fn must(&mut self, condition: bool, what: impl FnOnce() -> String) {
        if !condition {
            self.violations.push(what());
        }
    }

    /// Checks a batch against the model: queued requests in order, without abandoned and expired
    /// ones, up to the first whose key does not fit.
    fn send(&mut self, keys: &[usize]) -> (usize, Trip) {
        let batch = self.batches.len();
        let mut expected = Vec::new();
        while let Some(&id) = self.queue.front() {
            let request = &mut self.requests[id];
            if !request.is_gone && request.arrived.elapsed() <= self.case.options.deadline {
                if !expected.contains(&request.key) {
                    if expected.len() == self.case.options.max_batch.get() {
                        break;
                    }
                    expected.push(request.key);
                }
                request.batch = Some(batch);
            }
            self.queue.pop_front();
        }
        self.must(keys == expected, || {
            format!("batch {batch} asks for {keys:?} rather than {expected:?}")
        });
        self.batches.push(Instant::now());
        self.in_flight += 1;
        let (in_flight, options) = (self.in_flight, self.case.options);
        self.must(in_flight <= options.workers.get(), || {
            format!("{in_flight} in flight")
        });
        self.must((1..=options.max_batch.get()).contains(&keys.len()), || {
            format!("{} keys", keys.len())
        });
        (batch, self.trip(batch))
    }

    fn trip(&self, batch: usize) -> Trip {
        self.case.trips[batch % self.case.trips.len()]
    }

    fn version(&self, key: usize) -> usize {
        self.written.get(&key).map_or(0, Vec::len)
    }

    fn completed(&mut self, id: usize, result: &LookupResult) {
        let request = &mut self.requests[id];
        request.is_gone = true;
        let (key, batch, arrived_as) = (request.key, request.batch, request.arrived_as);
        let waited = request.arrived.elapsed();
        let deadline = self.case.options.deadline;
        self.must(waited <= 2 * deadline, || format!("{id} waited {waited:?}"));
        if let Ok(found) = result {
            self.must(found.is_none_or(|(of, _)| of == key), || {
                format!("{id} asked for {key} and got {found:?}")
            });
            let version = found.map_or(0, |(_, version)| version);
            let ended = self
                .written
                .get(&key)
                .and_then(|all| all.get(version))
                .copied();
            self.must(ended.is_none_or(|ended| ended > arrived_as), || {
                format!("{id} arrived as {arrived_as} and got what ended as {ended:?}")
            });
        }
        let Some(batch) = batch else {
            let expired = matches!(result, Err(LookupError::TimedOut)) && waited > deadline;
            self.must(expired, || {
                format!("{id} in no batch got {result:?} after {waited:?}")
            });
            return;
        };
        let trip = self.trip(batch);
        let (took, takes) = (self.batches[batch].elapsed(), trip.reads + trip.returns);
        let is_expected = match result {
            Err(LookupError::TimedOut) => {
                took == deadline && (trip.end == End::Hangs || takes >= deadline)
            }
            _ if took != takes => false,
            Ok(_) => trip.end == End::Returns,
            Err(LookupError::Failed(of)) => trip.end == End::Fails && **of == batch,
            Err(LookupError::Malformed { .. }) => matches!(trip.end, End::Miscounts(_)),
            Err(LookupError::Lost) => trip.end == End::Panics,
            Err(LookupError::Overloaded) => false,
        };
        self.must(is_expected, || {
            format!("{id} got {result:?} after {took:?} of {batch} {trip:?}")
        });
    }

    /// Checks the invariants when no task is ready: requests wait only if every worker is busy.
    fn check_between_events(&mut self, queued: usize) {
        let options = self.case.options;
        let waiting = self
            .queue
            .iter()
            .filter(|id| !self.requests[**id].is_gone)
            .count();
        let in_flight = self.in_flight;
        self.must(waiting == 0 || in_flight == options.workers.get(), || {
            format!("{waiting} wait beside {in_flight} batches")
        });
        self.must(
            (waiting..=options.max_queue.get()).contains(&queued),
            || format!("{queued} queued, {waiting} waiting"),
        );
    }
}

type LookupResult = Result<Option<(usize, usize)>, LookupError<usize>>;

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("violations are collected, not thrown")
    }
}

/// A batch in flight; it ends when this is dropped.
struct Flight(Shared);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.world().in_flight -= 1;
    }
}

impl Source for Shared {
    type Key = usize;
    type Value = (usize, usize);
    type Error = usize;

    async fn fetch(&self, keys: &[usize]) -> Result<Vec<Option<(usize, usize)>>, usize> {
        let (batch, trip) = self.world().send(keys);
        let _flight = Flight(self.clone());
        pass(trip.reads).await;
        let mut results: Vec<_> = {
            let world = self.world();
            keys.iter()
                .map(|key| (*key, world.version(*key)))
                .map(|(key, version)| (version > 0).then_some((key, version)))
                .collect()
        };
        pass(trip.returns).await;
        match trip.end {
            End::Returns => {}
            End::Fails => return Err(batch),
            // Unlike `panic!`, this prints nothing.
            End::Panics => resume_unwind(Box::new("simulated")),
            End::Hangs => std::future::pending().await,
            End::Miscounts(too_few) => results.resize(
                results.len().saturating_add_signed(-isize::from(too_few)),
                None,
            ),
        }
        Ok(results)
    }
}

/// Sleeps, but does not yield if `time` is zero.
async fn pass(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

async fn call(coalescer: Coalescer<Shared>, shared: Shared, caller: Caller) {
    sleep(caller.arrives).await;
    let is_full = coalescer.queued() == shared.world().case.options.max_queue.get();
    let id = {
        let mut world = shared.world();
        let (id, arrived_as) = (world.requests.len(), world.event());
        world.requests.push(Request {
            key: caller.key,
            arrived: Instant::now(),
            arrived_as,
            batch: None,
            is_gone: false,
        });
        if !is_full {
            world.queue.push_back(id);
        }
        id
    };
    let lookup = coalescer.get(caller.key);
    let result = match caller.abandons_after {
        Some(after) => timeout(after, lookup).await.ok(),
        None => Some(lookup.await),
    };
    let mut world = shared.world();
    if is_full || matches!(result, Some(Err(LookupError::Overloaded))) {
        let immediately = world.requests[id].arrived.elapsed().is_zero();
        let rejected = matches!(result, Some(Err(LookupError::Overloaded)));
        world.must(is_full && rejected && immediately, || {
            format!("{id} got {result:?}, the queue being full: {is_full}")
        });
    } else if let Some(result) = result {
        world.completed(id, &result);
    } else {
        world.requests[id].is_gone = true;
    }
}

async fn play(case: Case) -> Vec<String> {
    let Case {
        options,
        callers,
        writes,
        ..
    } = case.clone();
    let shared = Shared(Arc::new(Mutex::new(World {
        case,
        events: 0,
        written: HashMap::new(),
        requests: Vec::new(),
        queue: VecDeque::new(),
        batches: Vec::new(),
        in_flight: 0,
        violations: Vec::new(),
    })));
    let coalescer = Coalescer::new(shared.clone(), options);
    for write in writes {
        let shared = shared.clone();
        tokio::spawn(async move {
            sleep(write.at).await;
            let mut world = shared.world();
            let event = world.event();
            world.written.entry(write.key).or_default().push(event);
        });
    }
    let callers: Vec<_> = callers
        .into_iter()
        .map(|caller| tokio::spawn(call(coalescer.clone(), shared.clone(), caller)))
        .collect();
    // The last caller and write come by 160 ms, and no request may wait 2 × 48 ms later.
    for _ in 0..130 {
        sleep(Duration::from_millis(1)).await;
        let queued = coalescer.queued();
        shared.world().check_between_events(queued);
        sleep(Duration::from_millis(1)).await;
    }
    let incomplete = callers
        .iter()
        .filter(|caller| !caller.is_finished())
        .count();
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let (queued, mut world) = (coalescer.queued(), shared.world());
    let left = (incomplete, tasks, queued, world.in_flight);
    world.must(left == (0, 0, 0, 0), || {
        format!("left: {left:?} callers, tasks, queued, in flight")
    });
    std::mem::take(&mut world.violations)
}

proptest! {
    #[test]
    fn results_are_fresh_timely_and_for_their_own_key(case in case()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let violations = runtime.block_on(play(case));
        prop_assert!(violations.is_empty(), "{violations:#?}");
    }
}
