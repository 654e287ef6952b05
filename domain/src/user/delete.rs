use crate::access::{ActingRecord, Actor, ActorError};
use crate::agent_run::{AgentRunAction, EndedRuns};
use crate::audit::{AuditAction, AuditEvent, Subject};
use crate::invite::{Invite, InviteAction, InviteId, InviteStatus};
use crate::store::Listing;
use crate::token::{RevocableTokens, TokenAction, TokenKind};

use super::{User, UserId};

/// The change that deletes a user and their data.
#[derive(Debug, Clone)]
pub struct DeleteUser {
    /// The acting credential.
    pub actor: Actor,
    /// The user to delete.
    pub user: UserId,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The result of a [`DeleteUser`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum DeleteUserOutcome {
    /// This call deleted the user.
    Deleted,
    /// The user does not exist or was deleted before; nothing changed.
    NotFound,
    /// No active administrator would be left; nothing changed.
    LastAdmin,
    /// The acting credential is the user's own; nothing changed.
    OwnAccount,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

/// What a store reads inside the transaction of a [`DeleteUser`], under locks.
#[derive(Debug, Clone, Default)]
pub struct DeleteUserFacts {
    /// The user.
    pub user: Option<User>,
    /// The number of *other* users who are active administrators.
    pub other_active_admins: u32,
    /// The user's unrevoked tokens and agent runs that a server might still accept
    /// ([`EndedRuns::horizon`](crate::agent_run::EndedRuns::horizon)).
    pub tokens: RevocableTokens,
    /// Unclaimed invites that the user created, or that are for their address.
    pub invites: Listing<Invite>,
}

impl DeleteUserFacts {
    /// Returns the ids of the damaged invites, whose rows the store deletes.
    pub fn damaged_invites(&self) -> impl Iterator<Item = InviteId> {
        let damaged = self.invites.damaged();
        damaged.filter_map(|row| row.id.parse().ok())
    }
}

impl DeleteUser {
    /// Decides the change, given the acting credential's record and the facts that the store read
    /// inside the transaction. Returns the events to write in addition to [`DeleteUser::audit`]:
    /// one for each token, agent run and open invite that ends with the user.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        facts: &DeleteUserFacts,
    ) -> Result<Vec<AuditEvent>, DeleteUserOutcome> {
        self.actor
            .check(actor)
            .map_err(DeleteUserOutcome::NotAuthorized)?;
        let user = facts.user.as_ref().filter(|user| user.id == self.user);
        let user = user.ok_or(DeleteUserOutcome::NotFound)?;
        if user.is_active_admin() && facts.other_active_admins == 0 {
            return Err(DeleteUserOutcome::LastAdmin);
        }
        let acting = actor.and_then(ActingRecord::owner);
        if acting.is_some_and(|owner| owner.id == self.user) {
            return Err(DeleteUserOutcome::OwnAccount);
        }
        let now = self.actor.now;
        let horizon = EndedRuns::horizon(now);
        let tokens = facts.tokens.iter().filter(|token| {
            token.owner == self.user
                && token.revoked_at.is_none()
                && token.expires_at.is_none_or(|at| at > horizon)
        });
        let tokens = tokens.map(|token| match token.kind() {
            TokenKind::Personal => self.end(TokenAction::REVOKED, Subject::Token(token.id)),
            TokenKind::AgentRun => self.end(AgentRunAction::ENDED, Subject::Token(token.id)),
        });
        let invites = facts
            .invites
            .iter()
            .filter(|invite| invite.status(now) == InviteStatus::Open && invite.ends_with(user))
            .map(|invite| invite.id)
            .chain(facts.damaged_invites());
        let invites = invites.map(|id| self.end(InviteAction::WITHDRAWN, Subject::Invite(id)));
        Ok(tokens.chain(invites).collect())
    }

    /// Returns the event for one thing that ends with the user.
    fn end(&self, action: AuditAction, subject: Subject) -> AuditEvent {
        self.audit
            .derived(action, subject, Subject::User(self.user))
    }
}
