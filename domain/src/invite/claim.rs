use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::session::{ClientName, Session, SignedIn};
use crate::token::{Digest, Token, TokenName, TokenWithSecret};
use crate::user::{Account, Email, Password, PersonName, User, is_creator_valid};

use super::{Invite, InviteId, InviteKind, InviteStatus};

/// The data with which an invite is claimed.
#[derive(Debug)]
pub struct Claim {
    /// The email address: required for the first administrator; otherwise optional, and it must be
    /// the invited one.
    pub email: Option<Email>,
    /// The user's name.
    pub name: PersonName,
    /// The password for signing in with a browser, if any.
    pub password: Option<Password>,
    /// The name of a token to create with the account, with the role's highest scope, if any.
    pub token: Option<TokenName>,
    /// The client to start a browser session for, if any.
    pub session: Option<ClientName>,
}

/// The result of a claimed invite.
#[derive(Debug)]
#[non_exhaustive]
pub struct Claimed {
    /// The new user.
    pub user: User,
    /// The token and its secret, if one was requested.
    pub issued: Option<TokenWithSecret>,
    /// The browser session and its secret, if one was requested.
    pub signed_in: Option<SignedIn>,
}

/// Why an invite cannot be claimed, which the holder of its link may learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotClaimable {
    /// No invite has this secret.
    #[error("invite not found")]
    Unknown,
    /// The invite has already been claimed.
    #[error("the invite has already been claimed")]
    Claimed,
    /// It was withdrawn.
    #[error("the invite was withdrawn")]
    Withdrawn,
    /// It was replaced by a later one.
    #[error("the invite was replaced by a newer one")]
    Replaced,
    /// It has expired.
    #[error("the invite has expired")]
    Expired,
    /// The user who sent it is no longer an active administrator.
    #[error("the user who sent the invite can no longer invite others")]
    InviterNotAdmin,
    /// The invite is for the first administrator, and there are users already.
    #[error("the instance already has users")]
    InstanceHasUsers,
}

/// The change that claims an invite.
#[derive(Debug, Clone)]
pub struct ClaimInvite {
    /// The invite to claim.
    pub invite: InviteId,
    /// The time of the request.
    pub now: Timestamp,
    /// The new user and their password.
    pub account: Account,
    /// The user's token and the digest of its secret.
    pub token: Option<(Token, Digest)>,
    /// The user's session and the digest of its secret.
    pub session: Option<(Session, Digest)>,
    /// The audit event to append.
    pub audit: AuditEvent,
}

/// The outcome of a [`ClaimInvite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ClaimInviteOutcome {
    /// The user was created.
    Claimed,
    /// The invite cannot be claimed; nothing changed.
    NotClaimable(NotClaimable),
    /// A user with this address exists; nothing changed.
    EmailTaken,
}

impl ClaimInvite {
    /// Decides the change, given what the store read inside the transaction: the invite, its
    /// creator (`None` if that was the operator), whether the new user's address is taken, and
    /// whether there is any user. Returns the invite to write.
    ///
    /// # Errors
    ///
    /// The outcome to return when nothing may be written.
    pub fn decide(
        &self,
        invite: Option<&Invite>,
        creator: Option<&User>,
        email_taken: bool,
        any_user: bool,
    ) -> Result<Invite, ClaimInviteOutcome> {
        let invite = invite
            .filter(|invite| invite.id == self.invite)
            .ok_or(ClaimInviteOutcome::NotClaimable(NotClaimable::Unknown))?;
        check(invite, creator, any_user, self.now).map_err(ClaimInviteOutcome::NotClaimable)?;
        if email_taken {
            return Err(ClaimInviteOutcome::EmailTaken);
        }
        Ok(Invite {
            claimed: Some((self.now, self.account.user.id)),
            ..invite.clone()
        })
    }
}

/// Viewing and claiming both check this, so that viewing discloses no more than claiming.
pub(super) fn check(
    invite: &Invite,
    creator: Option<&User>,
    any_user: bool,
    now: Timestamp,
) -> Result<(), NotClaimable> {
    match invite.status(now) {
        InviteStatus::Open => {}
        InviteStatus::Claimed => return Err(NotClaimable::Claimed),
        InviteStatus::Withdrawn => return Err(NotClaimable::Withdrawn),
        InviteStatus::Replaced => return Err(NotClaimable::Replaced),
        InviteStatus::Expired => return Err(NotClaimable::Expired),
    }
    if !is_creator_valid(invite.created_by, creator) {
        return Err(NotClaimable::InviterNotAdmin);
    }
    if invite.kind == InviteKind::FirstAdmin && any_user {
        return Err(NotClaimable::InstanceHasUsers);
    }
    Ok(())
}
