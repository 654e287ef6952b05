//! The timers behind what has to be done regularly on a store.

use std::convert::Infallible;
use std::future::{self, Future};
use std::pin::Pin;
use std::time::Duration;

use openindex_domain::StoreError;
use openindex_domain::rate_limit::RateLimits;
use openindex_domain::session::Sessions;
use openindex_domain::token::{PURGE_BATCH, Tokens};
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep};

/// The default interval at which last-used times are written: 2 seconds.
pub const DEFAULT_FLUSH_INTERVAL: Duration = Duration::from_secs(2);
/// The default interval at which expired records are purged: 1 hour.
pub const DEFAULT_PURGE_INTERVAL: Duration = Duration::from_hours(1);
/// How long last-used times may take to be written when the maintenance is to stop: 10 seconds,
/// including a write that is in progress by then. After that, those that were not written are lost.
pub const FINAL_FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two batches of a purge, as a multiple of the time that the first took.
const PURGE_PAUSE: u32 = 4;

/// What a service does regularly on its store, as one future: writes the last-used times of tokens,
/// and purges tokens that ended 30 days ago.
///
/// A failure is logged, and the work is done again at the next interval. Several replicas may do
/// this on one store.
///
/// ```
/// use openindex_adapters_system::Maintenance;
/// # use openindex_domain::testing::InMemory;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tokens = InMemory::default().use_cases.tokens;
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let maintenance = tokio::spawn(Maintenance::new(tokens).run(stopped));
/// // … serve …
/// drop(stop);
/// maintenance.await?; // has written the last-used times that were still in memory
/// # Ok(())
/// # }
/// ```
#[must_use = "does nothing until `run` is awaited"]
pub struct Maintenance {
    tokens: Tokens,
    sessions: Option<Sessions>,
    rate_limits: Option<RateLimits>,
    flush_interval: Duration,
    purge_interval: Duration,
    on_flush_failure: Box<dyn Fn(&StoreError) + Send + Sync>,
    tasks: Pin<Box<dyn Future<Output = Infallible> + Send>>,
}

impl Maintenance {
    /// Creates the maintenance of tokens, at [`DEFAULT_FLUSH_INTERVAL`] and
    /// [`DEFAULT_PURGE_INTERVAL`].
    pub fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            sessions: None,
            rate_limits: None,
            flush_interval: DEFAULT_FLUSH_INTERVAL,
            purge_interval: DEFAULT_PURGE_INTERVAL,
            on_flush_failure: Box::new(|error| {
                tracing::warn!(%error, cause = error.causes(), "last-used times not written");
            }),
            tasks: Box::pin(future::pending()),
        }
    }

    /// Also purges expired browser sessions, sign-in links and records of used forms.
    pub fn with_sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Also purges the counts of attempts in past windows.
    pub fn with_rate_limits(mut self, rate_limits: RateLimits) -> Self {
        self.rate_limits = Some(rate_limits);
        self
    }

    /// Sets the interval at which last-used times are written, at least 1 millisecond.
    pub fn with_flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = interval;
        self
    }

    /// Sets the interval at which expired records are purged, at least 1 millisecond.
    pub fn with_purge_interval(mut self, interval: Duration) -> Self {
        self.purge_interval = interval;
        self
    }

    /// Sets what to call when last-used times could not be written, instead of logging it. They are
    /// retained for the next time.
    pub fn on_flush_failure(
        mut self,
        report: impl Fn(&StoreError) + Send + Sync + 'static,
    ) -> Self {
        self.on_flush_failure = Box::new(report);
        self
    }

    /// Also calls `task` now and at this interval, at least 1 millisecond, and awaits what it
    /// returns.
    pub fn with_task<F>(mut self, interval: Duration, task: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.tasks;
        self.tasks = Box::pin(async move { tokio::join!(every(interval, task), tasks).0 });
        self
    }

    /// Does the work until `until` completes, writes the last-used times again, and returns the
    /// output of `until`: a signal to stop, or the server itself. Writing takes no longer than
    /// [`FINAL_FLUSH_TIMEOUT`].
    ///
    /// Purges and tasks that are then in progress are dropped.
    pub async fn run<T>(self, until: impl IntoFuture<Output = T>) -> T {
        let (stop, stopping) = (Notify::new(), Notify::new());
        let until = async {
            let output = until.await;
            stop.notify_one();
            stopping.notify_one();
            output
        };
        // A purge can take minutes, so flushes do not wait for it. A flush is dropped only after
        // the timeout: the times that it is writing are no longer in memory.
        let flushes = async {
            let mut ticks = ticks(self.flush_interval);
            loop {
                let is_stopping = tokio::select! {
                    biased;
                    () = stop.notified() => true,
                    _ = ticks.tick() => false,
                };
                if let Err(error) = self.tokens.flush_last_used().await {
                    (self.on_flush_failure)(&error);
                }
                if is_stopping {
                    break;
                }
            }
        };
        let flushes = async {
            tokio::select! {
                () = flushes => {}
                () = async { stopping.notified().await; sleep(FINAL_FLUSH_TIMEOUT).await } => {
                    let error = "timed out; they are lost";
                    (self.on_flush_failure)(&StoreError::unavailable(error));
                }
            }
        };
        let purges = every(self.purge_interval, || {
            purge(
                &self.tokens,
                self.sessions.as_ref(),
                self.rate_limits.as_ref(),
            )
        });
        tokio::select! {
            (output, ()) = async { tokio::join!(until, flushes) } => output,
            never = purges => match never {},
            never = self.tasks => match never {},
        }
    }
}

fn ticks(interval: Duration) -> Interval {
    // tokio panics on an interval of zero.
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn every<F: Future<Output = ()>>(interval: Duration, act: impl Fn() -> F) -> Infallible {
    let mut ticks = ticks(interval);
    loop {
        ticks.tick().await;
        act().await;
    }
}

async fn purge(tokens: &Tokens, sessions: Option<&Sessions>, rate_limits: Option<&RateLimits>) {
    log_purge("tokens", purge_tokens(tokens).await);
    if let Some(sessions) = sessions {
        log_purge("sessions and links", sessions.purge().await);
    }
    if let Some(rate_limits) = rate_limits {
        log_purge("rate limits", rate_limits.purge(tokens.now()).await);
    }
}

/// Purges ended tokens in batches, and returns how many. The pauses between batches leave most of
/// the store's time to requests.
async fn purge_tokens(tokens: &Tokens) -> Result<u64, StoreError> {
    let mut purged = 0;
    loop {
        let started = Instant::now();
        let batch = tokens.purge_ended().await?;
        purged += batch;
        if batch < u64::from(PURGE_BATCH) {
            return Ok(purged);
        }
        sleep(started.elapsed() * PURGE_PAUSE).await;
    }
}

fn log_purge(records: &str, purged: Result<u64, StoreError>) {
    match purged {
        Ok(0) => {}
        Ok(deleted) => tracing::info!(records, deleted, "purge completed"),
        Err(error) => {
            tracing::warn!(records, %error, cause = error.causes(), "purge failed");
        }
    }
}

#[cfg(test)]
mod tests;
