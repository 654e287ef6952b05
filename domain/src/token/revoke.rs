use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::AuditEvent;
use crate::id::UserId;

use super::{EndedRuns, RevokedBy, Token, TokenId};

/// The change that revokes a token.
#[derive(Debug, Clone)]
pub struct RevokeToken {
    /// The acting credential.
    pub actor: Actor,
    /// The required owner of the token.
    pub owner: UserId,
    /// The token to revoke.
    pub token: TokenId,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`RevokeToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RevokeTokenOutcome {
    /// This call revoked the token.
    Revoked,
    /// The token does not exist, belongs to someone else or was revoked before; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl RevokeToken {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record, the token, and the unrevoked runs that were started with it.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        target: Option<&Token>,
        runs: &[Token],
    ) -> Result<EndedToken, RevokeTokenOutcome> {
        self.actor
            .check(actor)
            .map_err(RevokeTokenOutcome::NotAuthorized)?;
        target
            .filter(|token| token.id == self.token && token.owner == self.owner)
            .and_then(|token| token.revoked_by(RevokedBy::Owner, self.actor.now))
            .map(|token| EndedToken {
                runs: EndedRuns::with_issuers([(token.id, &self.audit)], runs),
                token,
            })
            .ok_or(RevokeTokenOutcome::NotFound)
    }
}

/// What a store must write when a token ends, now or later.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct EndedToken {
    /// The updated token.
    pub token: Token,
    /// The agent runs that were started with it.
    pub runs: EndedRuns,
}
