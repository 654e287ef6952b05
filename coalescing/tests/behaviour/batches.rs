//! How requests gather, queue and leave.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openindex_coalescing::{Batch, Coalescer, LookupError, Outcome};
use tokio::time::{Instant, advance};

use crate::desk::{Act, Desk, TRIP, answers, arrive, found, options, settle};

#[tokio::test(start_paused = true)]
async fn a_lone_request_leaves_at_once() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 8, 8));
    let started = Instant::now();
    assert_eq!(coalescer.get(7).await.unwrap(), Some((7, 1)));
    assert_eq!(started.elapsed(), TRIP, "the trip and no more");
    assert_eq!(
        coalescer.get(8).await.unwrap(),
        None,
        "the lane was free again"
    );
    assert_eq!(started.elapsed(), 2 * TRIP);
}

#[tokio::test(start_paused = true)]
async fn a_request_never_joins_a_batch_in_flight() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 8, 8));
    let first = arrive(&coalescer, [1]).await;
    advance(TRIP / 2).await;
    let same_key_later = arrive(&coalescer, [1]).await;
    assert_eq!(found(answers(first).await), [Some((1, 1))]);
    assert_eq!(found(answers(same_key_later).await), [Some((1, 2))]);
}

#[tokio::test(start_paused = true)]
async fn what_arrives_meanwhile_leaves_together_first_in_first_out() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 3, 8));
    let requests = arrive(&coalescer, [9]).await;
    let next = arrive(&coalescer, [5, 3, 8, 7, 1]).await;
    answers(requests.into_iter().chain(next)).await;
    assert_eq!(desk.asked(), [vec![9], vec![5, 3, 8], vec![7, 1]]);
}

#[tokio::test(start_paused = true)]
async fn a_burst_wakes_no_more_lanes_than_it_fills() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(4, 2, 16));
    let started = Instant::now();
    answers(arrive(&coalescer, 1..=3).await).await;
    assert_eq!(desk.asked(), [vec![1, 2], vec![3]]);
    assert_eq!(started.elapsed(), TRIP, "at the same time");
}

#[tokio::test(start_paused = true)]
async fn lanes_bound_what_is_in_flight() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(2, 1, 16));
    let requests = arrive(&coalescer, 1..=5).await;
    for in_flight in [2, 4, 5] {
        assert_eq!(desk.asked().len(), in_flight);
        advance(TRIP).await;
        settle().await;
    }
    answers(requests).await;
}

#[tokio::test(start_paused = true)]
async fn equal_keys_are_asked_once_and_do_not_fill_the_batch() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 2, 100));
    let first = arrive(&coalescer, [9]).await;
    let hot = arrive(
        &coalescer,
        [vec![7; 50], vec![5; 20], vec![7; 20], vec![3]].concat(),
    )
    .await;
    answers(first).await;
    let hot = found(answers(hot).await);
    assert_eq!(desk.asked(), [vec![9], vec![7, 5], vec![3]]);
    assert_eq!(hot[..50], [Some((7, 2)); 50]);
    assert_eq!(hot[50..70], [Some((5, 2)); 20]);
    assert_eq!(hot[70..90], [Some((7, 2)); 20]);
    assert_eq!(hot[90], Some((3, 3)));
}

#[tokio::test(start_paused = true)]
async fn each_key_of_a_large_batch_gets_its_own_answer() {
    let desk = Desk::default();
    // More keys than are compared one by one.
    let coalescer = Coalescer::new(desk.clone(), options(1, 100, 1000));
    let requests: Vec<_> = (0..300)
        .map(|n| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move { (n * 7 % 101, coalescer.get(n * 7 % 101).await) })
        })
        .collect();
    for request in requests {
        let (key, answer) = request.await.unwrap();
        assert_eq!(
            answer.unwrap().map(|(key, _)| key),
            (key % 2 == 1).then_some(key)
        );
    }
    let sizes: Vec<_> = desk.asked().iter().map(Vec::len).collect();
    assert_eq!(
        sizes,
        [100, 100, 100],
        "each from the first key without room"
    );
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 8, 3));
    let requests = arrive(&coalescer, [1]).await;
    let waiting = arrive(&coalescer, [3, 5, 5]).await;
    assert_eq!(coalescer.queued(), 3);
    let started = Instant::now();
    let refused = coalescer.get(5).await;
    assert!(matches!(refused, Err(LookupError::Overloaded)));
    assert_eq!(started.elapsed(), Duration::ZERO);
    found(answers(requests).await);
    assert_eq!(coalescer.queued(), 0, "which left together");
    assert_eq!(
        found(answers(waiting).await),
        [Some((3, 2)), Some((5, 2)), Some((5, 2))]
    );
    assert_eq!(
        desk.asked(),
        [vec![1], vec![3, 5]],
        "the refused one was not asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn an_observer_is_told_of_each_batch() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let observer = Arc::new(move |batch: &Batch| {
        log.lock().expect("not poisoned").push(batch.clone());
        resume_unwind(Box::new("simulated: an observer's panic goes no further"));
    });
    let slow = Act::AnswerAfter(9 * TRIP);
    let desk = Desk::that([Act::Hang, slow, Act::Fail, Act::Panic, Act::AnswerTooFew]);
    let coalescer = Coalescer::observed(desk, options(1, 2, 8), observer);
    let get = |key| {
        let coalescer = coalescer.clone();
        tokio::spawn(async move { coalescer.get(key).await })
    };
    let first = get(1);
    settle().await;
    advance(TRIP).await;
    let waiting = [1, 1, 3, 5].map(get);
    first.await.unwrap().unwrap_err();
    for request in waiting.into_iter().chain([get(7)]) {
        _ = request.await.unwrap();
    }
    for _ in 0..2 {
        _ = coalescer.get(1).await;
    }
    settle().await;
    let told: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .map(|b| {
            let (waited, took) = (b.waited.as_millis(), b.took.as_millis());
            (
                b.keys,
                b.requests,
                b.expired,
                b.left_behind,
                waited,
                took,
                b.outcome,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, 1, 0, 0, 0, 100, Outcome::TimedOut),
            (2, 3, 0, 1, 90, 90, Outcome::Answered),
            (1, 1, 1, 0, 90, 10, Outcome::Failed),
            (1, 1, 0, 0, 0, 10, Outcome::Panicked),
            (1, 1, 0, 0, 0, 0, Outcome::Malformed),
        ],
        "of the last to arrive at 10 ms nobody asked: by 190 ms it had waited too long"
    );
}
