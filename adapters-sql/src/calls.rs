//! How long calls take, for metrics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openindex_domain::StoreError;

use crate::database::Call;

/// A callback that receives the kind of each call, how long it took with waiting for a connection,
/// and how it ended. Runs in the caller's task, so it should be fast.
pub type CallObserver = Arc<dyn Fn(Call, Duration, CallOutcome) + Send + Sync>;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// The database did what it was asked to, even if that was nothing.
    Succeeded,
    /// [`StoreError::Unavailable`].
    Unavailable,
    /// [`StoreError::Corrupt`].
    Corrupt,
    /// Its caller stopped waiting, because of a timeout or because the client disconnected.
    Abandoned,
}

/// A call in progress. It is abandoned if it is dropped before it ends.
pub(crate) struct Timed<'a> {
    observer: &'a CallObserver,
    call: Call,
    begun: Instant,
    outcome: CallOutcome,
}

impl<'a> Timed<'a> {
    pub(crate) fn begin(observer: &'a CallObserver, call: Call) -> Self {
        Self {
            observer,
            call,
            begun: Instant::now(),
            outcome: CallOutcome::Abandoned,
        }
    }

    pub(crate) fn end(mut self, error: Option<&StoreError>) {
        self.outcome = match error {
            None => CallOutcome::Succeeded,
            Some(StoreError::Unavailable(_)) => CallOutcome::Unavailable,
            Some(StoreError::Corrupt(_)) => CallOutcome::Corrupt,
        };
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        (self.observer)(self.call, self.begun.elapsed(), self.outcome);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_call_that_is_dropped_is_observed_as_abandoned() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let observer: CallObserver = Arc::new(move |call, _, outcome| {
            sink.lock().unwrap().push((call, outcome));
        });
        let begin = || Timed::begin(&observer, Call::Read);
        drop(begin());
        begin().end(None);
        begin().end(Some(&StoreError::unavailable("down")));
        let outcomes = [
            CallOutcome::Abandoned,
            CallOutcome::Succeeded,
            CallOutcome::Unavailable,
        ];
        assert_eq!(*seen.lock().unwrap(), outcomes.map(|it| (Call::Read, it)));
    }
}
