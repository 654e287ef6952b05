//! A scripted source, and helpers that send it requests.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openindex_coalescing::{Coalescer, LookupError, Options, Source};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) const DEADLINE: Duration = Duration::from_millis(100);
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(10);

/// What the source does with a batch. Without a script, it returns after [`ROUND_TRIP`].
pub(crate) enum Act {
    Return,
    ReturnAfter(Duration),
    Fail,
    Hang,
    Panic,
    PanicImmediately,
    PanicOnDrop,
    ReturnTooFew,
    ReturnTooMany,
}

#[derive(Debug, thiserror::Error)]
#[error("the source is closed")]
pub(crate) struct Closed;

/// Has the odd keys only; the value of a key is the key and the number of the batch that asked for
/// it.
#[derive(Clone, Default)]
pub(crate) struct ScriptedSource {
    acts: Arc<Mutex<VecDeque<Act>>>,
    pub(crate) batches: Arc<Mutex<Vec<Vec<u32>>>>,
}

impl ScriptedSource {
    pub(crate) fn scripted(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            ..Self::default()
        }
    }

    pub(crate) fn batches(&self) -> Vec<Vec<u32>> {
        self.batches.lock().expect("not poisoned").clone()
    }
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        resume_unwind(Box::new("simulated"));
    }
}

impl Source for ScriptedSource {
    type Key = u32;
    type Value = (u32, usize);
    type Error = Closed;

    async fn fetch(&self, keys: &[u32]) -> Result<Vec<Option<(u32, usize)>>, Closed> {
        let batch = {
            let mut batches = self.batches.lock().expect("not poisoned");
            batches.push(keys.to_vec());
            batches.len()
        };
        let act = self.acts.lock().expect("not poisoned").pop_front();
        let mut results: Vec<_> = keys
            .iter()
            .map(|key| (key % 2 == 1).then_some((*key, batch)))
            .collect();
        match act.unwrap_or(Act::Return) {
            Act::Return => sleep(ROUND_TRIP).await,
            Act::ReturnAfter(trip) => sleep(trip).await,
            Act::Fail => {
                sleep(ROUND_TRIP).await;
                return Err(Closed);
            }
            Act::Hang => std::future::pending().await,
            // Unlike `panic!`, this prints nothing.
            Act::PanicImmediately => resume_unwind(Box::new("simulated")),
            Act::Panic => {
                sleep(ROUND_TRIP).await;
                resume_unwind(Box::new("simulated"));
            }
            Act::PanicOnDrop => {
                let _panics = PanicsOnDrop;
                std::future::pending::<()>().await;
            }
            Act::ReturnTooFew => {
                results.pop();
            }
            Act::ReturnTooMany => results.push(None),
        }
        Ok(results)
    }
}

pub(crate) type LookupResult = Result<Option<(u32, usize)>, LookupError<Closed>>;

pub(crate) fn options(workers: usize, max_batch: usize, max_queue: usize) -> Options {
    let some = |number| NonZero::new(number).expect("not zero");
    Options {
        workers: some(workers),
        max_batch: some(max_batch),
        max_queue: some(max_queue),
        deadline: DEADLINE,
    }
}

/// Sends requests in this order, now.
pub(crate) async fn arrive(
    coalescer: &Coalescer<ScriptedSource>,
    keys: impl IntoIterator<Item = u32>,
) -> VecDeque<JoinHandle<(LookupResult, Duration)>> {
    let requests = keys
        .into_iter()
        .map(|key| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move {
                let arrived = Instant::now();
                (coalescer.get(key).await, arrived.elapsed())
            })
        })
        .collect();
    settle().await;
    requests
}

/// Runs all tasks that are ready, without advancing time.
pub(crate) async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn results(
    requests: impl IntoIterator<Item = JoinHandle<(LookupResult, Duration)>>,
) -> Vec<LookupResult> {
    let mut results = Vec::new();
    for request in requests {
        results.push(request.await.expect("no request panics").0);
    }
    results
}

pub(crate) fn found(results: Vec<LookupResult>) -> Vec<Option<(u32, usize)>> {
    results
        .into_iter()
        .map(|result| result.expect("a result"))
        .collect()
}
