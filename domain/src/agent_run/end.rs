use crate::access::{Actor, Principal, Requirement};
use crate::audit::{AuditAction, RequestContext};
use crate::token::{TokenId, TokenKind};

use super::{AgentRunError, AgentRuns, EndRun, EndRunOutcome};

impl AgentRuns {
    /// Ends a run of the user that `principal` acts as. When this has answered, no verification that
    /// starts later accepts its token.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotFound`] when it is unknown, ended before or someone else's, without
    /// telling which; [`AgentRunError::Refused`] unless a human asks; [`AgentRunError::Store`].
    pub async fn end(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), AgentRunError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        if id.kind() != TokenKind::AgentRun {
            return Err(AgentRunError::NotFound);
        }
        let now = self.clock.now();
        let change = EndRun {
            actor: Actor::of(principal, requirement, now),
            owner: principal.user_id(),
            run: id,
            audit: self.event(principal, AuditAction::AgentRunEnded, id, context, now)?,
        };
        match self.store.end_run(change).await? {
            EndRunOutcome::Ended => Ok(()),
            EndRunOutcome::NotFound => Err(AgentRunError::NotFound),
            EndRunOutcome::ActorRefused(refusal) => Err(refusal.into()),
        }
    }
}
