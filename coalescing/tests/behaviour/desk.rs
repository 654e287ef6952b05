//! A scripted source, and requests to it.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openindex_coalescing::{Coalescer, LookupError, Options, Source};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(crate) const DEADLINE: Duration = Duration::from_millis(100);
pub(crate) const TRIP: Duration = Duration::from_millis(10);

/// What the desk does with a batch; without any, it answers after [`TRIP`].
pub(crate) enum Act {
    Answer,
    AnswerAfter(Duration),
    Fail,
    Hang,
    Panic,
    PanicBeforeWaiting,
    PanicAsDropped,
    AnswerTooFew,
    AnswerTooMany,
}

#[derive(Debug, thiserror::Error)]
#[error("the desk is closed")]
pub(crate) struct Closed;

/// Answers a key with the key and the number of the batch that asked for it, odd keys only.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    acts: Arc<Mutex<VecDeque<Act>>>,
    pub(crate) asked: Arc<Mutex<Vec<Vec<u32>>>>,
}

impl Desk {
    pub(crate) fn that(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            ..Self::default()
        }
    }

    pub(crate) fn asked(&self) -> Vec<Vec<u32>> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

struct PanicsAsDropped;

impl Drop for PanicsAsDropped {
    fn drop(&mut self) {
        resume_unwind(Box::new("simulated"));
    }
}

impl Source for Desk {
    type Key = u32;
    type Value = (u32, usize);
    type Error = Closed;

    async fn fetch(&self, keys: &[u32]) -> Result<Vec<Option<(u32, usize)>>, Closed> {
        let batch = {
            let mut asked = self.asked.lock().expect("not poisoned");
            asked.push(keys.to_vec());
            asked.len()
        };
        let act = self.acts.lock().expect("not poisoned").pop_front();
        let mut answers: Vec<_> = keys
            .iter()
            .map(|key| (key % 2 == 1).then_some((*key, batch)))
            .collect();
        match act.unwrap_or(Act::Answer) {
            Act::Answer => sleep(TRIP).await,
            Act::AnswerAfter(trip) => sleep(trip).await,
            Act::Fail => {
                sleep(TRIP).await;
                return Err(Closed);
            }
            Act::Hang => std::future::pending().await,
            // Unlike `panic!`, this prints nothing.
            Act::PanicBeforeWaiting => resume_unwind(Box::new("simulated")),
            Act::Panic => {
                sleep(TRIP).await;
                resume_unwind(Box::new("simulated"));
            }
            Act::PanicAsDropped => {
                let _panics = PanicsAsDropped;
                std::future::pending::<()>().await;
            }
            Act::AnswerTooFew => {
                answers.pop();
            }
            Act::AnswerTooMany => answers.push(None),
        }
        Ok(answers)
    }
}

pub(crate) type Answer = Result<Option<(u32, usize)>, LookupError<Closed>>;

pub(crate) fn options(lanes: usize, max_batch: usize, max_queue: usize) -> Options {
    let some = |number| NonZero::new(number).expect("not zero");
    Options {
        lanes: some(lanes),
        max_batch: some(max_batch),
        max_queue: some(max_queue),
        deadline: DEADLINE,
    }
}

/// Requests that arrive in this order, now.
pub(crate) async fn arrive(
    desk: &Coalescer<Desk>,
    keys: impl IntoIterator<Item = u32>,
) -> VecDeque<JoinHandle<(Answer, Duration)>> {
    let requests = keys
        .into_iter()
        .map(|key| {
            let desk = desk.clone();
            tokio::spawn(async move {
                let arrived = Instant::now();
                (desk.get(key).await, arrived.elapsed())
            })
        })
        .collect();
    settle().await;
    requests
}

/// Lets everything run that can without time passing.
pub(crate) async fn settle() {
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn answers(
    requests: impl IntoIterator<Item = JoinHandle<(Answer, Duration)>>,
) -> Vec<Answer> {
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.expect("no request panics").0);
    }
    answers
}

pub(crate) fn found(answers: Vec<Answer>) -> Vec<Option<(u32, usize)>> {
    answers
        .into_iter()
        .map(|answer| answer.expect("an answer"))
        .collect()
}
