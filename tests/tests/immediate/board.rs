//! The credentials to check: those that are about to end or have just ended, more often than older
//! ones.

use std::sync::{Arc, Mutex};

use openindex_tests::Random;

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
