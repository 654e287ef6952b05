use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::user::UserId;

use super::{SessionError, SessionId, Sessions};

/// Which sessions are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
    /// All.
    All,
}

impl Ended {
    /// Whether it means this session.
    #[must_use]
    pub fn includes(self, id: SessionId) -> bool {
        match self {
            Self::One(one) => id == one,
            Self::AllBut(kept) => id != kept,
            Self::All => true,
        }
    }
}

/// The change: sessions of a user end.
#[derive(Debug, Clone)]
pub struct EndSessions {
    /// Who does it.
    pub actor: Actor,
    /// Whose sessions.
    pub user: UserId,
    /// Which of them.
    pub ended: Ended,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of an [`EndSessions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum EndSessionsOutcome {
    /// So many ended; where it is none, no event was written.
    Ended(u64),
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl EndSessions {
    /// Decides, from the acting credential's record.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(&self, actor: Option<&ActingRecord>) -> Result<(), EndSessionsOutcome> {
        self.actor
            .check(actor)
            .map_err(EndSessionsOutcome::NotAuthorized)
    }
}

impl Sessions {
    /// Signs the principal's own session out. Signing out twice is no error.
    ///
    /// # Errors
    ///
    /// [`SessionError::SessionRequired`] for a token; [`SessionError::Store`].
    pub async fn sign_out(
        &self,
        principal: &Principal,
        context: &RequestContext,
    ) -> Result<(), SessionError> {
        let session = principal.session().ok_or(SessionError::SessionRequired)?;
        match self.end(principal, Ended::One(session.id), context).await {
            Err(SessionError::NotAuthorized(ActorError::SessionEnded)) => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Ends sessions of the user that `principal` acts as, at once, and answers how many.
    ///
    /// # Errors
    ///
    /// [`SessionError::NotAuthorized`] unless a human asks whose credential is still good;
    /// [`SessionError::Store`].
    pub async fn end(
        &self,
        principal: &Principal,
        ended: Ended,
        context: &RequestContext,
    ) -> Result<u64, SessionError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        let user = principal.user_id();
        let (action, subject) = match ended {
            Ended::One(id) => (AuditAction::SignedOut, Subject::Session(id)),
            Ended::AllBut(_) | Ended::All => (AuditAction::SessionsEnded, Subject::User(user)),
        };
        let change = EndSessions {
            actor: Actor::of(principal, requirement, self.clock.now()),
            user,
            ended,
            audit: self.event(principal.audit_actor(), action, subject, context)?,
        };
        match self.store.end_sessions(change).await? {
            EndSessionsOutcome::Ended(count) => Ok(count),
            EndSessionsOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
