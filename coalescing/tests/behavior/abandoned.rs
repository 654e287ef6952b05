//! Requests whose callers go away.

use openindex_coalescing::Coalescer;
use tokio::time::advance;

use crate::scripted_source::{ROUND_TRIP, ScriptedSource, arrive, found, options, results, settle};

#[tokio::test(start_paused = true)]
async fn a_request_abandoned_in_the_queue_is_not_looked_up() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 2, 8));
    let first = arrive(&coalescer, [9]).await;
    let waiting = arrive(&coalescer, [1, 3, 5, 3, 7]).await;
    for abandoned in [0, 1] {
        waiting[abandoned].abort();
    }
    settle().await;
    results(first).await;
    let stayed = found(results(waiting.into_iter().skip(2)).await);
    assert_eq!(source.batches(), [vec![9], vec![5, 3], vec![7]]);
    assert_eq!(stayed, [Some((5, 2)), Some((3, 2)), Some((7, 3))]);
}

#[tokio::test(start_paused = true)]
async fn a_request_abandoned_in_flight_does_not_affect_its_batch() {
    let source = ScriptedSource::default();
    let coalescer = Coalescer::new(source.clone(), options(1, 8, 8));
    let lone = arrive(&coalescer, [9]).await;
    let waiting = arrive(&coalescer, [1, 3, 5, 3]).await;
    lone[0].abort();
    advance(ROUND_TRIP + ROUND_TRIP / 2).await;
    settle().await;
    assert_eq!(source.batches().len(), 2, "the second batch is in flight");
    waiting[0].abort();
    waiting[1].abort();
    let stayed = found(results(waiting.into_iter().skip(2)).await);
    assert_eq!(stayed, [Some((5, 2)), Some((3, 2))]);
    assert_eq!(coalescer.get(11).await.unwrap(), Some((11, 3)));
}
