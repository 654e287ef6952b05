use crate::access::{ActingRecord, Actor, ActorError};
use crate::audit::{AuditEvent, Subject};
use crate::digest::Digest;
use crate::opaque::OpaqueSecret;

use super::{Invite, InviteStatus};

/// A new invite and its secret, which exists only here and in the link's URL.
#[derive(Debug)]
pub struct NewInvite {
    /// The invite.
    pub invite: Invite,
    /// The secret part of the URL.
    pub secret: OpaqueSecret,
}

/// The change that creates an invite.
#[derive(Debug, Clone)]
pub struct CreateInvite {
    /// The acting credential; `None` means the server itself, for its first administrator.
    pub actor: Option<Actor>,
    /// The invite.
    pub invite: Invite,
    /// The digest of the invite's secret.
    pub digest: Digest,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// What a store must write when an invite is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteDecision {
    /// Earlier open invites for the same address, now replaced.
    pub replaced: Vec<Invite>,
    /// The audit event, which names the replaced invite.
    pub audit: AuditEvent,
}

/// The outcome of a [`CreateInvite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateInviteOutcome {
    /// The invite was created.
    Created,
    /// A user with this address exists, or any user in the case of the first administrator; nothing
    /// changed.
    Taken,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl CreateInvite {
    /// Decides the change, given what the store read inside the transaction: the acting
    /// credential's record ([as an author](ActingRecord::as_author)), if there is one; whether a
    /// user with the invited address exists (for the first administrator: any user); and earlier
    /// invites for the same address (or for the first administrator) that are neither claimed nor
    /// withdrawn.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        taken: bool,
        earlier: &[Invite],
    ) -> Result<InviteDecision, CreateInviteOutcome> {
        if let Some(acting) = &self.actor {
            acting
                .check(actor)
                .map_err(CreateInviteOutcome::NotAuthorized)?;
        }
        if taken {
            return Err(CreateInviteOutcome::Taken);
        }
        let now = self.invite.created_at;
        let replaced: Vec<Invite> = earlier
            .iter()
            .filter(|invite| invite.status(now) == InviteStatus::Open)
            .filter(|invite| self.invite.has_same_recipient(invite))
            .map(|invite| Invite {
                withdrawn_at: Some(now),
                replaced_by: Some(self.invite.id),
                ..invite.clone()
            })
            .collect();
        Ok(InviteDecision {
            audit: AuditEvent {
                related: replaced.first().map(|invite| Subject::Invite(invite.id)),
                ..self.audit.clone()
            },
            replaced,
        })
    }
}
