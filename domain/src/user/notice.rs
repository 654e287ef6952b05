use crate::access::{ActingRecord, Actor, Principal, Refusal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::token::{TokenId, TokenName};

use super::{UserError, UserId, Users};

/// What a person is to be told when they sign in next: somebody reported one of their tokens as
/// leaked, and it was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The token.
    pub token: TokenId,
    /// What its owner called it.
    pub token_name: TokenName,
    /// When it was reported.
    pub at: Timestamp,
}

/// The change: a user dismisses what they were told.
#[derive(Debug, Clone)]
pub struct DismissNotices {
    /// Who does it; their own notices go.
    pub actor: Actor,
    /// Whose notices.
    pub user: UserId,
    /// Those that came up to this instant.
    pub up_to: Timestamp,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`DismissNotices`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum DismissNoticesOutcome {
    /// So many are gone; where it is none, no event was written.
    Dismissed(u64),
    /// The acting credential is not good any more; nothing changed.
    ActorRefused(Refusal),
}

impl DismissNotices {
    /// Decides, from the acting credential's record as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(&self, actor: Option<&ActingRecord>) -> Result<(), DismissNoticesOutcome> {
        self.actor
            .check(actor)
            .map_err(DismissNoticesOutcome::ActorRefused)
    }
}

impl Users {
    /// What the user that `principal` acts as is to be told, the newest first.
    ///
    /// # Errors
    ///
    /// [`UserError::Refused`] unless a human asks; [`UserError::Store`].
    pub async fn notices(&self, principal: &Principal) -> Result<Vec<Notice>, UserError> {
        principal.authorize(Requirement::HUMAN)?;
        Ok(self.store.notices(principal.user_id()).await?)
    }

    /// Dismisses what they were told up to `up_to`, so that a notice which comes in meanwhile is
    /// not lost.
    ///
    /// # Errors
    ///
    /// [`UserError::Refused`] unless a human asks; [`UserError::Store`].
    pub async fn dismiss_notices(
        &self,
        principal: &Principal,
        up_to: Timestamp,
        context: &RequestContext,
    ) -> Result<(), UserError> {
        let requirement = Requirement::HUMAN;
        principal.authorize(requirement)?;
        let user = principal.user_id();
        let now = self.clock.now();
        let change = DismissNotices {
            actor: Actor::of(principal, requirement, now),
            user,
            up_to,
            audit: AuditEvent::new(
                principal.audit_actor(),
                AuditAction::NoticesDismissed,
                Subject::User(user),
                context,
                now,
                &*self.entropy,
            )?,
        };
        match self.store.dismiss_notices(change).await? {
            DismissNoticesOutcome::Dismissed(_) => Ok(()),
            DismissNoticesOutcome::ActorRefused(refusal) => Err(refusal.into()),
        }
    }
}
