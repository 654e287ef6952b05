//! How requests are queued and batched.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openindex_coalescing::{BatchStats, Coalescer, LookupError, Outcome};
use tokio::time::{Instant, advance};

use crate::scripted_source::{
    Act, ROUND_TRIP, ScriptedSource, arrive, found, options, results, settle,
};

#[tokio::test(start_paused = true)]
async fn a_lone_request_is_sent_immediately() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 8, 8));
    let started = Instant::now();
    assert_eq!(coalescer.get(7).await.unwrap(), Some((7, 1)));
    assert_eq!(started.elapsed(), ROUND_TRIP, "one round trip");
    assert_eq!(
        coalescer.get(8).await.unwrap(),
        None,
        "the worker was free again"
    );
    assert_eq!(started.elapsed(), 2 * ROUND_TRIP);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_a_batch_completes_joins_the_next_one() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 8, 8));
    let twice = coalescer.clone();
    let caller = tokio::spawn(async move {
        twice.get(1).await.unwrap();
        twice.get(5).await.unwrap()
    });
    settle().await;
    let waiting = arrive(&coalescer, [3]).await;
    assert_eq!(found(results(waiting).await), [Some((3, 2))]);
    assert_eq!(caller.await.unwrap(), Some((5, 2)));
    assert_eq!(source.batches(), [vec![1], vec![3, 5]]);
}

#[tokio::test(start_paused = true)]
async fn a_request_never_joins_a_batch_in_flight() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 8, 8));
    let first = arrive(&coalescer, [1]).await;
    advance(ROUND_TRIP / 2).await;
    let same_key_later = arrive(&coalescer, [1]).await;
    assert_eq!(found(results(first).await), [Some((1, 1))]);
    assert_eq!(found(results(same_key_later).await), [Some((1, 2))]);
}

#[tokio::test(start_paused = true)]
async fn requests_that_arrive_meanwhile_are_batched_first_in_first_out() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 3, 8));
    let requests = arrive(&coalescer, [9]).await;
    let next = arrive(&coalescer, [5, 3, 8, 7, 1]).await;
    results(requests.into_iter().chain(next)).await;
    assert_eq!(source.batches(), [vec![9], vec![5, 3, 8], vec![7, 1]]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_starts_no_more_workers_than_it_fills() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(4, 2, 16));
    let started = Instant::now();
    results(arrive(&coalescer, 1..=3).await).await;
    assert_eq!(source.batches(), [vec![1, 2], vec![3]]);
    assert_eq!(started.elapsed(), ROUND_TRIP, "at the same time");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_workers_limits_the_batches_in_flight() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(2, 1, 16));
    let requests = arrive(&coalescer, 1..=5).await;
    for in_flight in [2, 4, 5] {
        assert_eq!(source.batches().len(), in_flight);
        advance(ROUND_TRIP).await;
        settle().await;
    }
    results(requests).await;
}

#[tokio::test(start_paused = true)]
async fn equal_keys_are_looked_up_once_and_do_not_fill_the_batch() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 2, 100));
    let first = arrive(&coalescer, [9]).await;
    let hot = arrive(
        &coalescer,
        [vec![7; 50], vec![5; 20], vec![7; 20], vec![3]].concat(),
    )
    .await;
    results(first).await;
    let hot = found(results(hot).await);
    assert_eq!(source.batches(), [vec![9], vec![7, 5], vec![3]]);
    assert_eq!(hot[..50], [Some((7, 2)); 50]);
    assert_eq!(hot[50..70], [Some((5, 2)); 20]);
    assert_eq!(hot[70..90], [Some((7, 2)); 20]);
    assert_eq!(hot[90], Some((3, 3)));
}

#[tokio::test(start_paused = true)]
async fn each_key_of_a_large_batch_gets_its_own_result() {
    let source = ScriptedSource::default();
    // More keys than are compared one by one.
    let coalescer = Coalescer::new(source.clone(), options(1, 100, 1000));
    let requests: Vec<_> = (0..300)
        .map(|n| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move { (n * 7 % 101, coalescer.get(n * 7 % 101).await) })
        })
        .collect();
    for request in requests {
        let (key, result) = request.await.unwrap();
        assert_eq!(
            result.unwrap().map(|(key, _)| key),
            (key % 2 == 1).then_some(key)
        );
    }
    let sizes: Vec<_> = source.batches().iter().map(Vec::len).collect();
    assert_eq!(
        sizes,
        [100, 100, 100],
        "each starts with the first key that did not fit"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_to_a_full_queue_fails_immediately() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 8, 3));
    let requests = arrive(&coalescer, [1]).await;
    let waiting = arrive(&coalescer, [3, 5, 5]).await;
    assert_eq!(coalescer.queued(), 3);
    let started = Instant::now();
    let rejected = coalescer.get(5).await;
    assert!(matches!(rejected, Err(LookupError::Overloaded)));
    assert_eq!(started.elapsed(), Duration::ZERO);
    found(results(requests).await);
    assert_eq!(
        found(results(waiting).await),
        [Some((3, 2)), Some((5, 2)), Some((5, 2))]
    );
    assert_eq!(coalescer.queued(), 0);
    assert_eq!(
        source.batches(),
        [vec![1], vec![3, 5]],
        "the rejected one was not looked up"
    );
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_called_after_each_batch() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let observer = Arc::new(move |batch: &BatchStats| {
        log.lock().expect("not poisoned").push(batch.clone());
        resume_unwind(Box::new("simulated: an observer's panic goes no further"));
    });
    let slow = Act::ReturnAfter(9 * ROUND_TRIP);
    let source =
        ScriptedSource::scripted([Act::Hang, slow, Act::Fail, Act::Panic, Act::ReturnTooFew]);
    let coalescer = Coalescer::observed(source, options(1, 2, 8), observer);
    let get = |key| {
        let coalescer = coalescer.clone();
        tokio::spawn(async move { coalescer.get(key).await })
    };
    let first = get(1);
    settle().await;
    advance(ROUND_TRIP).await;
    let waiting = [1, 1, 3, 5].map(get);
    first.await.unwrap().unwrap_err();
    for request in waiting.into_iter().chain([get(7)]) {
        _ = request.await.unwrap();
    }
    for _ in 0..2 {
        _ = coalescer.get(1).await;
    }
    settle().await;
    let seen: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|b| {
            let (waited, duration) = (b.waited.as_millis(), b.duration.as_millis());
            (
                b.keys, b.requests, b.expired, b.queued, waited, duration, b.outcome,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, 1, 0, 0, 0, 100, Outcome::TimedOut),
            (2, 3, 0, 1, 90, 90, Outcome::Succeeded),
            (1, 1, 1, 0, 90, 10, Outcome::Failed),
            (1, 1, 0, 0, 0, 10, Outcome::Panicked),
            (1, 1, 0, 0, 0, 0, Outcome::Malformed),
        ],
        "the last to arrive at 10 ms was not looked up: by 190 ms it had waited too long"
    );
}
