use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::user::UserId;

use super::{SessionError, SessionId, Sessions};

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

impl Sessions {
    /// Ends the principal's own session. Repeating it is not an error.
    ///
    /// # Errors
    ///
    /// [`SessionError::SessionRequired`] for a token; [`SessionError::Entropy`] and
    /// [`SessionError::Store`] when a port fails.
    pub async fn sign_out(
        &self,
        principal: &Principal,
        context: &RequestContext,
    ) -> Result<(), SessionError> {
        let session = principal.session().ok_or(SessionError::SessionRequired)?;
        match self
            .end(principal, SessionSelection::One(session.id), context)
            .await
        {
            Err(SessionError::NotAuthorized(ActorError::SessionEnded)) => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Ends sessions of the user that `principal` acts as, effective immediately, and returns how
    /// many.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotAuthorized`] unless `principal` is a human whose credential is still
    /// valid; [`SessionError::Entropy`] and [`SessionError::Store`] when a port fails.
    pub async fn end(
        &self,
        principal: &Principal,
        selection: SessionSelection,
        context: &RequestContext,
    ) -> Result<u64, SessionError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        let (user, now) = (principal.user_id(), self.ports.clock.now());
        let (action, subject) = match selection {
            SessionSelection::One(id) => (AuditAction::SignedOut, Subject::Session(id)),
            SessionSelection::AllBut(_) | SessionSelection::All => {
                (AuditAction::SessionsEnded, Subject::User(user))
            }
        };
        let change = EndSessions {
            actor: Actor::of(principal, requirement, now),
            user,
            selection,
            audit: self.event(principal.audit_actor(), action, subject, context, now)?,
        };
        match self.ports.store.end_sessions(change).await? {
            EndSessionsOutcome::Ended(count) => Ok(count),
            EndSessionsOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
