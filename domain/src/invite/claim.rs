use crate::audit::{AuditAction, AuditActor, AuditEvent, RequestContext, Subject};
use crate::clock::Timestamp;
use crate::opaque::OpaqueSecret;
use crate::session::{ClientName, Session, SignedIn};
use crate::store::StoreError;
use crate::token::{Digest, Expiry, Token, TokenName, TokenWithSecret};
use crate::user::{Account, Email, Password, PersonName, User, UserId, is_vouched};

use super::{Invite, InviteError, InviteId, InviteKind, InviteStatus, Invites};

/// What somebody says who claims an invite.
#[derive(Debug)]
pub struct Claim {
    /// Their address: required of the first administrator; of others it must be the invited one if
    /// it is given.
    pub email: Option<Email>,
    /// What they are called.
    pub name: PersonName,
    /// Their password, to sign in with a browser.
    pub password: Option<Password>,
    /// The name of a token, to work without a browser. It gets the role's highest scope.
    pub token: Option<TokenName>,
    /// Start a browser session for this client.
    pub session: Option<ClientName>,
}

/// Somebody who has joined.
#[derive(Debug)]
pub struct Claimed {
    /// The new user.
    pub user: User,
    /// Their token and its secret, if they asked for one.
    pub issued: Option<TokenWithSecret>,
    /// Their browser session and its secret, if they asked for one.
    pub signed_in: Option<SignedIn>,
}

/// Why an invite cannot be claimed. Whoever holds its link is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotClaimable {
    /// There is none with this secret.
    #[error("there is no such invite")]
    Unknown,
    /// Somebody claimed it.
    #[error("the invite was claimed already")]
    Claimed,
    /// It was withdrawn, or replaced by a later one.
    #[error("the invite was withdrawn")]
    Withdrawn,
    /// Its time is up.
    #[error("the invite has expired")]
    Expired,
    /// Whoever invited is not an active administrator any more.
    #[error("whoever invited may not invite any more")]
    NotVouched,
    /// The instance has users, so nobody becomes its first administrator.
    #[error("the instance has users already")]
    InstanceHasUsers,
}

/// The change: an invite is claimed.
#[derive(Debug, Clone)]
pub struct ClaimInvite {
    /// Which one.
    pub invite: InviteId,
    /// The time of the request.
    pub now: Timestamp,
    /// The new user with their password.
    pub account: Account,
    /// Their token and its digest.
    pub token: Option<(Token, Digest)>,
    /// Their session and the digest of its secret.
    pub session: Option<(Session, Digest)>,
    /// The trail it leaves.
    pub audit: AuditEvent,
}

/// What became of a [`ClaimInvite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum ClaimInviteOutcome {
    /// The user is there.
    Claimed,
    /// The invite is not open any more; nothing changed.
    NotClaimable(NotClaimable),
    /// Somebody with this address has an account; nothing changed.
    EmailTaken,
}

impl ClaimInvite {
    /// Decides, from what the store read inside the transaction: the invite, whoever made it (`None`
    /// where that was the operator), whether the new user's address has an account, and whether
    /// there is any user at all. Answers the invite as it is
    /// to be written.
    ///
    /// # Errors
    ///
    /// The outcome to answer with when nothing may be written.
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

/// Who looks at an invite is shown no more than who claims it would get.
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
        InviteStatus::Expired => return Err(NotClaimable::Expired),
    }
    if !is_vouched(invite.created_by, creator) {
        return Err(NotClaimable::NotVouched);
    }
    if invite.kind == InviteKind::FirstAdmin && any_user {
        return Err(NotClaimable::InstanceHasUsers);
    }
    Ok(())
}

impl Invites {
    /// Returns the invite with this secret while [`claim`](Self::claim) would take it.
    ///
    /// # Errors
    ///
    /// [`InviteError::NotClaimable`]; [`InviteError::EmailTaken`] when the invited address has an
    /// account by now; [`InviteError::Store`].
    pub async fn look(&self, presented: &str) -> Result<Invite, InviteError> {
        let secret = OpaqueSecret::parse(presented).ok_or(NotClaimable::Unknown)?;
        let invite = StoreError::unless_damaged(self.store.find_invite(&secret.digest()).await)?;
        let invite = invite.ok_or(NotClaimable::Unknown)?;
        let users = &self.sessions.users;
        let creator = match invite.created_by {
            Some(id) => StoreError::unless_damaged(users.find(id).await)?,
            None => None,
        };
        let any_user = users.page(None, 1).await?.count() > 0;
        check(&invite, creator.as_ref(), any_user, self.clock.now())?;
        if let Some(email) = invite.email()
            && StoreError::separate(users.account(&email.key()).await)? != (None, None)
        {
            return Err(InviteError::EmailTaken);
        }
        Ok(invite)
    }

    /// Claims an invite: its bearer becomes a user. Counted by the client's address.
    ///
    /// # Errors
    ///
    /// [`InviteError`].
    pub async fn claim(
        &self,
        presented: &str,
        claim: Claim,
        context: &RequestContext,
    ) -> Result<Claimed, InviteError> {
        let now = self.clock.now();
        self.rate_limits
            .open_route("claim", context.client_address, now)
            .await?;
        let invite = self.look(presented).await?;
        let email = claimed_email(&invite, claim.email)?;
        if claim.password.is_none() && claim.token.is_none() {
            return Err(InviteError::NothingToSignInWith);
        }
        let entropy = &*self.entropy;
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
                Some(self.hasher.hash(password).await?)
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
            .map(|client| self.sessions.mint(user.id, client, context))
            .transpose()?;
        let mut audit = self.event(
            AuditActor::Anonymous,
            AuditAction::InviteClaimed,
            Subject::Invite(invite.id),
            context,
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

/// An invite is for its address alone, or a forwarded link would make an account under any name.
fn claimed_email(invite: &Invite, given: Option<Email>) -> Result<Email, InviteError> {
    match (invite.email(), given) {
        (None, Some(given)) => Ok(given),
        (None, None) => Err(InviteError::EmailRequired),
        (Some(invited), None) => Ok(invited.clone()),
        (Some(invited), Some(given)) if given.key() == invited.key() => Ok(invited.clone()),
        (Some(_), Some(_)) => Err(InviteError::EmailMismatch),
    }
}
