use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::AuditEvent;
use crate::user::UserId;

use super::SessionId;

/// A selection of a user's sessions to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionSelection {
    /// The session with this id.
    One(SessionId),
    /// All sessions except this one.
    AllBut(SessionId),
    /// All sessions.
    All,
}

impl SessionSelection {
    /// Returns whether the session with this id is selected.
    #[must_use]
    pub fn includes(self, id: SessionId) -> bool {
        match self {
            Self::One(one) => id == one,
            Self::AllBut(kept) => id != kept,
            Self::All => true,
        }
    }
}

/// The change that ends sessions of a user.
#[derive(Debug, Clone)]
pub struct EndSessions {
    /// The acting credential.
    pub actor: Actor,
    /// The user whose sessions end.
    pub user: UserId,
    /// The sessions to end.
    pub selection: SessionSelection,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of an [`EndSessions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum EndSessionsOutcome {
    /// The number of sessions that ended; if 0, no event was written.
    Ended(u64),
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl EndSessions {
    /// Decides the change, given the acting credential's record.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(&self, actor: Option<&ActingRecord>) -> Result<(), EndSessionsOutcome> {
        self.actor
            .check(actor)
            .map_err(EndSessionsOutcome::NotAuthorized)
    }
}
