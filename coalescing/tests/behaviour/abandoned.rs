//! Requests whose callers go away.

use openindex_coalescing::Coalescer;
use tokio::time::advance;

use crate::desk::{Desk, TRIP, answers, arrive, found, options, settle};

#[tokio::test(start_paused = true)]
async fn who_gave_up_in_the_queue_is_not_asked_for() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 2, 8));
    let first = arrive(&coalescer, [9]).await;
    let waiting = arrive(&coalescer, [1, 3, 5, 3, 7]).await;
    for gives_up in [0, 1] {
        waiting[gives_up].abort();
    }
    settle().await;
    answers(first).await;
    let stayed = found(answers(waiting.into_iter().skip(2)).await);
    assert_eq!(desk.asked(), [vec![9], vec![5, 3], vec![7]]);
    assert_eq!(stayed, [Some((5, 2)), Some((3, 2)), Some((7, 3))]);
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_in_flight_leaves_no_hole() {
    let desk = Desk::default();
    let coalescer = Coalescer::new(desk.clone(), options(1, 8, 8));
    let lone = arrive(&coalescer, [9]).await;
    let waiting = arrive(&coalescer, [1, 3, 5, 3]).await;
    lone[0].abort();
    advance(TRIP + TRIP / 2).await;
    settle().await;
    assert_eq!(desk.asked().len(), 2, "the second batch is in flight");
    waiting[0].abort();
    waiting[1].abort();
    let stayed = found(answers(waiting.into_iter().skip(2)).await);
    assert_eq!(stayed, [Some((5, 2)), Some((3, 2))]);
    assert_eq!(coalescer.get(11).await.unwrap(), Some((11, 3)));
}
