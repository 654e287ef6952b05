//! A source that is slow, fails, panics or breaks its contract.

use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use openindex_coalescing::{Coalescer, LookupError, Options, Source};
use tokio::time::{Instant, advance, sleep};

use crate::scripted_source::{
    Act, Closed, DEADLINE, ROUND_TRIP, ScriptedSource, arrive, found, options, results,
};

#[tokio::test(start_paused = true)]
async fn a_hanging_batch_fails_only_its_own_requests_at_the_deadline() {
    let source = ScriptedSource::scripted([Act::Hang]);
    let coalescer = Coalescer::new(source.clone(), options(2, 2, 8));
    let started = Instant::now();
    let mut hanging = arrive(&coalescer, [1, 3]).await;
    let mut others = arrive(&coalescer, [1, 5]).await;
    others.extend(arrive(&coalescer, [7]).await);
    assert_eq!(
        found(results(others).await),
        [Some((1, 2)), Some((5, 2)), Some((7, 3))]
    );
    assert_eq!(started.elapsed(), 2 * ROUND_TRIP);
    while let Some(request) = hanging.pop_front() {
        let (result, took) = request.await.unwrap();
        assert!(matches!(result, Err(LookupError::TimedOut)));
        assert_eq!(took, DEADLINE);
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_completes_within_twice_the_deadline() {
    let source = ScriptedSource::scripted([Act::Hang, Act::Hang, Act::Hang]);
    let coalescer = Coalescer::new(source.clone(), options(1, 1, 8));
    let started = Instant::now();
    let mut requests = arrive(&coalescer, [1]).await;
    advance(DEADLINE / 10).await;
    requests.extend(arrive(&coalescer, [3, 5, 7]).await);
    let mut took = Vec::new();
    for request in requests {
        let (result, after) = request.await.unwrap();
        assert!(matches!(result, Err(LookupError::TimedOut)));
        took.push(after);
    }
    assert_eq!(
        source.batches(),
        [[1], [3]],
        "the third waited too long and was not looked up"
    );
    let late = DEADLINE * 19 / 10;
    assert_eq!(took, [DEADLINE, late, late, late]);
    assert_eq!(started.elapsed(), 2 * DEADLINE);
    assert_eq!(coalescer.queued(), 0);
    let after = coalescer.get(9).await;
    assert!(
        matches!(after, Err(LookupError::TimedOut)),
        "the third batch that hangs"
    );
    assert_eq!(
        coalescer.get(9).await.unwrap(),
        Some((9, 4)),
        "the worker is free"
    );
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_twice_the_deadline_is_reached_and_not_exceeded() {
    let source = ScriptedSource::scripted([Act::Hang, Act::Hang]);
    let coalescer = Coalescer::new(source.clone(), options(1, 1, 8));
    // Both arrive just after the worker sent a batch, and wait for exactly one deadline.
    let requests = arrive(&coalescer, [1]).await;
    let (result, took) = arrive(&coalescer, [3])
        .await
        .remove(0)
        .unwrap()
        .await
        .unwrap();
    assert!(matches!(result, Err(LookupError::TimedOut)));
    assert_eq!(took, 2 * DEADLINE);
    results(requests).await;
}

#[tokio::test(start_paused = true)]
async fn the_maximum_deadline_does_not_overflow() {
    let deadline = Duration::MAX;
    let options = Options {
        deadline,
        ..options(1, 1, 1)
    };
    let coalescer = Coalescer::new(ScriptedSource::default(), options);
    assert_eq!(coalescer.get(1).await.unwrap(), Some((1, 1)));
}

#[tokio::test(start_paused = true)]
async fn the_requests_of_a_failed_batch_share_its_error() {
    let source = ScriptedSource::scripted([Act::Return, Act::Fail]);
    let coalescer = Coalescer::new(source.clone(), options(1, 2, 8));
    let mut requests = arrive(&coalescer, [1]).await;
    requests.extend(arrive(&coalescer, [3, 5, 7]).await);
    let results = results(requests).await;
    let [
        Ok(Some((1, 1))),
        Err(LookupError::Failed(a)),
        Err(LookupError::Failed(b)),
        Ok(Some((7, 3))),
    ] = &results[..]
    else {
        panic!("{results:?}");
    };
    assert!(Arc::ptr_eq(a, b));
    let error: &dyn std::error::Error = results[1].as_ref().unwrap_err();
    assert_eq!(error.to_string(), "the lookup failed");
    assert_eq!(error.source().unwrap().to_string(), "the source is closed");
}

#[tokio::test(start_paused = true)]
async fn a_panicking_batch_loses_its_requests_and_the_worker_continues() {
    for act in [Act::Panic, Act::PanicImmediately, Act::PanicOnDrop] {
        let source = ScriptedSource::scripted([Act::Return, act]);
        let coalescer = Coalescer::new(source.clone(), options(1, 2, 8));
        let mut requests = arrive(&coalescer, [1]).await;
        requests.extend(arrive(&coalescer, [3, 3, 5, 7]).await);
        let results = results(requests).await;
        let [
            Ok(Some((1, 1))),
            Err(LookupError::Lost),
            Err(LookupError::Lost),
            Err(LookupError::Lost),
            Ok(Some((7, 3))) | Err(LookupError::TimedOut),
        ] = &results[..]
        else {
            panic!("{results:?}");
        };
        assert_eq!(coalescer.get(9).await.unwrap().unwrap().0, 9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_number_of_results_fails_every_request() {
    for (act, returned) in [(Act::ReturnTooFew, 1), (Act::ReturnTooMany, 3)] {
        let source = ScriptedSource::scripted([act]);
        let coalescer = Coalescer::new(source.clone(), options(1, 2, 8));
        for result in results(arrive(&coalescer, [1, 3, 3]).await).await {
            let Err(LookupError::Malformed {
                requested: 2,
                returned: n,
            }) = result
            else {
                panic!("{result:?}");
            };
            assert_eq!(n, returned);
        }
        assert_eq!(coalescer.get(9).await.unwrap(), Some((9, 2)));
    }
}

/// A key that breaks the contract: comparing two keys of 13 panics.
#[derive(Clone)]
struct Thirteen(u32);

impl Hash for Thirteen {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Thirteen {
    fn eq(&self, other: &Self) -> bool {
        if self.0 == 13 && other.0 == 13 {
            resume_unwind(Box::new("simulated"));
        }
        self.0 == other.0
    }
}

impl Eq for Thirteen {}

struct Thirteens;

impl Source for Thirteens {
    type Key = Thirteen;
    type Value = u32;
    type Error = Closed;

    async fn fetch(&self, keys: &[Thirteen]) -> Result<Vec<Option<u32>>, Closed> {
        sleep(ROUND_TRIP).await;
        Ok(keys.iter().map(|key| Some(key.0)).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_loses_the_queued_requests_but_not_later_ones() {
    let coalescer = Coalescer::new(Thirteens, options(1, 8, 3));
    for _ in 0..4 {
        let unlucky = [13, 1, 13].map(|key| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move { coalescer.get(Thirteen(key)).await })
        });
        for request in unlucky {
            let result = request.await.unwrap();
            assert!(matches!(result, Err(LookupError::Lost)), "{result:?}");
        }
        assert_eq!(coalescer.queued(), 0);
        assert_eq!(coalescer.get(Thirteen(13)).await.unwrap(), Some(13));
    }
}
