use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use openindex_domain::user::HashError;
use tokio::sync::{Semaphore, TryAcquireError};

/// Limits on password hashing in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum number of passwords hashed at the same time. Each uses one thread and 19 MiB.
    pub max_running: NonZeroUsize,
    /// Maximum number of passwords queued beyond those; further ones fail with [`HashError::Busy`].
    /// At tens of milliseconds per hash, the last of 64 waits for seconds.
    pub max_queued: usize,
}

impl Limits {
    /// The default of [`Limits::max_queued`].
    pub const DEFAULT_MAX_QUEUED: usize = 64;
}

impl Default for Limits {
    /// Runs at most half as many as there are processors available to this process, and at least
    /// one; queues [`Limits::DEFAULT_MAX_QUEUED`].
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            max_running: NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN),
            max_queued: Self::DEFAULT_MAX_QUEUED,
        }
    }
}

/// Runs jobs on blocking threads, within [`Limits`].
#[derive(Debug)]
pub(crate) struct Limiter {
    /// One permit for each running or queued job.
    admitted: Arc<Semaphore>,
    /// One permit for each running job; queued jobs acquire it in order of arrival.
    running: Arc<Semaphore>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        let running = limits.max_running.get().min(Semaphore::MAX_PERMITS);
        let admitted = running
            .saturating_add(limits.max_queued)
            .min(Semaphore::MAX_PERMITS);
        Self {
            admitted: Arc::new(Semaphore::new(admitted)),
            running: Arc::new(Semaphore::new(running)),
        }
    }

    /// Queues `job`, runs it on a blocking thread and returns its result. Dropping the future
    /// removes a queued job; a running one cannot be interrupted and counts until it ends.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] immediately if the queue is full; [`HashError::Failed`] if the job
    /// panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let admission = match self.admitted.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) => return Err(HashError::Busy),
            Err(closed @ TryAcquireError::Closed) => return Err(HashError::failed(closed)),
        };
        let permit = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(HashError::failed)?;
        tokio::task::spawn_blocking(move || {
            let _held_until_the_end = (admission, permit);
            job()
        })
        .await
        .map_err(HashError::failed)?
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn limiter(max_running: usize, max_queued: usize) -> Limiter {
        Limiter::new(Limits {
            max_running: NonZeroUsize::new(max_running).unwrap(),
            max_queued,
        })
    }

    /// Polls a future once.
    fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn a_job_beyond_the_running_and_the_queued_ones_fails_as_busy() {
        let limiter = limiter(2, 3);
        let mut admitted = Vec::new();
        let mut releases = Vec::new();
        for n in 0..5 {
            let (release, held) = mpsc::channel::<()>();
            let mut run = Box::pin(limiter.run(move || {
                held.recv().map_err(HashError::failed)?;
                Ok(n)
            }));
            assert!(poll_once(run.as_mut()).is_pending());
            admitted.push(run);
            releases.push(release);
        }
        for _ in 0..3 {
            let rejected = limiter.run(|| Ok(())).await;
            assert!(matches!(rejected, Err(HashError::Busy)));
        }

        for (n, (run, release)) in admitted.into_iter().zip(releases).enumerate() {
            release.send(()).unwrap();
            assert_eq!(run.await.unwrap(), n);
        }
        assert!(
            limiter.run(|| Ok(())).await.is_ok(),
            "every permit was returned"
        );
    }

    #[tokio::test]
    async fn a_job_that_is_dropped_leaves_the_queue() {
        let limiter = limiter(1, 1);
        let (release, held) = mpsc::channel::<()>();
        let mut running = pin!(limiter.run(move || held.recv().map_err(HashError::failed)));
        assert!(poll_once(running.as_mut()).is_pending());
        for _ in 0..3 {
            let mut dropped = Box::pin(limiter.run(|| Ok(())));
            assert!(poll_once(dropped.as_mut()).is_pending());
            assert!(matches!(limiter.run(|| Ok(())).await, Err(HashError::Busy)));
            drop(dropped);
        }
        release.send(()).unwrap();
        running.await.unwrap();
        limiter.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_running_job_counts_until_it_ends_even_if_its_future_was_dropped() {
        let limiter = limiter(1, 0);
        let (release, held) = mpsc::channel::<()>();
        let mut abandoned = Box::pin(limiter.run(move || held.recv().map_err(HashError::failed)));
        assert!(poll_once(abandoned.as_mut()).is_pending());
        drop(abandoned);
        assert!(matches!(limiter.run(|| Ok(())).await, Err(HashError::Busy)));

        release.send(()).unwrap();
        // Its thread returns the permit when it ends.
        drop(limiter.admitted.acquire().await.unwrap());
        limiter.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_returns_its_permit() {
        let limiter = limiter(1, 0);
        let panicked = limiter.run(|| -> Result<(), _> { panic!("a bug") }).await;
        assert!(matches!(panicked, Err(HashError::Failed(_))));
        limiter.run(|| Ok(())).await.unwrap();
    }

    #[test]
    fn the_default_leaves_half_of_the_processors_to_other_requests() {
        let limits = Limits::default();
        let processors = thread::available_parallelism().unwrap().get();
        assert!(limits.max_running.get() == 1 || limits.max_running.get() * 2 <= processors);
        assert_eq!(limits.max_queued, 64);
    }
}
