use crate::access::{Actor, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::token::{TokenId, TokenKind};

use super::{AgentRunError, AgentRuns, EndRuns, EndRunsOutcome};

impl AgentRuns {
    /// Ends a run of the user that `principal` acts as. Once this returns, no verification that
    /// starts later accepts its token.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotFound`] when it is unknown, already ended or belongs to someone else
    /// (the error does not say which); [`AgentRunError::NotAuthorized`] unless `principal` is a
    /// human; [`AgentRunError::Store`] when the store fails.
    pub async fn end(
        &self,
        principal: &Principal,
        id: TokenId,
        context: &RequestContext,
    ) -> Result<(), AgentRunError> {
        match self.end_all(principal, vec![id], context).await? {
            0 => Err(AgentRunError::NotFound),
            _ => Ok(()),
        }
    }

    /// Ends these runs of the user that `principal` acts as, in one step. Returns how many this
    /// call ended: runs that are unknown, already ended or belong to someone else are skipped.
    ///
    /// # Errors
    ///
    /// [`AgentRunError::NotAuthorized`] unless `principal` is a human; [`AgentRunError::Store`]
    /// when the store fails.
    pub async fn end_all(
        &self,
        principal: &Principal,
        mut runs: Vec<TokenId>,
        context: &RequestContext,
    ) -> Result<usize, AgentRunError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        runs.retain(|id| id.kind() == TokenKind::AgentRun);
        let Some(first) = runs.first() else {
            return Ok(0);
        };
        let now = self.clock.now();
        let (action, subject) = (AuditAction::AgentRunEnded, Subject::Token(*first));
        let actor = principal.audit_actor();
        let change = EndRuns {
            actor: Actor::of(principal, requirement, now),
            owner: principal.user_id(),
            audit: AuditEvent::new(actor, action, subject, context, now, &*self.entropy)?,
            runs,
        };
        match self.store.end_runs(change).await? {
            EndRunsOutcome::Ended(count) => Ok(count),
            EndRunsOutcome::NotFound => Ok(0),
            EndRunsOutcome::NotAuthorized(error) => Err(error.into()),
        }
    }
}
