use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::opaque::OpaqueSecret;
use crate::session::{ClientName, Session, SignedIn};
use crate::store::StoreError;
use crate::token::{Digest, Expiry, Token, TokenName, TokenWithSecret};
use crate::user::{Account, Email, Password, PersonName, User, UserId, is_creator_valid};

use super::{Invite, InviteError, InviteId, InviteKind, InviteStatus, Invites};

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
fn check(
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

impl Invites {
    /// Returns the invite with this secret, as long as [`claim`](Self::claim) would accept it.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotClaimable`] when it cannot be claimed; [`InviteError::EmailTaken`] when a
    /// user with the invited address exists; [`InviteError::Store`] when the store fails.
    pub async fn preview(&self, presented: &str) -> Result<Invite, InviteError> {
        self.claimable(presented, self.sessions.ports.clock.now())
            .await
    }

    async fn claimable(&self, presented: &str, now: Timestamp) -> Result<Invite, InviteError> {
        let secret = OpaqueSecret::parse(presented).ok_or(NotClaimable::Unknown)?;
        let invite = StoreError::ignore_damaged(self.store.find_invite(&secret.digest()).await)?;
        let invite = invite.ok_or(NotClaimable::Unknown)?;
        let users = &self.sessions.ports.users;
        let creator = match invite.created_by {
            Some(id) => StoreError::ignore_damaged(users.find(id).await)?,
            None => None,
        };
        let any_user = users.page(None, 1).await?.count() > 0;
        check(&invite, creator.as_ref(), any_user, now)?;
        if let Some(email) = invite.email()
            && StoreError::separate_damaged(users.account(&email.key()).await)? != (None, None)
        {
            return Err(InviteError::EmailTaken);
        }
        Ok(invite)
    }

    /// Claims an invite and creates the user. Attempts are limited per client address.
    ///
    /// # Errors
    ///
    /// [`InviteError`], whose variants name the conditions, except for those of creating and
    /// withdrawing invites.
    pub async fn claim(
        &self,
        presented: &str,
        claim: Claim,
        context: &RequestContext,
    ) -> Result<Claimed, InviteError> {
        let now = self.sessions.ports.clock.now();
        self.sessions
            .ports
            .rate_limits
            .unauthenticated_route("claim", context.client_address, now)
            .await?;
        let invite = self.claimable(presented, now).await?;
        let email = claimed_email(&invite, claim.email)?;
        if claim.password.is_none() && claim.token.is_none() {
            return Err(InviteError::NoCredential);
        }
        let entropy = &*self.sessions.ports.entropy;
        let user = User {
            id: UserId::generate(now, entropy)?,
            email,
            name: claim.name,
            role: invite.role(),
            created_at: now,
            suspended_at: None,
        };
        let password = match &claim.password {
            None => None,
            Some(password) => {
                password.check_new(&user.own_words())?;
                Some(self.sessions.ports.hasher.hash(password).await?)
            }
        };
        let scope = user.role.highest_scope();
        let from = context.client_address;
        let issued = claim
            .token
            .map(|name| {
                TokenWithSecret::mint(user.id, name, scope, Expiry::Never, now, from, entropy)
            })
            .transpose()?;
        let signed_in = claim
            .session
            .map(|client| self.sessions.mint(user.id, client, context, now))
            .transpose()?;
        let mut audit = self.sessions.event(
            AuditActor::Anonymous,
            AuditAction::InviteClaimed,
            Subject::Invite(invite.id),
            context,
            now,
        )?;
        audit.related = Some(Subject::User(user.id));
        let change = ClaimInvite {
            invite: invite.id,
            now,
            account: Account {
                user: user.clone(),
                password,
            },
            token: issued
                .as_ref()
                .map(|issued| (issued.token.clone(), issued.secret.digest())),
            session: signed_in
                .as_ref()
                .map(|signed_in| (signed_in.session.clone(), signed_in.secret.digest())),
            audit,
        };
        match self.store.claim_invite(change).await? {
            ClaimInviteOutcome::Claimed => Ok(Claimed {
                user,
                issued,
                signed_in,
            }),
            ClaimInviteOutcome::NotClaimable(reason) => Err(reason.into()),
            ClaimInviteOutcome::EmailTaken => Err(InviteError::EmailTaken),
        }
    }
}

/// Returns the address of the new user. An invite is valid for its address only; otherwise anyone
/// with a forwarded link could create an account under any address.
fn claimed_email(invite: &Invite, given: Option<Email>) -> Result<Email, InviteError> {
    match (invite.email(), given) {
        (None, Some(given)) => Ok(given),
        (None, None) => Err(InviteError::EmailRequired),
        (Some(invited), None) => Ok(invited.clone()),
        (Some(invited), Some(given)) if given.key() == invited.key() => Ok(invited.clone()),
        (Some(_), Some(_)) => Err(InviteError::EmailMismatch),
    }
}
