use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::AuditEvent;

use super::{Invite, InviteId, InviteStatus};

/// The change that withdraws an invite.
#[derive(Debug, Clone)]
pub struct WithdrawInvite {
    /// The acting credential.
    pub actor: Actor,
    /// The invite to withdraw.
    pub invite: InviteId,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`WithdrawInvite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WithdrawInviteOutcome {
    /// This call withdrew the invite.
    Withdrawn,
    /// The invite does not exist, or was claimed or withdrawn before; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl WithdrawInvite {
    /// Decides the change, given what the store read inside the transaction. Returns the invite to
    /// write.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        invite: Option<&Invite>,
    ) -> Result<Invite, WithdrawInviteOutcome> {
        self.actor
            .check(actor)
            .map_err(WithdrawInviteOutcome::NotAuthorized)?;
        let now = self.actor.now;
        invite
            .filter(|invite| invite.id == self.invite)
            .filter(|invite| {
                matches!(
                    invite.status(now),
                    InviteStatus::Open | InviteStatus::Expired
                )
            })
            .map(|invite| Invite {
                withdrawn_at: Some(now),
                ..invite.clone()
            })
            .ok_or(WithdrawInviteOutcome::NotFound)
    }
}
