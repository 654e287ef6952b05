use crate::access::{ActorError, Principal, Requirement};
use crate::audit::{RequestContext, Subject};
use crate::change::begin;
use crate::session::{EndSessions, EndSessionsOutcome, SessionAction, SessionSelection};

use super::{SessionError, Sessions};

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
        let user = principal.user_id();
        let event = match selection {
            SessionSelection::One(id) => (SessionAction::SIGNED_OUT, Subject::Session(id)),
            SessionSelection::AllBut(_) | SessionSelection::All => {
                (SessionAction::SESSIONS_ENDED, Subject::User(user))
            }
        };
        let (actor, audit) = begin::<SessionError>(
            principal,
            Requirement::HUMAN,
            event,
            context,
            self.ports.clock.now(),
            &*self.ports.entropy,
        )?;
        let change = EndSessions {
            actor,
            user,
            selection,
            audit,
        };
        match self.ports.store.end_sessions(change).await? {
            EndSessionsOutcome::Ended(count) => Ok(count),
            EndSessionsOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
