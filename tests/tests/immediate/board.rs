//! The credentials that are worth a check: those that are about to end or have just ended, more than
//! those of long ago.

use std::sync::{Arc, Mutex};

use crate::log::Credential;

/// How many are on the board.
const SLOTS: usize = 64;
/// Every other check is on one of the newest.
const NEWEST: usize = 12;

/// A credential and what its bearer sends.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) credential: Credential,
    pub(crate) secret: Arc<str>,
}

/// All that were ever put up, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Vec<Known>>);

impl Board {
    pub(crate) fn put_up(&self, known: Known) {
        self.0.lock().expect("the board").push(known);
    }

    /// One of them.
    pub(crate) fn pick(&self, random: &mut Random) -> Known {
        let board = self.0.lock().expect("the board");
        let among = if random.below(2) == 0 { NEWEST } else { SLOTS };
        let back = random.below(among.min(board.len()));
        board[board.len() - 1 - back].clone()
    }

    /// All that were ever put up.
    pub(crate) fn all(&self) -> Vec<Known> {
        self.0.lock().expect("the board").clone()
    }
}

/// A sequence that looks random and is the same in every run: `SplitMix64`.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).expect("below a usize")
    }
}
