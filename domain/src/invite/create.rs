use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::opaque::OpaqueSecret;
use crate::token::Digest;
use crate::user::{Email, Role};

use super::{
    INVITE_LIFETIME_SECONDS, Invite, InviteError, InviteId, InviteKind, InviteStatus, Invites,
};

/// A new invite and its secret, which exists here and in the link that is sent.
#[derive(Debug)]
pub struct NewInvite {
    /// The invite.
    pub invite: Invite,
    /// What the link is to hold.
    pub secret: OpaqueSecret,
}

/// The change: an invite comes into being.
#[derive(Debug, Clone)]
pub struct CreateInvite {
    /// Who makes it; `None` is the server itself, for its first administrator.
    pub actor: Option<Actor>,
    /// The invite.
    pub invite: Invite,
    /// The digest of its secret.
    pub digest: Digest,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What a store is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteDecision {
    /// Earlier open invites for the same person, as they are to be written: withdrawn.
    pub withdrawn: Vec<Invite>,
    /// The trail, which names the one that was replaced.
    pub audit: AuditEvent,
}

/// What became of a [`CreateInvite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateInviteOutcome {
    /// It is there.
    Created,
    /// Somebody with this address has an account, or, for the first administrator, somebody is
    /// there at all; nothing changed.
    Taken,
    /// The acting credential is not good any more; nothing changed.
    NotAuthorized(ActorError),
}

impl CreateInvite {
    /// Decides, from what the store read inside the transaction: the acting credential's record,
    /// if there is one; whether the invited address (for the first administrator: any address at
    /// all) has an account; and earlier invites for the same address (the first administrator's)
    /// that are neither claimed nor withdrawn.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
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
        let withdrawn: Vec<Invite> = earlier
            .iter()
            .filter(|invite| invite.status(now) == InviteStatus::Open)
            .filter(|invite| self.invite.is_for_the_same(invite))
            .map(|invite| Invite {
                withdrawn_at: Some(now),
                ..invite.clone()
            })
            .collect();
        let replaced = withdrawn.first().map(|invite| Subject::Invite(invite.id));
        Ok(InviteDecision {
            audit: AuditEvent {
                related: replaced,
                ..self.audit.clone()
            },
            withdrawn,
        })
    }
}

impl Invites {
    /// Invites somebody. An earlier open invite for the same address is withdrawn with it.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotAuthorized`] unless an administrator asks; [`InviteError::EmailTaken`].
    pub async fn create(
        &self,
        principal: &Principal,
        email: Email,
        role: Role,
        context: &RequestContext,
    ) -> Result<NewInvite, InviteError> {
        let requirement = Requirement::HUMAN_ADMIN;
        principal.authorize(requirement)?;
        let actor = Actor::of(principal, requirement, self.clock.now());
        let kind = InviteKind::Person { email, role };
        self.insert(kind, Some(actor), Some(principal), context)
            .await
    }

    /// Makes the invite with which a new instance's first administrator is created, and withdraws
    /// earlier ones. For whoever starts the server.
    ///
    /// # Errors
    ///
    /// [`InviteError::EmailTaken`] when there is a user already.
    pub async fn first_admin(&self) -> Result<NewInvite, InviteError> {
        let context = RequestContext::default();
        self.insert(InviteKind::FirstAdmin, None, None, &context)
            .await
    }

    async fn insert(
        &self,
        kind: InviteKind,
        actor: Option<Actor>,
        by: Option<&Principal>,
        context: &RequestContext,
    ) -> Result<NewInvite, InviteError> {
        let now = self.clock.now();
        let secret = OpaqueSecret::generate(&*self.entropy)?;
        let invite = Invite {
            id: InviteId::generate(now, &*self.entropy)?,
            kind,
            created_by: by.map(Principal::user_id),
            created_at: now,
            expires_at: now.saturating_add_seconds(INVITE_LIFETIME_SECONDS),
            claimed: None,
            withdrawn_at: None,
        };
        let made = Subject::Invite(invite.id);
        let change = CreateInvite {
            actor: match (actor, by) {
                (Some(actor), Some(by)) => Some(actor.with_form(context.form, by.user_id(), made)),
                (actor, _) => actor,
            },
            digest: secret.digest(),
            audit: self.event(
                by.map_or(AuditActor::Operator, Principal::audit_actor),
                AuditAction::InviteCreated,
                made,
                context,
            )?,
            invite: invite.clone(),
        };
        match self.store.create_invite(change).await? {
            CreateInviteOutcome::Created => Ok(NewInvite { invite, secret }),
            CreateInviteOutcome::Taken => Err(InviteError::EmailTaken),
            CreateInviteOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
