use std::cmp::Reverse;
use std::net::IpAddr;

use crate::access::{ActingRecord, Actor, ActorError, Principal, Requirement};
use crate::audit::{AuditAction, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::session::SignInLinkId;
use crate::token::{TokenId, TokenName};

use super::{UserError, UserId, Users};

/// Something that a user is told at their next sign-in, until they dismiss it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub about: NoticeAbout,
    /// When it happened.
    pub at: Timestamp,
}

/// What a [`Notice`] tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeAbout {
    /// A token of the user's was reported as leaked, and was revoked.
    LeakedToken {
        /// The token.
        token: TokenId,
        /// What its owner called it.
        name: TokenName,
    },
    /// A sign-in link was used: it set a new password and ended the browser sessions.
    UsedLink {
        /// The link.
        link: SignInLinkId,
        /// Where the request came from; `None` if that is not known.
        from: Option<IpAddr>,
    },
}

impl NoticeAbout {
    /// Returns the id of what the notice is about, with its prefix: a user has one notice for each.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::LeakedToken { token, .. } => token.to_string(),
            Self::UsedLink { link, .. } => link.to_string(),
        }
    }
}

impl Notice {
    /// Returns whether a caller who signed in at `signed_in_at` is told of it; `None` is a caller
    /// without a browser session. Whoever used a sign-in link knows: in the session that it began,
    /// its notice is neither shown nor dismissed, so that it waits for the next one.
    #[must_use]
    pub fn is_told(&self, signed_in_at: Option<Timestamp>) -> bool {
        match self.about {
            NoticeAbout::LeakedToken { .. } => true,
            NoticeAbout::UsedLink { .. } => signed_in_at.is_none_or(|begun| self.at < begun),
        }
    }

    /// Sorts notices, the newest first.
    pub fn sort(notices: &mut [Self]) {
        notices.sort_by_cached_key(|notice| Reverse((notice.at, notice.about.id())));
    }
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
    /// When the acting browser session began; see [`Notice::is_told`].
    pub signed_in_at: Option<Timestamp>,
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
    NotAuthorized(ActorError),
}

impl DismissNotices {
    /// Returns whether it dismisses a notice of the user's.
    #[must_use]
    pub fn covers(&self, notice: &Notice) -> bool {
        notice.at <= self.up_to && notice.is_told(self.signed_in_at)
    }

    /// Decides, from the acting credential's record as read inside the transaction.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
    pub fn decide(&self, actor: Option<&ActingRecord>) -> Result<(), DismissNoticesOutcome> {
        self.actor
            .check(actor)
            .map_err(DismissNoticesOutcome::NotAuthorized)
    }
}

impl Users {
    /// What the user that `principal` acts as is to be told, the newest first.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless a human asks; [`UserError::Store`].
    pub async fn notices(&self, principal: &Principal) -> Result<Vec<Notice>, UserError> {
        principal.authorize(Requirement::HUMAN)?;
        let mut notices = self.store.notices(principal.user_id()).await?;
        let signed_in_at = principal.session().map(|session| session.created_at);
        notices.retain(|notice| notice.is_told(signed_in_at));
        Ok(notices)
    }

    /// Dismisses what they were told up to `up_to`, so that a notice which comes in meanwhile is
    /// not lost.
    ///
    /// # Errors
    ///
    /// [`UserError::NotAuthorized`] unless a human asks; [`UserError::Store`].
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
            signed_in_at: principal.session().map(|session| session.created_at),
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
            DismissNoticesOutcome::NotAuthorized(refusal) => Err(refusal.into()),
        }
    }
}
