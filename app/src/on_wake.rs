//! A future beside a busy one.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future only when it was woken itself, and not whenever another future of its task was:
/// the timeouts of a connection need not be looked at for each request.
pub(crate) struct OnWake<'a, F> {
    future: Pin<&'a mut F>,
    woken: Arc<Woken>,
    /// Of `woken`.
    waker: Waker,
    /// Of the task, as in `woken`.
    task: Waker,
}

struct Woken {
    is_woken: AtomicBool,
    task: Mutex<Waker>,
}

impl<'a, F: Future> OnWake<'a, F> {
    pub(crate) fn new(future: Pin<&'a mut F>) -> Self {
        let task = Waker::noop().clone();
        let woken = Arc::new(Woken {
            is_woken: AtomicBool::new(true),
            task: Mutex::new(task.clone()),
        });
        Self {
            future,
            waker: woken.clone().into(),
            woken,
            task,
        }
    }
}

impl<F: Future> Future for OnWake<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.task.will_wake(cx.waker()) {
            self.task.clone_from(cx.waker());
            self.woken.task().clone_from(&self.task);
        }
        // After the task's waker was stored, so that no wake is missed.
        if !self.woken.is_woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        let this = &mut *self;
        let mut cx = Context::from_waker(&this.waker);
        this.future.as_mut().poll(&mut cx)
    }
}

impl Woken {
    fn task(&self) -> MutexGuard<'_, Waker> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task().wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_future_is_polled_only_when_woken() {
        let (own, other, mut polls) = (Notify::new(), Notify::new(), 0);
        let mut notified = pin!(own.notified());
        let mut counted = pin!(poll_fn(|cx| {
            polls += 1;
            notified.as_mut().poll(cx)
        }));
        let mut quiet = OnWake::new(counted.as_mut());
        for _ in 0..3 {
            other.notify_one();
            tokio::select! {
                biased;
                () = &mut quiet => unreachable!("not notified"),
                () = other.notified() => {}
            }
        }
        own.notify_one();
        quiet.await;
        assert_eq!(polls, 2);
    }

    #[tokio::test]
    async fn a_wake_reaches_the_task_that_polled_last() {
        let notify = Notify::new();
        let mut notified = pin!(notify.notified());
        let mut quiet = pin!(OnWake::new(notified.as_mut()));
        let mut other = Context::from_waker(Waker::noop());
        assert!(quiet.as_mut().poll(&mut other).is_pending());
        tokio::join!(quiet, async { notify.notify_one() });
    }
}
