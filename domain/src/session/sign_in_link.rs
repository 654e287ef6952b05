use crate::access::{ActingRecord, Actor, ActorError, Principal};
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::digest::Digest;
use crate::id::SignInLinkId;
use crate::opaque::OpaqueSecret;
use crate::user::{Email, Notice, NoticeAbout, PasswordHash, User, UserId, is_creator_valid};

use super::{Session, SessionSelection};

/// The lifetime of a sign-in link: 1 hour.
pub const SIGN_IN_LINK_LIFETIME_SECONDS: i64 = 60 * 60;

/// A one-time link for a user who has no password or forgot it. Its bearer sets a new password and
/// is signed in as the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInLink {
    /// The link's id.
    pub id: SignInLinkId,
    /// The user it signs in.
    pub user: UserId,
    /// The administrator who created it; `None` means the operator.
    pub created_by: Option<UserId>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it expires (exclusive).
    pub expires_at: Timestamp,
    /// When it was used; `None` while it was not. Replaced links are deleted.
    pub used_at: Option<Timestamp>,
}

impl SignInLink {
    /// Returns whether the link is unused and unexpired at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }

    /// Returns whether the link can be used at `now`, given its user and its creator (`None` if
    /// that was the operator). Viewing and using a link both check this, so that viewing discloses
    /// no more than using.
    pub(super) fn is_usable(
        &self,
        user: Option<&User>,
        creator: Option<&User>,
        now: Timestamp,
    ) -> bool {
        self.is_open(now)
            && user.is_some_and(|user| user.id == self.user && user.is_active())
            && is_creator_valid(self.created_by, creator)
    }
}

/// A new link and its secret, which exists only here and in the link's URL.
#[derive(Debug)]
#[non_exhaustive]
pub struct NewSignInLink {
    /// The link.
    pub link: SignInLink,
    /// The secret part of the URL.
    pub secret: OpaqueSecret,
}

/// The change that creates a sign-in link.
#[derive(Debug, Clone)]
pub struct CreateSignInLink {
    /// The acting credential; `None` means the operator.
    pub actor: Option<Actor>,
    /// The link.
    pub link: SignInLink,
    /// The digest of the link's secret.
    pub digest: Digest,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`CreateSignInLink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CreateSignInLinkOutcome {
    /// The link was created.
    Created,
    /// The user does not exist or is suspended; nothing changed.
    NotFound,
    /// The acting credential is no longer valid; nothing changed.
    NotAuthorized(ActorError),
}

impl CreateSignInLink {
    /// Decides the change, given the acting credential's record
    /// ([as an author](ActingRecord::as_author)), if there is one, and the user as read inside the
    /// transaction.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        actor: Option<&ActingRecord>,
        user: Option<&User>,
    ) -> Result<(), CreateSignInLinkOutcome> {
        if let Some(acting) = &self.actor {
            acting
                .check(actor)
                .map_err(CreateSignInLinkOutcome::NotAuthorized)?;
        }
        user.filter(|user| user.id == self.link.user && user.is_active())
            .map(|_| ())
            .ok_or(CreateSignInLinkOutcome::NotFound)
    }
}

/// The change that uses a sign-in link.
#[derive(Debug, Clone)]
pub struct RedeemSignInLink {
    /// The link to use.
    pub link: SignInLinkId,
    /// The time of the request.
    pub now: Timestamp,
    /// The hash of the new password.
    pub hash: PasswordHash,
    /// The new session.
    pub session: Session,
    /// The digest of the session's secret.
    pub digest: Digest,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`RedeemSignInLink`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RedeemSignInLinkOutcome {
    /// The password was set and the session started.
    Redeemed,
    /// The link is used, replaced or expired, or its user is suspended; nothing changed.
    Rejected,
}

impl RedeemSignInLink {
    /// Returns the notice that the store adds for the user.
    #[must_use]
    pub fn notice(&self) -> Notice {
        Notice {
            about: NoticeAbout::UsedLink {
                link: self.link,
                from: self.audit.context.client_address,
            },
            at: self.session.created_at,
        }
    }

    /// Decides the change, given the link, its user and its creator (`None` if that was the
    /// operator) as read inside the transaction. A link of an administrator who was suspended or
    /// demoted since is invalid. Returns which of the user's earlier sessions to end.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        link: Option<&SignInLink>,
        user: Option<&User>,
        creator: Option<&User>,
    ) -> Result<SessionSelection, RedeemSignInLinkOutcome> {
        let is_it = |link: &&SignInLink| link.id == self.link && link.user == self.session.user;
        match link.filter(is_it) {
            Some(link) if link.is_usable(user, creator, self.now) => {
                Ok(SessionSelection::AllBut(self.session.id))
            }
            _ => Err(RedeemSignInLinkOutcome::Rejected),
        }
    }
}

/// The user to create a sign-in link for, and who creates it.
#[derive(Debug, Clone, Copy)]
pub enum SignInLinkUser<'a> {
    /// An administrator creates it for the user with this id.
    ByAdmin(&'a Principal, UserId),
    /// The operator creates it for the user with this address.
    ByOperator(&'a Email),
}
