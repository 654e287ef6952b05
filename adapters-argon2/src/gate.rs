use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use openindex_domain::user::HashError;
use tokio::sync::{Semaphore, TryAcquireError};

/// How much hashing a process takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Passwords hashed at the same time: each takes one thread and 19 MiB while it lasts.
    pub at_once: NonZeroUsize,
    /// Passwords that wait beyond those; the next one is refused as busy. At tens of milliseconds
    /// a hash, whoever is the last to be let in waits for seconds.
    pub waiting: usize,
}

impl Limits {
    /// Passwords that wait, unless said otherwise.
    pub const DEFAULT_WAITING: usize = 64;
}

impl Default for Limits {
    /// Half of the processors this process may use, and at least one;
    /// [`Limits::DEFAULT_WAITING`] may wait.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            at_once: NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN),
            waiting: Self::DEFAULT_WAITING,
        }
    }
}

/// Lets work run on threads of its own, within [`Limits`].
#[derive(Debug)]
pub(crate) struct Gate {
    /// A place for each that runs or waits.
    places: Arc<Semaphore>,
    /// A place for each that runs. Whoever waits is let in in the order of arrival.
    running: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(limits: Limits) -> Self {
        let at_once = limits.at_once.get().min(Semaphore::MAX_PERMITS);
        let places = at_once
            .saturating_add(limits.waiting)
            .min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            running: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Runs `work` when its turn comes. Whoever stops waiting gives up their place; work that has
    /// begun keeps it until it ends, since nothing can interrupt it.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] at once when every place is taken; [`HashError::Failed`] when the work
    /// panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let place = match self.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits) => return Err(HashError::Busy),
            Err(closed @ TryAcquireError::Closed) => return Err(HashError::failed(closed)),
        };
        let turn = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(HashError::failed)?;
        tokio::task::spawn_blocking(move || {
            let _held_until_the_end = (place, turn);
            work()
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

    fn gate(at_once: usize, waiting: usize) -> Gate {
        Gate::new(Limits {
            at_once: NonZeroUsize::new(at_once).unwrap(),
            waiting,
        })
    }

    /// Lets a future get as far as it can now, and no further.
    fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test]
    async fn beyond_those_that_run_and_those_that_wait_all_are_told_that_it_is_busy() {
        let gate = gate(2, 3);
        let mut admitted = Vec::new();
        let mut releases = Vec::new();
        for n in 0..5 {
            let (release, held) = mpsc::channel::<()>();
            let mut run = Box::pin(gate.run(move || {
                held.recv().map_err(HashError::failed)?;
                Ok(n)
            }));
            assert!(poll_once(run.as_mut()).is_pending());
            admitted.push(run);
            releases.push(release);
        }
        for _ in 0..3 {
            let refused = gate.run(|| Ok(())).await;
            assert!(matches!(refused, Err(HashError::Busy)));
        }

        for (n, (run, release)) in admitted.into_iter().zip(releases).enumerate() {
            release.send(()).unwrap();
            assert_eq!(run.await.unwrap(), n);
        }
        assert!(
            gate.run(|| Ok(())).await.is_ok(),
            "all places are free again"
        );
    }

    #[tokio::test]
    async fn whoever_stops_waiting_gives_up_their_place() {
        let gate = gate(1, 1);
        let (release, held) = mpsc::channel::<()>();
        let mut running = pin!(gate.run(move || held.recv().map_err(HashError::failed)));
        assert!(poll_once(running.as_mut()).is_pending());
        for _ in 0..3 {
            let mut impatient = Box::pin(gate.run(|| Ok(())));
            assert!(poll_once(impatient.as_mut()).is_pending());
            assert!(matches!(gate.run(|| Ok(())).await, Err(HashError::Busy)));
            drop(impatient);
        }
        release.send(()).unwrap();
        running.await.unwrap();
        gate.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_keeps_its_place_until_it_ends() {
        let gate = gate(1, 0);
        let (release, held) = mpsc::channel::<()>();
        let mut abandoned = Box::pin(gate.run(move || held.recv().map_err(HashError::failed)));
        assert!(poll_once(abandoned.as_mut()).is_pending());
        drop(abandoned);
        assert!(matches!(gate.run(|| Ok(())).await, Err(HashError::Busy)));

        release.send(()).unwrap();
        // Its place comes back when its thread is done with it.
        drop(gate.places.acquire().await.unwrap());
        gate.run(|| Ok(())).await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_its_place_is_free_again() {
        let gate = gate(1, 0);
        let panicked = gate.run(|| -> Result<(), _> { panic!("a bug") }).await;
        assert!(matches!(panicked, Err(HashError::Failed(_))));
        gate.run(|| Ok(())).await.unwrap();
    }

    #[test]
    fn by_default_half_of_the_processors_stay_free_for_other_requests() {
        let limits = Limits::default();
        let processors = thread::available_parallelism().unwrap().get();
        assert!(limits.at_once.get() == 1 || limits.at_once.get() * 2 <= processors);
        assert_eq!(limits.waiting, 64);
    }
}
