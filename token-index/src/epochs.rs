//! When the rows that a record was read from were last changed.

// Under test, the scheduler chooses when each access takes place. It assumes that all accesses have
// one order, hence `SeqCst` everywhere.
#[cfg(test)]
use shuttle::sync::atomic::AtomicU64;
#[cfg(not(test))]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use uuid::Uuid;

/// A moment between changes: how many had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// The index of a [`Stripe`].
pub(crate) type StripeIndex = u32;

/// The latest changes of all rows, in a fixed amount of memory: rows with the same stripe count as
/// changed together, which costs a lookup.
pub(crate) struct Epochs {
    /// The number of changes that have ended.
    ended: AtomicU64,
    everything: Stripe,
    stripes: Box<[Stripe]>,
}

/// The latest change of the rows of a stripe, and how many changes of them are in progress.
struct Stripe(AtomicU64);

impl Stripe {
    const IN_PROGRESS_BITS: u32 = 16;
    const IN_PROGRESS: u64 = (1 << Self::IN_PROGRESS_BITS) - 1;

    fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn close(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn open(&self, ended: Moment) {
        let opened = |stripe: u64| {
            let latest = ended.0.max(stripe >> Self::IN_PROGRESS_BITS);
            let in_progress = (stripe & Self::IN_PROGRESS).saturating_sub(1);
            Some(latest << Self::IN_PROGRESS_BITS | in_progress)
        };
        // Always succeeds, because the closure always returns a value.
        let _ = self.0.fetch_update(SeqCst, SeqCst, opened);
    }

    /// Returns whether what was read after this moment is still what a read would return.
    fn is_unchanged_since(&self, moment: Moment) -> bool {
        let stripe = self.0.load(SeqCst);
        stripe & Self::IN_PROGRESS == 0 && stripe >> Self::IN_PROGRESS_BITS <= moment.0
    }
}

impl Epochs {
    /// Creates epochs with 2 to the power of `bits` stripes.
    pub(crate) fn new(bits: u32) -> Self {
        Self {
            ended: AtomicU64::new(0),
            everything: Stripe::new(),
            stripes: (0..1_u32 << bits).map(|_| Stripe::new()).collect(),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(self.ended.load(SeqCst))
    }

    /// Returns the stripe of a row, from the random last bytes of its id.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only the low bits are used"
    )]
    pub(crate) fn stripe_of(&self, row: Uuid) -> StripeIndex {
        let (_, random) = row.as_u64_pair();
        random as StripeIndex & (self.stripes.len() as StripeIndex - 1)
    }

    fn stripe(&self, index: StripeIndex) -> &Stripe {
        // In range, because of the mask in `stripe_of`; any other would only be changed too often.
        self.stripes.get(index as usize).unwrap_or(&self.everything)
    }

    pub(crate) fn are_unchanged_since(&self, moment: Moment, rows: [StripeIndex; 2]) -> bool {
        self.everything.is_unchanged_since(moment)
            && rows
                .iter()
                .all(|row| self.stripe(*row).is_unchanged_since(moment))
    }

    /// Closes the stripes of these rows for a change, each once: the number of changes in progress
    /// is bounded, and that of their rows is not.
    pub(crate) fn close(&self, rows: &[Uuid]) -> Vec<StripeIndex> {
        let mut stripes: Vec<_> = rows.iter().map(|row| self.stripe_of(*row)).collect();
        stripes.sort_unstable();
        stripes.dedup();
        for index in &stripes {
            self.stripe(*index).close();
        }
        stripes
    }

    /// Ends the change that closed these stripes.
    pub(crate) fn open(&self, stripes: Vec<StripeIndex>) {
        let ended = self.end();
        for index in stripes {
            self.stripe(index).open(ended);
        }
    }

    pub(crate) fn close_everything(&self) {
        self.everything.close();
    }

    pub(crate) fn open_everything(&self) {
        self.everything.open(self.end());
    }

    fn end(&self) -> Moment {
        Moment(self.ended.fetch_add(1, SeqCst) + 1)
    }
}
