//! The credentials to check: those that are about to end or have just ended, more often than older
//! ones.

use std::sync::{Arc, Mutex};

use crate::log::Credential;

/// Number of credentials on the board.
const SLOTS: usize = 64;
/// Half of the checks are of one of the newest.
const NEWEST: usize = 12;

/// A credential and its secret.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) credential: Credential,
    pub(crate) secret: Arc<str>,
    pub(crate) right: Right,
}

/// What a check of a credential asks for. In the log, each right of a token is a credential of its
/// own, since a change can end one and not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// To be accepted at all.
    Authenticate,
    /// To be accepted as an administrator's.
    Administer,
}

impl Right {
    /// Returns the path of a `GET` request that requires it.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Authenticate => "/me",
            Self::Administer => "/admin/users",
        }
    }
}

/// All credentials so far, newest last.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<Vec<Known>>);

impl Board {
    pub(crate) fn put_up(&self, known: Known) {
        self.0.lock().expect("the board").push(known);
    }

    /// Returns a credential to check.
    pub(crate) fn pick(&self, random: &mut Random) -> Known {
        let board = self.0.lock().expect("the board");
        let among = if random.below(2) == 0 { NEWEST } else { SLOTS };
        let back = random.below(among.min(board.len()));
        board[board.len() - 1 - back].clone()
    }

    /// Returns all credentials so far.
    pub(crate) fn all(&self) -> Vec<Known> {
        self.0.lock().expect("the board").clone()
    }
}

/// A pseudorandom sequence that is the same in every run: `SplitMix64`.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).expect("below a usize")
    }
}
