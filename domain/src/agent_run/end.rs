use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::{AuditEvent, Subject};
use crate::id::UserId;
use crate::token::{Token, TokenId, TokenKind};

use super::EndedRuns;

/// The change that ends agent runs at their owner's request.
#[derive(Debug, Clone)]
pub struct EndRuns {
    /// The acting credential.
    pub actor: Actor,
    /// The required owner of the runs.
    pub owner: UserId,
    /// The runs to end.
    pub runs: Vec<TokenId>,
    /// The template of the audit events, which is not written itself; the runs' events are derived
    /// from it.
    pub audit: AuditEvent,
}

/// The outcome of an [`EndRuns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum EndRunsOutcome {
    /// The number of runs that this call ended.
    Ended(usize),
    /// Every run is unknown, belongs to someone else or had ended before; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl EndRuns {
    /// Decides the change, given the acting credential's record and the runs that the store found
    /// inside the transaction. Returns what to write, without runs that had ended before.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        found: &[Token],
    ) -> Result<EndedRuns, EndRunsOutcome> {
        self.actor
            .check(actor)
            .map_err(EndRunsOutcome::NotAuthorized)?;
        // A run that has expired by this clock may be live by another server's.
        let tokens: Vec<Token> = found
            .iter()
            .filter(|run| self.runs.contains(&run.id) && run.owner == self.owner)
            .filter(|run| run.kind() == TokenKind::AgentRun)
            .filter_map(|run| run.revoked(self.actor.now))
            .collect();
        if tokens.is_empty() {
            return Err(EndRunsOutcome::NotFound);
        }
        let event = |run: &Token| AuditEvent {
            id: self.audit.id.derive(run.id.uuid()),
            subject: Subject::Token(run.id),
            ..self.audit.clone()
        };
        Ok(EndedRuns {
            events: tokens.iter().map(event).collect(),
            tokens,
        })
    }
}
