use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task;
use tokio::time::timeout_at;

use crate::batch::{Batch, Load, Outcome};
use crate::error::LookupError;
use crate::queue::Turn;
use crate::{Shared, Source};

/// The right to have one batch in flight at a time, given back when it is dropped.
pub(crate) struct Lane<S: Source> {
    shared: Arc<Shared<S>>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Running,
    Ended,
}

impl<S: Source> Lane<S> {
    /// Starts a lane that the queue has counted. No lock may be held: a runtime that is shutting
    /// down drops the lane at once, here.
    pub(crate) fn start(shared: &Arc<Shared<S>>) {
        let lane = Self {
            shared: Arc::clone(shared),
            stage: Stage::Starting,
        };
        tokio::spawn(lane.run());
    }

    async fn run(mut self) {
        let mut load = Load::new();
        loop {
            let starting = self.stage == Stage::Starting;
            let turn = self.shared.queue.take(&mut load, starting);
            self.stage = Stage::Running;
            match turn {
                Turn::Leave { start_another } => {
                    if start_another {
                        Self::start(&self.shared);
                    }
                    ask(&self.shared, &mut load).await;
                    // A source that never has to wait would otherwise keep the thread for itself.
                    task::consume_budget().await;
                }
                Turn::End => {
                    self.stage = Stage::Ended;
                    load.answer_expired();
                    return;
                }
            }
        }
    }
}

impl<S: Source> Drop for Lane<S> {
    fn drop(&mut self) {
        if self.stage != Stage::Ended {
            let starting = self.stage == Stage::Starting;
            self.shared.queue.lane_was_lost(starting);
        }
    }
}

/// Takes one batch to the source and its answers back.
async fn ask<S: Source>(shared: &Shared<S>, load: &mut Load<S>) {
    let expired = load.answer_expired();
    let (keys, requests) = (load.keys.len(), load.requests());
    let ends_at = load.left_at + shared.queue.options().deadline;
    let mut took = None;
    let asked = async {
        let answers = timeout_at(ends_at, shared.source.fetch(&load.keys)).await;
        // Reading the clock is among the dearest things that happen to a lone request.
        took = shared.observer.is_some().then(|| load.left_at.elapsed());
        match answers {
            Ok(Ok(answers)) => load.answer(answers),
            Ok(Err(error)) => load.fail(&LookupError::Failed(Arc::new(error)), Outcome::Failed),
            Err(_) => load.fail(&LookupError::TimedOut, Outcome::TimedOut),
        }
    };
    let outcome = caught(asked).await.unwrap_or(Outcome::Panicked);
    // Whom a panic left unanswered must not wait until the lane has its next load.
    load.clear();
    if let Some(observer) = &shared.observer {
        let batch = Batch {
            keys,
            requests,
            expired,
            left_behind: load.left_behind,
            waited: load.waited,
            took: took.unwrap_or_else(|| load.left_at.elapsed()),
            outcome,
        };
        _ = catch_unwind(AssertUnwindSafe(|| observer(&batch)));
    }
}

/// The output of `work`, or nothing if it panics: the lane goes on.
///
/// What `work` shares with the lane is cleared either way, so nothing torn is seen afterwards.
async fn caught<F: Future>(work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}
