use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task;
use tokio::time::timeout_at;
use tracing::{Span, debug_span, field};

use crate::batch::{Batch, BatchStats, Observer, Outcome};
use crate::error::LookupError;
use crate::queue::{Next, Queue};
use crate::source::Source;

/// What the workers of a coalescer share.
pub(crate) struct Shared<S: Source> {
    pub(crate) source: S,
    pub(crate) observer: Option<Observer>,
    pub(crate) queue: Queue<S>,
}

/// A task that has one batch in flight at a time. The queue stops counting it when it is dropped.
pub(crate) struct Worker<S: Source> {
    shared: Arc<Shared<S>>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Running,
    Ended,
}

impl<S: Source> Worker<S> {
    /// Spawns a worker that the queue already counts. No lock may be held: a runtime that is
    /// shutting down drops the worker here.
    pub(crate) fn spawn(shared: &Arc<Shared<S>>) {
        let worker = Self {
            shared: Arc::clone(shared),
            stage: Stage::Starting,
        };
        tokio::spawn(worker.run());
    }

    async fn run(mut self) {
        let mut batch = Batch::new();
        loop {
            let starting = self.stage == Stage::Starting;
            let next = self.shared.queue.fill(&mut batch, starting);
            self.stage = Stage::Running;
            match next {
                Next::Fetch { spawn_another } => {
                    if spawn_another {
                        Self::spawn(&self.shared);
                    }
                    fetch(&self.shared, &mut batch).await;
                    // Tasks that are ready, such as those of this batch, enqueue first what they
                    // look up next. A source that is always ready does not occupy the thread.
                    task::yield_now().await;
                }
                Next::Exit => {
                    self.stage = Stage::Ended;
                    batch.fail_expired();
                    return;
                }
            }
        }
    }
}

impl<S: Source> Drop for Worker<S> {
    fn drop(&mut self) {
        if self.stage != Stage::Ended {
            let starting = self.stage == Stage::Starting;
            self.shared.queue.worker_lost(starting);
        }
    }
}

/// Fetches a batch from the source and completes its requests.
async fn fetch<S: Source>(shared: &Shared<S>, batch: &mut Batch<S>) {
    let expired = batch.fail_expired();
    let (keys, requests) = (batch.keys.len(), batch.requests());
    let span = debug_span!(parent: None, "lookup batch", keys, requests, outcome = field::Empty);
    // It has as many callers as requests, so it is in the trace of none.
    for caller in batch.callers.drain(..) {
        span.follows_from(caller);
    }
    let deadline = batch.sent_at + shared.queue.options().deadline;
    let mut duration = None;
    let fetched = async {
        let results = timeout_at(deadline, shared.source.fetch(&batch.keys)).await;
        // Reading the clock is one of the largest costs of a lone request.
        duration = shared.observer.is_some().then(|| batch.sent_at.elapsed());
        match results {
            Ok(Ok(results)) => batch.complete(results),
            Ok(Err(error)) => batch.fail(&LookupError::Failed(Arc::new(error)), Outcome::Failed),
            Err(_) => batch.fail(&LookupError::TimedOut, Outcome::TimedOut),
        }
    };
    let outcome = catch_panic(&span, fetched)
        .await
        .unwrap_or(Outcome::Panicked);
    span.record("outcome", field::debug(outcome));
    drop(span);
    // Requests that a panic left without a result must not wait for the worker's next batch.
    batch.clear();
    if let Some(observer) = &shared.observer {
        let stats = BatchStats {
            keys,
            requests,
            expired,
            queued: batch.queued,
            waited: batch.waited,
            duration: duration.unwrap_or_else(|| batch.sent_at.elapsed()),
            outcome,
        };
        _ = catch_unwind(AssertUnwindSafe(|| observer(&stats)));
    }
}

/// Runs `work` in a span, and returns its output, or `None` if it panics, so that the worker
/// continues. (`Instrument` would move the future once more, which costs as much as the rest.)
///
/// Unwind-safe, because the caller clears what `work` shares with it in either case.
async fn catch_panic<F: Future>(span: &Span, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let _entered = span.enter();
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .map_or(Poll::Ready(None), |poll| poll.map(Some))
    })
    .await
}
