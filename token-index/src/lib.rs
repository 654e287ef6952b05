#![doc = include_str!("../README.md")]
//!
//! # Why nothing is stale
//!
//! Nothing expires after a while and nothing is announced. The index depends on one condition: **all
//! changes of tokens and owners are made by this process**, each of which
//!
//! 1. [closes](TokenIndex::close) the rows that it changes, before it commits;
//! 2. [opens](TokenIndex::open) them, after it has committed or rolled back and before anyone is
//!    told about it.
//!
//! While a row is closed, nothing read from it is returned. A record that is
//! [kept](TokenIndex::keep) comes with the moment before its read began. If a change of one of its
//! rows has ended since then, the record is never returned, because the read may have come before
//! the commit. This is the read side of a sequence lock, except that a reader asks the store instead
//! of trying again.
//!
//! - **Unknown tokens are not remembered**, so a new token is accepted at once.
//! - **Expiry** is judged by the domain at each use, by its clock.
//! - **Bounded**: at most as many records as the capacity; the least useful ones are evicted, and
//!   only cost a read when they are used again. The moments of changes take 128 KiB, however many
//!   rows there are: rows that share one count as changed together.
//! - **A change that is canceled** or whose outcome is unknown leaves its rows closed. They are
//!   opened once it is certain that it has ended, for example because the next change has begun.

mod epochs;

use std::fmt;
use std::hash::BuildHasherDefault;
use std::num::NonZero;
use std::sync::Arc;

use openindex_domain::token::{Digest, DigestHasher, TokenRecord};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use uuid::Uuid;

use crate::epochs::{Epochs, StripeIndex};

pub use crate::epochs::Moment;

/// 2 to the power of this is the number of stripes.
const STRIPE_BITS: u32 = 14;

/// Looked-up tokens by digest, as described in the [crate documentation](crate).
pub struct TokenIndex {
    records: Cache<Digest, Entry, UnitWeighter, BuildHasherDefault<DigestHasher>>,
    epochs: Epochs,
}

#[derive(Clone)]
struct Entry {
    record: Arc<TokenRecord>,
    /// Before the record was read.
    since: Moment,
    /// Of the token and of its owner.
    rows: [StripeIndex; 2],
}

/// The rows of a change: its tokens and owners by their ids.
#[derive(Debug, Default)]
pub struct Changed {
    rows: Vec<Uuid>,
    everything: bool,
}

/// The rows of a change in progress. If this is dropped, they stay closed.
#[derive(Debug)]
#[must_use = "rows that are not opened again are looked up each time"]
pub struct Closed {
    stripes: Vec<StripeIndex>,
    everything: bool,
}

impl Changed {
    /// Returns the change of everything: any row may have changed.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            rows: Vec::new(),
            everything: true,
        }
    }

    /// Adds a token or an owner.
    pub fn add(&mut self, row: Uuid) {
        self.rows.push(row);
    }

    /// Adds everything.
    pub fn add_everything(&mut self) {
        *self = Self::everything();
    }

    /// Returns the rows that were added; `None` if they are everything.
    #[must_use]
    pub fn rows(&self) -> Option<&[Uuid]> {
        (!self.everything).then_some(&self.rows)
    }

    /// Returns whether no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && !self.everything
    }
}

impl TokenIndex {
    /// Creates an index for at most `capacity` records.
    #[must_use]
    pub fn new(capacity: NonZero<usize>) -> Self {
        Self::with_stripes(capacity, STRIPE_BITS)
    }

    fn with_stripes(capacity: NonZero<usize>, bits: u32) -> Self {
        Self {
            records: Cache::with(
                capacity.get(),
                capacity.get() as u64,
                UnitWeighter,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            ),
            epochs: Epochs::new(bits),
        }
    }

    /// Returns the token with this digest if the store would return the same.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<Arc<TokenRecord>> {
        let entry = self.records.get(digest)?;
        let is_current = self.epochs.are_unchanged_since(entry.since, entry.rows);
        is_current.then_some(entry.record)
    }

    /// Returns the current moment. Call this before a read whose result is to be
    /// [kept](Self::keep).
    #[must_use]
    pub fn now(&self) -> Moment {
        self.epochs.now()
    }

    /// Remembers a record that was read after this moment.
    pub fn keep(&self, record: Arc<TokenRecord>, since: Moment) {
        let rows = [record.token.id.uuid(), record.owner.id.uuid()];
        let rows = rows.map(|row| self.epochs.stripe_of(row));
        if self.epochs.are_unchanged_since(since, rows) {
            let (digest, entry) = (
                record.digest,
                Entry {
                    record,
                    since,
                    rows,
                },
            );
            self.records.insert(digest, entry);
        }
    }

    /// Closes the rows of a change that is about to commit.
    pub fn close(&self, changed: &Changed) -> Closed {
        if changed.everything {
            self.epochs.close_everything();
        }
        Closed {
            stripes: self.epochs.close(&changed.rows),
            everything: changed.everything,
        }
    }

    /// Opens the rows of a change that has ended, whether or not it was made.
    pub fn open(&self, closed: Closed) {
        if closed.everything {
            self.epochs.open_everything();
        }
        if !closed.stripes.is_empty() {
            self.epochs.open(closed.stripes);
        }
    }

    /// Forgets everything, after a change that was made elsewhere.
    pub fn forget(&self) {
        let closed = self.close(&Changed::everything());
        self.open(closed);
    }
}

impl fmt::Debug for TokenIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIndex")
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
