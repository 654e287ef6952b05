use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};

use super::{Invite, InviteError, InviteId, InviteStatus, Invites};

/// The change: an invite is withdrawn.
#[derive(Debug, Clone)]
pub struct WithdrawInvite {
    /// Who does it.
    pub actor: Actor,
    /// Which one.
    pub invite: InviteId,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`WithdrawInvite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum WithdrawInviteOutcome {
    /// It is withdrawn, and this call did it.
    Withdrawn,
    /// There is none, or it is claimed or withdrawn; nothing changed.
    NotFound,
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl WithdrawInvite {
    /// Decides, from what the store read inside the transaction. Answers the invite as it is to be
    /// written.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
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

impl Invites {
    /// Withdraws an invite: its link is void at once.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotFound`] when there is none, or it is claimed or withdrawn;
    /// [`InviteError::NotAuthorized`] unless an administrator asks.
    pub async fn withdraw(
        &self,
        principal: &Principal,
        invite: InviteId,
        context: &RequestContext,
    ) -> Result<(), InviteError> {
        let requirement = Requirement::HUMAN_ADMIN;
        principal.authorize(requirement)?;
        let change = WithdrawInvite {
            actor: Actor::of(principal, requirement, self.clock.now()),
            invite,
            audit: self.event(
                principal.audit_actor(),
                AuditAction::InviteWithdrawn,
                Subject::Invite(invite),
                context,
            )?,
        };
        match self.store.withdraw_invite(change).await? {
            WithdrawInviteOutcome::Withdrawn => Ok(()),
            WithdrawInviteOutcome::NotFound => Err(InviteError::NotFound),
            WithdrawInviteOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
