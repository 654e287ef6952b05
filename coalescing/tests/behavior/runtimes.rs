//! Tasks, threads and the shutdown of runtimes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use openindex_coalescing::{Coalescer, LookupError, Options, Source};
use tokio::time::{sleep, timeout};

use crate::scripted_source::{
    Act, Closed, DEADLINE, ScriptedSource, arrive, options, results, settle,
};

#[tokio::test(start_paused = true)]
async fn an_idle_or_abandoned_coalescer_has_no_task() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let source = ScriptedSource::scripted([Act::Return, Act::Hang]);
    let batches = Arc::downgrade(&source.batches);
    let coalescer = Coalescer::new(source, options(2, 1, 8));
    coalescer.get(1).await.unwrap();
    settle().await;
    assert_eq!(tasks(), 0, "idle");
    let requests = arrive(&coalescer, 1..=6).await;
    drop(coalescer);
    for request in &requests {
        request.abort();
    }
    settle().await;
    assert_eq!(tasks(), 2, "the batches in flight");
    sleep(DEADLINE).await;
    settle().await;
    assert_eq!(tasks(), 0);
    assert!(batches.upgrade().is_none(), "the source is dropped");
}

#[test]
fn the_shutdown_of_a_runtime_loses_its_batches_and_frees_the_workers() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let source = ScriptedSource::scripted([Act::Hang]);
    let coalescer = Coalescer::new(source, options(1, 1, 8));
    let (ends, lives) = (runtime(), runtime());
    ends.block_on(async {
        arrive(&coalescer, [1]).await;
    });
    let waiting = lives.block_on(arrive(&coalescer, [3]));
    drop(ends);
    lives.block_on(async {
        let lost = results(waiting).await;
        assert!(matches!(lost[..], [Err(LookupError::Lost)]), "{lost:?}");
        assert_eq!(coalescer.get(5).await.unwrap(), Some((5, 2)));
    });
}

/// Returns the value of a counter, read while the batch is in flight.
struct Counter(Arc<AtomicU64>);

impl Source for Counter {
    type Key = u32;
    type Value = (u32, u64);
    type Error = Closed;

    async fn fetch(&self, keys: &[u32]) -> Result<Vec<Option<(u32, u64)>>, Closed> {
        tokio::task::yield_now().await;
        let now = self.0.load(Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok(keys.iter().map(|key| Some((*key, now))).collect())
    }
}

/// Uses real threads, and so a real race between arriving requests and departing batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_get_fresh_results_for_their_own_keys() {
    let counter = Arc::new(AtomicU64::new(0));
    // On a busy machine, a thread can wait longer for a core than requests usually do for a batch.
    let relaxed = Options {
        deadline: Duration::from_mins(1),
        ..options(3, 16, 48)
    };
    let coalescer = Coalescer::new(Counter(Arc::clone(&counter)), relaxed);
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let (counter, coalescer) = (Arc::clone(&counter), coalescer.clone());
            tokio::spawn(async move {
                let mut completed = 0;
                for n in 0..500 {
                    let key = if n % 2 == 0 { 0 } else { caller };
                    let arrived = counter.fetch_add(1, Ordering::SeqCst);
                    let lookup = coalescer.get(key);
                    if n % 7 == 3 {
                        _ = timeout(Duration::ZERO, lookup).await;
                        continue;
                    }
                    match lookup.await {
                        Ok(Some((of, at))) => {
                            assert_eq!(of, key);
                            assert!(at > arrived, "older than its request");
                            completed += 1;
                        }
                        Err(LookupError::Overloaded) => tokio::task::yield_now().await,
                        other => panic!("{other:?}"),
                    }
                }
                completed
            })
        })
        .collect();
    let mut completed = 0;
    for caller in callers {
        completed += caller.await.unwrap();
    }
    assert!(completed > 64, "not all were rejected");
    assert_eq!(coalescer.queued(), 0);
}
