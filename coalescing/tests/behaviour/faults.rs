//! A source that is late, fails, panics or breaks its contract.

use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use openindex_coalescing::{Coalescer, LookupError, Options, Source};
use tokio::time::{Instant, advance, sleep};

use crate::desk::{Act, Closed, DEADLINE, Desk, TRIP, answers, arrive, found, options};

#[tokio::test(start_paused = true)]
async fn a_hanging_batch_fails_its_members_at_the_deadline_and_nobody_else() {
    let desk = Desk::that([Act::Hang]);
    let coalescer = Coalescer::new(desk.clone(), options(2, 2, 8));
    let started = Instant::now();
    let mut hanging = arrive(&coalescer, [1, 3]).await;
    let mut others = arrive(&coalescer, [1, 5]).await;
    others.extend(arrive(&coalescer, [7]).await);
    assert_eq!(
        found(answers(others).await),
        [Some((1, 2)), Some((5, 2)), Some((7, 3))]
    );
    assert_eq!(started.elapsed(), 2 * TRIP);
    while let Some(request) = hanging.pop_front() {
        let (answer, took) = request.await.unwrap();
        assert!(matches!(answer, Err(LookupError::TimedOut)));
        assert_eq!(took, DEADLINE);
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_is_answered_within_twice_the_deadline() {
    let desk = Desk::that([Act::Hang, Act::Hang, Act::Hang]);
    let coalescer = Coalescer::new(desk.clone(), options(1, 1, 8));
    let started = Instant::now();
    let mut requests = arrive(&coalescer, [1]).await;
    advance(DEADLINE / 10).await;
    requests.extend(arrive(&coalescer, [3, 5, 7]).await);
    let mut took = Vec::new();
    for request in requests {
        let (answer, after) = request.await.unwrap();
        assert!(matches!(answer, Err(LookupError::TimedOut)));
        took.push(after);
    }
    assert_eq!(
        desk.asked(),
        [[1], [3]],
        "the third waited too long, and was not asked for"
    );
    let late = DEADLINE * 19 / 10;
    assert_eq!(took, [DEADLINE, late, late, late]);
    assert_eq!(started.elapsed(), 2 * DEADLINE);
    assert_eq!(coalescer.queued(), 0);
    let after = coalescer.get(9).await;
    assert!(
        matches!(after, Err(LookupError::TimedOut)),
        "the third to hang"
    );
    assert_eq!(
        coalescer.get(9).await.unwrap(),
        Some((9, 4)),
        "the lane is free"
    );
}

#[tokio::test(start_paused = true)]
async fn the_bound_is_reached_and_not_passed() {
    let desk = Desk::that([Act::Hang, Act::Hang]);
    let coalescer = Coalescer::new(desk.clone(), options(1, 1, 8));
    // Both arrive as the lane has just left, and wait for exactly one deadline.
    let requests = arrive(&coalescer, [1]).await;
    let (answer, took) = arrive(&coalescer, [3])
        .await
        .remove(0)
        .unwrap()
        .await
        .unwrap();
    assert!(matches!(answer, Err(LookupError::TimedOut)));
    assert_eq!(took, 2 * DEADLINE);
    answers(requests).await;
}

#[tokio::test(start_paused = true)]
async fn no_deadline_is_too_long() {
    let deadline = Duration::MAX;
    let options = Options {
        deadline,
        ..options(1, 1, 1)
    };
    let coalescer = Coalescer::new(Desk::default(), options);
    assert_eq!(coalescer.get(1).await.unwrap(), Some((1, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_failing_batch_fails_its_members_with_the_error_they_share() {
    let desk = Desk::that([Act::Answer, Act::Fail]);
    let coalescer = Coalescer::new(desk.clone(), options(1, 2, 8));
    let mut requests = arrive(&coalescer, [1]).await;
    requests.extend(arrive(&coalescer, [3, 5, 7]).await);
    let answers = answers(requests).await;
    let [
        Ok(Some((1, 1))),
        Err(LookupError::Failed(a)),
        Err(LookupError::Failed(b)),
        Ok(Some((7, 3))),
    ] = &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert!(Arc::ptr_eq(a, b));
    let error: &dyn std::error::Error = answers[1].as_ref().unwrap_err();
    assert_eq!(error.to_string(), "the lookup failed");
    assert_eq!(error.source().unwrap().to_string(), "the desk is closed");
}

#[tokio::test(start_paused = true)]
async fn a_panicking_batch_loses_its_members_and_the_lane_goes_on() {
    for act in [Act::Panic, Act::PanicBeforeWaiting, Act::PanicAsDropped] {
        let desk = Desk::that([Act::Answer, act]);
        let coalescer = Coalescer::new(desk.clone(), options(1, 2, 8));
        let mut requests = arrive(&coalescer, [1]).await;
        requests.extend(arrive(&coalescer, [3, 3, 5, 7]).await);
        let answers = answers(requests).await;
        let [
            Ok(Some((1, 1))),
            Err(LookupError::Lost),
            Err(LookupError::Lost),
            Err(LookupError::Lost),
            Ok(Some((7, 3))) | Err(LookupError::TimedOut),
        ] = &answers[..]
        else {
            panic!("{answers:?}");
        };
        assert_eq!(coalescer.get(9).await.unwrap().unwrap().0, 9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_number_of_answers_answers_nobody() {
    for (act, answered) in [(Act::AnswerTooFew, 1), (Act::AnswerTooMany, 3)] {
        let desk = Desk::that([act]);
        let coalescer = Coalescer::new(desk.clone(), options(1, 2, 8));
        for answer in answers(arrive(&coalescer, [1, 3, 3]).await).await {
            let Err(LookupError::Malformed {
                asked: 2,
                answered: n,
            }) = answer
            else {
                panic!("{answer:?}");
            };
            assert_eq!(n, answered);
        }
        assert_eq!(coalescer.get(9).await.unwrap(), Some((9, 2)));
    }
}

/// A key that breaks the rule: compared with its like, it panics.
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
        sleep(TRIP).await;
        Ok(keys.iter().map(|key| Some(key.0)).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_panics_harms_who_waits_and_not_who_comes_after() {
    let coalescer = Coalescer::new(Thirteens, options(1, 8, 3));
    for _ in 0..4 {
        let unlucky = [13, 1, 13].map(|key| {
            let coalescer = coalescer.clone();
            tokio::spawn(async move { coalescer.get(Thirteen(key)).await })
        });
        for request in unlucky {
            let answer = request.await.unwrap();
            assert!(matches!(answer, Err(LookupError::Lost)), "{answer:?}");
        }
        assert_eq!(coalescer.queued(), 0);
        assert_eq!(coalescer.get(Thirteen(13)).await.unwrap(), Some(13));
    }
}
